#include "base/mem.h"
#include "client/model_i.h"

// Always of the run as it is now: an old copy must not decide about a write.
static errc read_run(struct client *c, const struct pathspec *run, struct cancel *cancel,
                     struct meta_object **ret, struct err *err)
{
    model_forget_row(c, run);
    return client_object(c, run, cancel, ret, err);
}

static errc mutate(struct client *c, const struct pathspec *run, const char *add, const char *remove,
                   struct cancel *cancel, struct err *err)
{
    auto_cleanup(strv_free) struct strv to_add = {0}, to_remove = {0};
    if (add) {
        strv_add(&to_add, add);
    }
    if (remove) {
        strv_add(&to_remove, remove);
    }
    errc code = c->meta->ops->mutate_tags(c->meta, run, &to_add, &to_remove, cancel, err);
    model_forget_row(c, run); // also after a failure, which may have come late
    return code;
}

errc client_tag_add(struct client *c, const struct pathspec *run, const char *tag, struct cancel *cancel,
                    struct err *err)
{
    auto_cleanup(meta_object_freep) struct meta_object *o = NULL;
    errc code = read_run(c, run, cancel, &o, err);
    if (code) {
        return code;
    }
    if (strv_has(&o->tags, tag) || strv_has(&o->system_tags, tag)) {
        return err_set(err, ERR_EXISTS, "run %s/%s has the tag \"%s\" already", run->flow, run->run, tag);
    }
    return mutate(c, run, tag, NULL, cancel, err);
}

errc client_tag_remove(struct client *c, const struct pathspec *run, const char *tag,
                       struct cancel *cancel, struct err *err)
{
    auto_cleanup(meta_object_freep) struct meta_object *o = NULL;
    errc code = read_run(c, run, cancel, &o, err);
    if (code) {
        return code;
    }
    if (strv_has(&o->system_tags, tag)) {
        return err_set(err, ERR_NOT_PERMITTED, "\"%s\" is a system tag, which nobody may remove", tag);
    }
    if (!strv_has(&o->tags, tag)) {
        return err_set(err, ERR_NOT_FOUND, "run %s/%s has no tag \"%s\"", run->flow, run->run, tag);
    }
    return mutate(c, run, NULL, tag, cancel, err);
}
