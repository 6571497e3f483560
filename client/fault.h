// The fault-injecting fake: wraps a metadata source or a byte source and holds up or fails what it
// is asked, as told by a rule text. It is a shipped layer (`--fault RULES`, for tests and for trying
// how a program behaves on a slow store), not a test double.
//
// RULES: rule[;rule...], rule: WHAT:ACTION[@SUBSTRING] where WHAT is get, list, records, artifacts,
// info, read or any; ACTION is delay=MS, hang (until cancelled or the file named by hang=FILE is
// gone), fail=CODE (an err_name) or rate=N (fails with ERR_IO one call in N, deterministic). With
// @SUBSTRING the rule holds only for pathspecs or paths that contain it (an artifact asked for by its
// name is F/R/S/T/name). `artifacts` holds for one artifact too, `list` for both kinds of source, `any`
// also for changes of tags. Every rule that holds is applied, in the order of the text.
// Example: "any:delay=5;get:hang=/tmp/hold@F/17".
#ifndef CLIENT_FAULT_H
#define CLIENT_FAULT_H

#include "client/meta.h"
#include "client/store.h"

struct fault;
// Text that is no rule is ERR_INVALID, which says what is accepted.
errc fault_parse(const char *rules, struct fault **ret, struct err *err) ERR_MUST_CHECK;
void fault_free(struct fault *f);
// The wrapper owns `inner` and borrows `f`.
struct meta *fault_meta(struct fault *f, struct meta *inner);
struct store *fault_store(struct fault *f, struct store *inner);
// The source behind a wrapper of fault_meta; m itself when it is none.
struct meta *fault_meta_inner(struct meta *m);

#endif
