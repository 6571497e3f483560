// The part of the stack that a metadata service needs: HTTP engine, service, cache. Private to fs/stack*.c
// but for what --check asks.
#ifndef FS_STACK_SERVICE_H
#define FS_STACK_SERVICE_H

#include "fs/stack.h"

// Whether the configuration names a metadata service and no option names a local datastore instead.
bool stack_wants_service(const struct stack *s, const struct options *o);
// Finds URL, cache folder and certificates. Starts no thread. A missing or malformed URL is ERR_INVALID.
errc stack_service_find(struct stack *s, const struct options *o, struct err *err) ERR_MUST_CHECK;
// Makes HTTP engine, service and cache, and of the latter two the source of metadata, which owns them.
errc stack_service_meta(struct stack *s, const struct options *o, struct meta **ret, struct err *err) ERR_MUST_CHECK;
// Asks the service for its flows, past the cache. *ret_flows is how many there are.
errc stack_service_ask(struct stack *s, struct cancel *cancel, size_t *ret_flows, struct err *err) ERR_MUST_CHECK;
// The URL without its user part, owned by the caller; NULL when it is no http(s) URL with a host. Pure.
char *stack_url_shown(const char *url);

#endif
