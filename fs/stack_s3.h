// The part of the stack that a datastore in S3 needs, besides fs/stack_aws.h: S3 client, parallel fetcher, cache.
// Private to fs/stack*.c but for what the start, --check and .metaflowfs/ ask. Thread-safe.
#ifndef FS_STACK_S3_H
#define FS_STACK_S3_H

#include "fs/s3_settings.h"
#include "fs/stack.h"

struct stack_s3;

// Whether the datastore is in S3: --datastore-root s3://…, or without that option METAFLOW_DEFAULT_DATASTORE=s3.
bool stack_wants_s3(const struct stack *s, const struct options *o);
// The root, and how S3 is reached, into s. Starts no thread, asks nobody.
errc stack_s3_find(struct stack *s, const struct options *o, struct err *err) ERR_MUST_CHECK;

// Makes nothing yet: a mount of a local datastore needs S3 only where its records name it. Both are borrowed.
struct stack_s3 *stack_s3_new(struct stack *s, const struct options *o);
// Nobody is in a call any more, and every store is freed; NULL is fine.
void stack_s3_free(struct stack_s3 *s3);
// A byte source over "s3://…" (client_conf.store_open), with the cache around it where there is one. Makes what it
// needs when first called. Asks nobody.
errc stack_s3_store(void *s3, const char *root, struct store **ret, struct err *err) ERR_MUST_CHECK;

// Whether the mounted datastore can be listed; the cause says what to do.
errc stack_s3_check(const struct stack *s, struct cancel *cancel, struct err *err) ERR_MUST_CHECK;
// The same as a mount starts, which a network that is down does not stop when there is a cache: it is logged then.
errc stack_s3_start(const struct stack *s, int64_t wait_ms, struct err *err) ERR_MUST_CHECK;

// For people: endpoint, region, credentials, a label of `width` columns and a text a line, none of them a secret.
// Nothing where S3 was not needed yet.
void stack_s3_describe(const struct stack *s, int width, struct buf *out);
// Its counters, through stats_put.
void stack_s3_counters(const struct stack *s, struct buf *out);
// Of every HTTP engine there is; false when there is none.
bool stack_http_stats(const struct stack *s, struct http_stats *ret);

#endif
