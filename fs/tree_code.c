// The code package of a run as files.
#include "fs/tree_i.h"

errc tree_code_lookup(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                      enum kind *ret_kind, struct tattr *ret_attr, struct err *err)
{
    (void)t;
    (void)dir;
    (void)cancel;
    (void)ret_kind;
    (void)ret_attr;
    return err_set(err, ERR_NOT_FOUND, "there is no %s in the code package", name);
}

errc tree_code_attr(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret, struct err *err)
{
    (void)t;
    (void)cancel;
    (void)ret;
    return err_set(err, ERR_NOT_FOUND, "run %s/%s has no code package", r->flow, r->run);
}

errc tree_code_list(struct tree *t, const struct tref *dir, struct cancel *cancel, tree_list_fn fn, void *arg,
                    struct err *err)
{
    (void)t;
    (void)cancel;
    (void)fn;
    (void)arg;
    return err_set(err, ERR_NOT_FOUND, "run %s/%s has no code package", dir->flow, dir->run);
}

errc tree_code_open(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
                    uint64_t *ret_version, struct err *err)
{
    (void)t;
    (void)cancel;
    (void)ret;
    (void)ret_version;
    return err_set(err, ERR_NOT_FOUND, "run %s/%s has no code package", r->flow, r->run);
}
