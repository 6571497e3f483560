#include "fs/grow.h"

#include "base/clock.h"

bool grow_due(struct serve *s, const struct inode_view *v)
{
    if (!v->attr.growing) {
        return false;
    }
    struct live *f = live_find(s->lives, v->nodeid);
    bool due = f != NULL && live_is_due(f, clock_mono_ms());
    if (f != NULL) {
        live_close(s->lives, f);
    }
    return due;
}

static errc take_newest(struct serve *s, struct live *f, uint64_t nodeid, const struct tref *node,
                        const struct tattr *attr, struct cancel *cancel, struct err *err)
{
    struct content *content;
    uint64_t version;
    struct inode_size_change change;
    errc e = tree_open(s->tree, node, cancel, &content, &version, err);
    if (e) {
        return e;
    }
    uint64_t size = content_size(content);
    live_replace(f, content, attr);
    inodes_resize(s->inodes, nodeid, size, &change);
    return ERR_OK;
}

errc grow_look(struct serve *s, uint64_t nodeid, const struct tref *node, struct cancel *cancel,
               struct err *err)
{
    struct live *f = live_find(s->lives, nodeid);
    if (f == NULL) {
        return ERR_OK;
    }
    errc e = ERR_OK;
    if (live_due(f, clock_mono_ms())) {
        struct tattr attr;
        e = tree_attr(s->tree, node, cancel, &attr, err);
        if (!e && live_differs(f, &attr)) {
            e = take_newest(s, f, nodeid, node, &attr, cancel, err);
        }
    }
    live_close(s->lives, f);
    return e;
}
