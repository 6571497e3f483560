// What client/logs.c and client/logs_open.c share; nobody else includes it.
#ifndef CLIENT_LOGS_I_H
#define CLIENT_LOGS_I_H

#include "client/logs.h"

// The parts that make the text of some streams.
struct log_choice_part {
    char *path;    // in the store
    char *version; // size and time
    bool legacy;   // from before mflog: has no lines to parse
    uint64_t size;
};
struct log_choice {
    struct log_choice_part parts[4];
    size_t len;
};
errc log_choose(const struct log_source *src, enum log_stream streams, struct cancel *cancel,
                struct log_choice *c, struct err *err) ERR_MUST_CHECK;
void log_choice_free(struct log_choice *c);
bool log_is_single_empty_line(const struct log_source *src, enum log_stream streams);

#endif
