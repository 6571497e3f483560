// Private to client/code*.c.
#ifndef CLIENT_CODE_I_H
#define CLIENT_CODE_I_H

#include "client/code.h"
#include "client/model_i.h"

// Holds the package's archive as it is stored. The first does not wait, the second does until it is whole and checked.
errc code_get(struct client *c, const char *flow, const struct code_package *p, struct staged **ret,
              struct err *err) ERR_MUST_CHECK;
errc code_get_whole(struct client *c, const char *flow, const struct code_package *p, struct cancel *cancel,
                    struct staged **ret, struct err *err) ERR_MUST_CHECK;

#endif
