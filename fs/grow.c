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

bool grow_has_more(struct serve *s, const struct inode_view *v)
{
    struct live *f = v->attr.growing ? live_find(s->lives, v->nodeid) : NULL;
    if (f == NULL) {
        return false;
    }
    struct content *content = live_content(f);
    bool has_more = content_has_more(content);
    content_unref(content);
    live_close(s->lives, f);
    return has_more;
}

static errc take_newest(struct serve *s, struct live *f, uint64_t nodeid, const struct tref *node,
                        const struct tattr *attr, uint64_t from, struct cancel *cancel, struct err *err)
{
    struct content *content;
    struct inode_size_change change;
    errc e = tree_follow(s->tree, node, from, cancel, &content, err);
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
            e = take_newest(s, f, nodeid, node, &attr, TREE_NOW, cancel, err);
        }
    }
    live_close(s->lives, f);
    return e;
}

errc grow_wait(struct serve *s, uint64_t nodeid, const struct tref *node, uint64_t from, struct cancel *cancel,
               struct err *err)
{
    struct tattr attr;
    struct live *f = live_find(s->lives, nodeid);
    if (f == NULL) {
        return ERR_OK;
    }
    errc e = tree_attr(s->tree, node, cancel, &attr, err);
    if (!e) {
        e = take_newest(s, f, nodeid, node, &attr, from, cancel, err);
    }
    live_close(s->lives, f);
    return e;
}
