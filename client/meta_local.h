// The local provider beyond client/meta.h: its one setting, and the parsers of its files as pure
// functions over bytes. A malformed file is ERR_CORRUPT with `what` (its path) in the cause.
#ifndef CLIENT_META_LOCAL_H
#define CLIENT_META_LOCAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "client/meta.h"

// Metaflow's user name (get_username), written into a run whose tags are changed; NULL (the default)
// writes null, as Metaflow does when it knows none. Copied. Call it before the provider is
// shared. It looks through a client/fault.h wrapper and does nothing to another provider.
void meta_local_set_user(struct meta *m, const char *user);

// What a `_self.json` says: times, user and tags. Ids are not taken from it but from where it is.
errc meta_local_parse_object(const char *text, size_t len, const char *what, struct meta_object *ret,
                             struct err *err) ERR_MUST_CHECK;
// One `sysmeta_{field}_{time}.json`.
errc meta_local_parse_record(const char *text, size_t len, const char *what, struct meta_record *ret,
                             struct err *err) ERR_MUST_CHECK;
// One `{attempt}_artifact_{name}.json`; name and attempt are those of the file name.
errc meta_local_parse_artifact(const char *text, size_t len, const char *what, const char *name,
                               int attempt, struct meta_artifact *ret, struct err *err) ERR_MUST_CHECK;
// Splits such a file name: false when it is none. *ret_name is owned by the caller.
bool meta_local_artifact_file(const char *file_name, int *ret_attempt, char **ret_name);

// The text of a run's `_self.json` as Metaflow writes it (json.dump, ASCII). Owned by the caller.
char *meta_local_run_text(const char *flow, const char *run, const char *user, const struct strv *tags,
                          const struct strv *system_tags, int64_t now_ms);
// Metaflow's validate_tag: not empty, UTF-8, at most 500 characters; else ERR_INVALID.
errc meta_local_check_tag(const char *tag, struct err *err) ERR_MUST_CHECK;

#endif
