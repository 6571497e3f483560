// Runs a program, without a shell, and takes what it writes: for helpers that people configure (credential_process).
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/strv.h"

struct child_result {
    int exit_code;         // 128 + signal when a signal ended it
    struct buf out;        // what it wrote to its standard output; wiped by child_result_free
    struct buf last_words; // the last line of its standard error, control characters replaced
};

// The first word is looked for in PATH. Standard input is /dev/null; in the foreground of a terminal it may ask there
// (/dev/tty), and Ctrl-C is for it, too; in the background that is ERR_DENIED at once. ERR_LIMIT when it writes more
// than max_out bytes, ERR_TIMEOUT after `timeout_ms`, ERR_INTERRUPTED or ERR_TIMEOUT by the token (within 100 ms): it
// and what it began are killed, and it is waited for. When we end meanwhile, however that is, it is ended, too.
// ERR_DENIED or ERR_NOT_FOUND when it cannot be started. The caller frees *ret, which is filled on success only.
errc child_run(const struct strv *words, size_t max_out, unsigned timeout_ms, struct cancel *cancel,
               struct child_result *ret, struct err *err) ERR_MUST_CHECK;
void child_result_free(struct child_result *r); // empties it

#endif
