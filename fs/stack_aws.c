#include "fs/stack_aws.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fs/s3_params.h"

struct stack_aws {
    struct stack *stack;           // borrowed
    const struct options *options; // borrowed
    pthread_mutex_t lock;          // of all that follows, until made
    bool made;
    struct aws_parts parts;
    bool own_http;
    struct creds *given;           // of S3's own keys, or NULL
};

struct stack_aws *stack_aws_new(struct stack *s, const struct options *o)
{
    struct stack_aws *a = mem_zalloc(sizeof(*a));
    a->stack = s;
    a->options = o;
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

void stack_aws_free(struct stack_aws *a)
{
    if (a == NULL) {
        return;
    }
    creds_free(a->parts.creds);
    creds_free(a->given);
    if (a->own_http) {
        http_free(a->parts.http);
    }
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static errc make_http(struct stack_aws *a, const struct s3_settings *set, struct err *err)
{
    if (a->stack->http != NULL && str_same(set->ca_file, a->stack->ca_file)) {
        a->parts.http = a->stack->http;
        return ERR_OK;
    }
    struct http_conf conf = {.max_connections = set->max_connections, .ca_file = set->ca_file};
    errc e = http_new(&conf, &a->parts.http, err);
    a->own_http = !e;
    return e;
}

static void make_creds(struct stack_aws *a, const struct s3_settings *set)
{
    struct creds_conf conf = {.http = a->parts.http, .profile = set->profile, .region = set->region};
    a->parts.creds = creds_new(&conf);
    if (set->keys.access_key != NULL) {
        conf.given = &set->keys;
        conf.given_from = S3_PARAMS_NAME;
        a->given = creds_new(&conf);
    }
    a->parts.s3_creds = set->anonymous ? NULL : a->given != NULL ? a->given : a->parts.creds;
}

static errc make(struct stack_aws *a, struct err *err)
{
    struct stack *s = a->stack;
    errc e = ERR_OK;
    if (s->s3_root == NULL) {
        // A local datastore: nobody has looked yet how AWS is reached.
        s3_settings_free(&s->s3_settings);
        e = s3_settings_find(s->config, a->options, NULL, &s->s3_settings, err);
    }
    const struct s3_settings *set = &s->s3_settings;
    if (!e) {
        e = make_http(a, set, err);
    }
    if (!e) {
        make_creds(a, set);
        a->parts.settings = set;
        a->made = true;
    }
    return e;
}

errc stack_aws_get(struct stack_aws *a, struct aws_parts *ret, struct err *err)
{
    pthread_mutex_lock(&a->lock);
    errc e = a->made ? ERR_OK : make(a, err);
    if (!e) {
        *ret = a->parts;
    }
    pthread_mutex_unlock(&a->lock);
    return e;
}

struct http *stack_aws_own_http(struct stack_aws *a)
{
    if (a == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&a->lock);
    struct http *http = a->made && a->own_http ? a->parts.http : NULL;
    pthread_mutex_unlock(&a->lock);
    return http;
}
