#include "fs/inode.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "fs/inode_table.h"

#define MIN_BUCKETS 1024u
#define INO_GROUP 0xffu // low bits of an ino in which a collision looks for another number

_Static_assert(K_COUNT <= 256, "a kind fits a byte");

static uint64_t in_range(uint64_t hash)
{
    hash &= (uint64_t)INT64_MAX;
    return hash > 1 ? hash : hash + 2;
}

uint64_t inode_number(const uint8_t key[16], uint64_t parent_ino, const char *name)
{
    char text[8 + 256];
    size_t len = strnlen(name, 255);
    memcpy(text, &parent_ino, 8);
    memcpy(text + 8, name, len);
    return in_range(hash_sip64(key, text, 8 + len));
}

static uint64_t name_ino(const struct inodes *t, uint64_t parent_ino, const char *name)
{
    return t->hash != NULL ? in_range(t->hash(parent_ino, name)) : inode_number(t->key, parent_ino, name);
}

static uint32_t *bucket_of(const struct inodes *t, uint64_t ino)
{
    return &t->buckets[(ino / (INO_GROUP + 1)) & (t->n_buckets - 1)];
}

static void hash_add(struct inodes *t, uint32_t slot)
{
    struct node *n = slots_at(&t->slots, slot);
    uint32_t *head = bucket_of(t, n->ino);
    n->next = *head;
    *head = slot;
    t->n_hashed++;
}

static void hash_remove(struct inodes *t, uint32_t slot)
{
    struct node *n = slots_at(&t->slots, slot);
    uint32_t *at = bucket_of(t, n->ino);
    while (*at != slot) {
        at = &slots_at(&t->slots, *at)->next;
    }
    *at = n->next;
    n->next = SLOT_NONE;
    t->n_hashed--;
}

static void detach(struct inodes *t, uint32_t slot)
{
    hash_remove(t, slot);
    slots_at(&t->slots, slot)->flags |= NODE_DETACHED;
}

static void hash_resize(struct inodes *t, size_t n_buckets)
{
    uint32_t *old = t->buckets;
    size_t n_old = t->n_buckets;
    t->buckets = mem_zalloc(n_buckets * sizeof(*t->buckets));
    t->n_buckets = n_buckets;
    memset(t->buckets, 0xff, n_buckets * sizeof(*t->buckets));
    t->n_hashed = 0;
    for (size_t i = 0; i < n_old; i++) {
        for (uint32_t slot = old[i], next; slot != SLOT_NONE; slot = next) {
            next = slots_at(&t->slots, slot)->next;
            hash_add(t, slot);
        }
    }
    free(old);
}

static void hash_fit(struct inodes *t)
{
    if (t->n_hashed > t->n_buckets) {
        hash_resize(t, t->n_buckets * 2);
    } else if (t->n_buckets > MIN_BUCKETS && t->n_hashed < t->n_buckets / 8) {
        hash_resize(t, t->n_buckets / 4);
    }
}

struct node *table_node(struct inodes *t, uint64_t nodeid, uint32_t *ret_slot)
{
    uint32_t low = (uint32_t)nodeid;
    struct node *n = low == 0 ? NULL : slots_live(&t->slots, low - 1);
    if (n == NULL || n->generation != nodeid >> 32) {
        return NULL;
    }
    *ret_slot = low - 1;
    return n;
}

// Walks the bucket of an ino; `taken` gets a bit for each number of the group that is in use.
static struct node *find_in_group(struct inodes *t, uint64_t ino, uint32_t parent, const char *name,
                                  uint64_t taken[4], uint32_t *ret_slot)
{
    size_t len = strlen(name);
    for (uint32_t slot = *bucket_of(t, ino); slot != SLOT_NONE;) {
        struct node *n = slots_at(&t->slots, slot);
        if (n->ino / (INO_GROUP + 1) == ino / (INO_GROUP + 1)) {
            if (n->parent == parent && n->name_len == len && memcmp(slots_name(n), name, len) == 0) {
                *ret_slot = slot;
                return n;
            }
            taken[(n->ino & INO_GROUP) / 64] |= (uint64_t)1 << (n->ino & 63);
        }
        slot = n->next;
    }
    return NULL;
}

static uint64_t free_number(uint64_t ino, const uint64_t taken[4])
{
    for (unsigned i = 0; i <= INO_GROUP; i++) {
        uint64_t low = (ino + i) & INO_GROUP;
        uint64_t candidate = (ino & ~(uint64_t)INO_GROUP) | low;
        if (candidate > 1 && !(taken[low / 64] >> (low & 63) & 1)) {
            return candidate;
        }
    }
    return ino;
}

struct node *table_child(struct inodes *t, uint32_t parent, const char *name, uint32_t *ret_slot)
{
    uint64_t taken[4] = {0};
    uint64_t ino = name_ino(t, slots_at(&t->slots, parent)->ino, name);
    return find_in_group(t, ino, parent, name, taken, ret_slot);
}

// Lets go of a node that nothing holds any more, and of ancestors that it alone held.
static void release_unheld(struct inodes *t, uint32_t slot)
{
    while (slot != 0) {
        struct node *n = slots_at(&t->slots, slot);
        if (n->nlookup > 0 || n->children > 0 || n->opens > 0) {
            break;
        }
        uint32_t parent = n->parent;
        if (!(n->flags & NODE_DETACHED)) {
            hash_remove(t, slot);
        }
        slots_release(&t->slots, slot);
        t->n_live--;
        slots_at(&t->slots, parent)->children--;
        slot = parent;
    }
    hash_fit(t);
}

static void store_attr(struct node *n, const struct tattr *a, int64_t now)
{
    bool keep = !a->size_exact && (n->flags & NODE_EXACT) &&
                (n->opens > 0 || n->mtime_ms == a->mtime_ms);
    if (!keep) {
        n->size = a->size;
        n->flags = (uint8_t)((n->flags & ~NODE_EXACT) | (a->size_exact ? NODE_EXACT : 0));
    }
    n->flags = (uint8_t)((n->flags & ~NODE_GROWING) | (a->growing ? NODE_GROWING : 0));
    n->mode = (uint16_t)a->mode;
    n->mtime_ms = a->mtime_ms;
    n->expires_ms = a->ttl_ms > INT64_MAX - now ? INT64_MAX : now + a->ttl_ms;
}

static void fill_view(const struct inodes *t, uint32_t slot, int64_t now, struct inode_view *v)
{
    const struct node *n = slots_at(&t->slots, slot);
    bool in_time = n->expires_ms > now;
    *v = (struct inode_view){
        .nodeid = slot_to_nodeid(slot, n),
        .ino = n->ino,
        .parent = slot_to_nodeid(n->parent, slots_at(&t->slots, n->parent)),
        .kind = n->kind,
        .attr = {.mode = n->mode, .size = n->size, .size_exact = n->flags & NODE_EXACT,
                 .growing = n->flags & NODE_GROWING, .mtime_ms = n->mtime_ms,
                 .ttl_ms = in_time ? n->expires_ms - now : 0},
        .fresh = in_time || (n->opens > 0 && (n->flags & NODE_EXACT) && !(n->flags & NODE_GROWING)),
    };
}

struct inodes *inodes_new(const struct inodes_conf *conf)
{
    struct inodes *t = mem_zalloc(sizeof(*t));
    pthread_mutex_init(&t->lock, NULL);
    memcpy(t->key, conf->key, sizeof(t->key));
    t->hash = conf->hash;
    hash_resize(t, MIN_BUCKETS);
    uint32_t slot = slots_alloc(&t->slots, "", 0);
    if (slot != 0) {
        inodes_free(t);
        return NULL;
    }
    struct node *root = slots_at(&t->slots, slot);
    root->kind = K_ROOT;
    root->ino = 1;
    root->nlookup = 1;
    store_attr(root, conf->root, 0);
    t->n_live = 1;
    return t;
}

void inodes_free(struct inodes *t)
{
    if (t == NULL) {
        return;
    }
    slots_free_all(&t->slots);
    free(t->buckets);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

bool inodes_find(struct inodes *t, uint64_t parent, const char *name, bool count, int64_t now,
                 struct inode_view *ret)
{
    uint32_t up, slot = 0;
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, parent, &up) == NULL ? NULL : table_child(t, up, name, &slot);
    if (n != NULL) {
        fill_view(t, slot, now, ret);
        ret->fresh = n->expires_ms > now;
        if (count && ret->fresh) {
            n->nlookup++;
        }
    }
    pthread_mutex_unlock(&t->lock);
    return n != NULL;
}

static struct node *new_node(struct inodes *t, uint32_t up, const char *name, uint64_t ino,
                             uint32_t *ret_slot)
{
    uint32_t slot = slots_alloc(&t->slots, name, strlen(name));
    if (slot == SLOT_NONE) {
        return NULL;
    }
    struct node *n = slots_at(&t->slots, slot);
    n->ino = ino;
    n->parent = up;
    slots_at(&t->slots, up)->children++;
    t->n_live++;
    hash_add(t, slot);
    hash_fit(t);
    *ret_slot = slot;
    return n;
}

static struct node *enter_locked(struct inodes *t, uint64_t parent, const char *name,
                                 const struct tattr *attr, uint32_t *ret_slot)
{
    uint32_t up, slot = 0;
    if (table_node(t, parent, &up) == NULL || strlen(name) > 255) {
        return NULL;
    }
    uint64_t taken[4] = {0};
    uint64_t ino = name_ino(t, slots_at(&t->slots, up)->ino, name);
    struct node *n = find_in_group(t, ino, up, name, taken, &slot);
    if (n != NULL && (n->mode & S_IFMT) != (attr->mode & S_IFMT)) {
        detach(t, slot);
        n = NULL;
    }
    if (n == NULL) {
        n = new_node(t, up, name, free_number(ino, taken), &slot);
    }
    *ret_slot = slot;
    return n;
}

bool inodes_enter(struct inodes *t, uint64_t parent, const char *name, enum kind kind,
                  const struct tattr *attr, int64_t now, struct inode_view *ret)
{
    uint32_t slot;
    pthread_mutex_lock(&t->lock);
    struct node *n = enter_locked(t, parent, name, attr, &slot);
    if (n != NULL) {
        n->kind = (uint8_t)kind;
        n->nlookup++;
        store_attr(n, attr, now);
        fill_view(t, slot, now, ret);
    }
    pthread_mutex_unlock(&t->lock);
    return n != NULL;
}

void inodes_forget(struct inodes *t, uint64_t nodeid, uint64_t count)
{
    uint32_t slot;
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, nodeid, &slot);
    if (n != NULL && slot != 0) {
        n->nlookup = count < n->nlookup ? n->nlookup - count : 0;
        release_unheld(t, slot);
    }
    pthread_mutex_unlock(&t->lock);
}

bool inodes_get(struct inodes *t, uint64_t nodeid, int64_t now, struct inode_view *ret)
{
    uint32_t slot;
    pthread_mutex_lock(&t->lock);
    bool found = table_node(t, nodeid, &slot) != NULL;
    if (found) {
        fill_view(t, slot, now, ret);
    }
    pthread_mutex_unlock(&t->lock);
    return found;
}

bool inodes_set_attr(struct inodes *t, uint64_t nodeid, const struct tattr *attr, int64_t now,
                     struct inode_view *ret)
{
    uint32_t slot;
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, nodeid, &slot);
    if (n != NULL) {
        store_attr(n, attr, now);
        fill_view(t, slot, now, ret);
    }
    pthread_mutex_unlock(&t->lock);
    return n != NULL;
}

static void resize(struct node *n, uint64_t size, struct inode_size_change *ret)
{
    ret->old_size = n->size;
    ret->changed = !(n->flags & NODE_EXACT) || n->size != size;
    n->size = size;
    n->flags |= NODE_EXACT;
}

static uint32_t fold(uint64_t version)
{
    return (uint32_t)(version ^ version >> 32);
}

bool inodes_open(struct inodes *t, uint64_t nodeid, uint64_t size, uint64_t version,
                 struct inode_size_change *ret)
{
    uint32_t slot, folded = fold(version);
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, nodeid, &slot);
    if (n != NULL) {
        resize(n, size, ret);
        ret->same_bytes = version != 0 && (!(n->flags & NODE_OPENED) || n->version == folded) &&
                          !(n->flags & NODE_DOUBTED);
        n->version = folded;
        n->flags = (uint8_t)((n->flags & ~NODE_DOUBTED) | NODE_OPENED);
        n->opens++;
    }
    pthread_mutex_unlock(&t->lock);
    return n != NULL;
}

void inodes_doubt(struct inodes *t, uint64_t nodeid)
{
    uint32_t slot;
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, nodeid, &slot);
    if (n != NULL) {
        n->flags |= NODE_DOUBTED;
    }
    pthread_mutex_unlock(&t->lock);
}

void inodes_trust(struct inodes *t, uint64_t nodeid, uint64_t version)
{
    uint32_t slot;
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, nodeid, &slot);
    if (n != NULL && n->version == fold(version)) {
        n->flags = (uint8_t)(n->flags & ~NODE_DOUBTED);
    }
    pthread_mutex_unlock(&t->lock);
}

void inodes_close(struct inodes *t, uint64_t nodeid)
{
    uint32_t slot;
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, nodeid, &slot);
    if (n != NULL && n->opens > 0) {
        n->opens--;
        release_unheld(t, slot);
    }
    pthread_mutex_unlock(&t->lock);
}

bool inodes_resize(struct inodes *t, uint64_t nodeid, uint64_t size, struct inode_size_change *ret)
{
    uint32_t slot;
    pthread_mutex_lock(&t->lock);
    struct node *n = table_node(t, nodeid, &slot);
    if (n != NULL) {
        resize(n, size, ret);
        ret->same_bytes = false;
    }
    pthread_mutex_unlock(&t->lock);
    return n != NULL;
}

void inodes_unlink(struct inodes *t, uint64_t parent, const char *name)
{
    uint32_t up, slot;
    pthread_mutex_lock(&t->lock);
    if (table_node(t, parent, &up) != NULL && table_child(t, up, name, &slot) != NULL) {
        detach(t, slot);
    }
    pthread_mutex_unlock(&t->lock);
}

void inodes_rename(struct inodes *t, uint64_t parent, const char *name, const char *to)
{
    uint32_t up, slot, other;
    uint64_t taken[4] = {0};
    pthread_mutex_lock(&t->lock);
    if (strcmp(name, to) != 0 && table_node(t, parent, &up) != NULL) {
        if (table_child(t, up, to, &other) != NULL) {
            detach(t, other);
        }
        struct node *n = table_child(t, up, name, &slot);
        if (n != NULL) {
            uint64_t ino = name_ino(t, slots_at(&t->slots, up)->ino, to);
            hash_remove(t, slot);
            (void)find_in_group(t, ino, up, to, taken, &other);
            slots_rename(&t->slots, slot, to);
            n->ino = free_number(ino, taken);
            n->expires_ms = INT64_MIN;
            hash_add(t, slot);
        }
    }
    pthread_mutex_unlock(&t->lock);
}

uint64_t inodes_child_ino(struct inodes *t, uint64_t parent_ino, const char *name)
{
    return name_ino(t, parent_ino, name);
}

void inodes_stats(struct inodes *t, struct inodes_stats *ret)
{
    pthread_mutex_lock(&t->lock);
    ret->nodes = t->n_live;
    ret->bytes = t->slots.mapped * SLOTS_PER_CHUNK * sizeof(struct node) +
                 t->n_buckets * sizeof(*t->buckets) + t->slots.long_bytes;
    pthread_mutex_unlock(&t->lock);
}
