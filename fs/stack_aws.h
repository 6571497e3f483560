// What everything of AWS shares: how it is reached, HTTP engine, credentials. Made when it is first needed: a mount of
// local data alone never looks for any of it. Private to fs/stack*.c. Thread-safe.
#ifndef FS_STACK_AWS_H
#define FS_STACK_AWS_H

#include "base/creds.h"
#include "fs/stack.h"

struct stack_aws;

// Makes nothing yet. Both are borrowed.
struct stack_aws *stack_aws_new(struct stack *s, const struct options *o);
void stack_aws_free(struct stack_aws *a); // nobody uses the parts any more; NULL is fine

struct aws_parts {
    struct http *http;                  // the service's, unless AWS has certificates of its own
    struct creds *creds;                // never NULL
    struct creds *s3_creds;             // of S3, often the same; NULL with --no-sign-request
    const struct s3_settings *settings;
};
// Borrowed; they live as long as `a`. Asks nobody. ERR_INVALID for settings that cannot be.
errc stack_aws_get(struct stack_aws *a, struct aws_parts *ret, struct err *err) ERR_MUST_CHECK;
// The HTTP engine that was made for AWS alone; NULL when there is none.
struct http *stack_aws_own_http(struct stack_aws *a);

#endif
