// The credentials that a test's requests are signed with, in the place of base/creds.h's chain.
#ifndef TESTS_FAKE_KEYS_H
#define TESTS_FAKE_KEYS_H

#include <stdlib.h>

#include "base/creds.h"
#include "base/mem.h"

struct creds {
    uint64_t serial;   // 0: there are none
    const char *token; // the session token is this with the serial behind it; NULL: there is none
    bool is_fixed;     // there are no others
    int rejected;
};

errc creds_get(struct creds *c, struct cancel *cancel, struct creds_value *ret, struct err *err)
{
    (void)cancel;
    if (c->serial == 0) {
        return err_set(err, ERR_DENIED, "there are no credentials");
    }
    *ret = (struct creds_value){
        .access_key = mem_strdup("AKTEST"),
        .secret_key = mem_strdup("a-secret-key-that-is-very-secret"),
        .token = c->token ? mem_printf("%s%d", c->token, (int)c->serial) : NULL,
        .expires_ms = -1,
        .serial = c->serial,
    };
    return ERR_OK;
}

void creds_value_free(struct creds_value *v)
{
    free(v->access_key);
    free(v->secret_key);
    free(v->token);
}

void creds_rejected(struct creds *c, uint64_t serial)
{
    c->rejected++;
    if (serial == c->serial && !c->is_fixed) {
        c->serial++;
    }
}

#endif
