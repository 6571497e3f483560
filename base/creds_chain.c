// The order of the sources, which is botocore's (create_credential_resolver), and what is said when none has anything.
#include <string.h>

#include "base/creds_i.h"
#include "base/mem.h"

static errc ask_env(struct look *l, struct found *ret, struct err *err)
{
    return l->is_given ? err_set(err, ERR_NOT_FOUND, "keys of the environment do not count beside a profile option")
                       : creds_from_env(l, ret, err);
}

// "default" may be missing; a profile that somebody named may not.
static errc ask_role(struct look *l, struct found *ret, struct err *err)
{
    if (strcmp(l->profile, "default") != 0 && !aws_profile_exists(l->files, l->profile)) {
        return err_set(err, ERR_DENIED,
                       "profile %.100s is in neither the config nor the credentials file of AWS (~/.aws, or what "
                       "AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name)", l->profile);
    }
    strv_add(&l->visited, l->profile);
    return creds_from_role(l, l->profile, ret, err);
}

static errc ask_profile(struct look *l, struct found *ret, struct err *err)
{
    return creds_from_profile(l, l->profile, !l->is_given, ret, err);
}

errc creds_from_chain(struct look *l, struct found *ret, struct err *err)
{
    static errc (*const sources[])(struct look *, struct found *, struct err *) = {
        ask_env, ask_role, ask_profile, creds_from_container, creds_from_instance,
    };
    auto_cleanup(buf_free) struct buf lacks = {0};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct found f = {.source = NULL};
        errc e = sources[i](l, &f, err);
        if (e == ERR_NOT_FOUND) {
            buf_printf(&lacks, "%s%s", i > 0 ? "; " : "", err->cause);
            continue;
        }
        e = e ? e : creds_check(&f, err);
        if (e) {
            found_free(&f);
            return e;
        }
        *ret = f;
        return ERR_OK;
    }
    return err_set(err, ERR_DENIED, "there are no AWS credentials: %s", lacks.data);
}
