// The daemon's log: one line an event, "TIME LEVEL module: text". The sink is process-wide, set once
// at start. Never pass a secret: values of configuration go through config_redact (client/config.h).
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// Writes to the file (created 0600, appended to) or to stderr when path is NULL.
errc log_open(const char *path, enum log_level level, struct err *err) ERR_MUST_CHECK;
void log_close(void);
errc log_level_parse(const char *text, enum log_level *ret_level, struct err *err) ERR_MUST_CHECK;
void log_write(enum log_level level, const char *module, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(module, ...) log_write(LOG_LEVEL_ERROR, module, __VA_ARGS__)
#define log_warn(module, ...) log_write(LOG_LEVEL_WARN, module, __VA_ARGS__)
#define log_info(module, ...) log_write(LOG_LEVEL_INFO, module, __VA_ARGS__)
#define log_debug(module, ...) log_write(LOG_LEVEL_DEBUG, module, __VA_ARGS__)

#endif
