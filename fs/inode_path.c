// Paths of the node table: chains of names, and what is below a node.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/inode_table.h"

bool inodes_chain(struct inodes *t, uint64_t nodeid, struct inode_chain *ret)
{
    uint32_t up[INODE_DEPTH_MAX], slot;
    unsigned depth = 0;
    pthread_mutex_lock(&t->lock);
    bool ok = table_node(t, nodeid, &slot) != NULL;
    for (; ok && slot != 0; slot = slots_at(&t->slots, slot)->parent) {
        ok = depth < INODE_DEPTH_MAX;
        if (ok) {
            up[depth++] = slot;
        }
    }
    if (ok) {
        char *text = ret->text;
        ret->len = depth;
        for (unsigned i = 0; i < depth; i++) {
            const struct node *n = slots_at(&t->slots, up[depth - 1 - i]);
            ret->kind[i] = n->kind;
            ret->name[i] = text;
            memcpy(text, slots_name(n), (size_t)n->name_len + 1);
            text += (size_t)n->name_len + 1;
        }
    }
    pthread_mutex_unlock(&t->lock);
    return ok;
}

char *inodes_path(struct inodes *t, uint64_t nodeid, const char *name)
{
    struct inode_chain chain;
    struct buf b = {0};
    if (!inodes_chain(t, nodeid, &chain)) {
        buf_puts(&b, "?");
    } else {
        for (unsigned i = 0; i < chain.len; i++) {
            buf_printf(&b, "%s%s", i > 0 ? "/" : "", chain.name[i]);
        }
    }
    if (name != NULL) {
        buf_printf(&b, "%s%s", b.len > 0 ? "/" : "", name);
    }
    return buf_steal(&b);
}

uint64_t inodes_walk_path(struct inodes *t, const char *path)
{
    uint32_t slot = 0;
    pthread_mutex_lock(&t->lock);
    uint64_t nodeid = INODE_ROOT;
    while (nodeid != 0) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        char name[256];
        if (len == 0) {
            break;
        }
        if (len == 1 && *path == '.') {
            path++;
            continue;
        }
        if (len >= sizeof(name)) {
            nodeid = 0;
            break;
        }
        memcpy(name, path, len);
        name[len] = '\0';
        path += len;
        const struct node *n = table_child(t, slot, name, &slot);
        nodeid = n == NULL ? 0 : slot_to_nodeid(slot, n);
    }
    pthread_mutex_unlock(&t->lock);
    return nodeid;
}

void inodes_expire(struct inodes *t, uint64_t nodeid)
{
    uint32_t slot;
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, nodeid, &slot);
    if (n != NULL) {
        n->expires_ms = INT64_MIN;
    }
    pthread_mutex_unlock(&t->lock);
}

void inodes_expire_child(struct inodes *t, uint64_t parent, const char *name)
{
    uint32_t up, slot;
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, parent, &up) == NULL ? NULL : table_child(t, up, name, &slot);
    if (n != NULL) {
        n->expires_ms = INT64_MIN;
    }
    pthread_mutex_unlock(&t->lock);
}

static bool is_below(const struct inodes *t, uint32_t slot, uint32_t top)
{
    while (slot != top && slot != 0) {
        slot = slots_at(&t->slots, slot)->parent;
    }
    return slot == top;
}

#define SCAN_AT_ONCE 65536u // slots looked at under one hold of the lock

size_t inodes_expire_below(struct inodes *t, uint64_t top, uint64_t *cursor, struct inode_ref *out,
                           size_t max)
{
    size_t found = 0;
    bool more = true;
    while (found == 0 && more) {
        uint32_t top_slot;
        pthread_mutex_lock(&t->lock);
        uint64_t end = (uint64_t)t->slots.n_chunks * SLOTS_PER_CHUNK;
        more = table_node(t, top, &top_slot) != NULL;
        for (unsigned i = 0; more && i < SCAN_AT_ONCE && found < max; i++, (*cursor)++) {
            more = *cursor < end;
            struct node *n = more ? slots_live(&t->slots, (uint32_t)*cursor) : NULL;
            if (n == NULL || !is_below(t, (uint32_t)*cursor, top_slot)) {
                continue;
            }
            n->expires_ms = INT64_MIN;
            struct inode_ref *r = &out[found++];
            r->nodeid = slot_to_nodeid((uint32_t)*cursor, n);
            r->parent = slot_to_nodeid(n->parent, slots_at(&t->slots, n->parent));
            memcpy(r->name, slots_name(n), (size_t)n->name_len + 1);
        }
        pthread_mutex_unlock(&t->lock);
    }
    return found;
}
