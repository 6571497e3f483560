// The inside of the node table, shared by fs/inode.c and fs/inode_path.c.
#ifndef FS_INODE_TABLE_H
#define FS_INODE_TABLE_H

#include <pthread.h>

#include "fs/inode.h"
#include "fs/inode_slots.h"

struct inodes {
    pthread_mutex_t lock; // protects all below; nothing is called out of the table under it
    struct slots slots;
    uint32_t *buckets;    // slot of the first node; n_buckets is a power of two
    size_t n_buckets, n_hashed, n_live;
    uint8_t key[16];                                           // immutable
    uint64_t (*hash)(uint64_t parent_ino, const char *name);  // immutable, tests only
};

static inline uint64_t slot_to_nodeid(uint32_t slot, const struct node *n)
{
    return (uint64_t)n->generation << 32 | (slot + 1u);
}

// All with the lock held.
struct node *table_node(struct inodes *t, uint64_t nodeid, uint32_t *ret_slot); // NULL when gone
struct node *table_child(struct inodes *t, uint32_t parent, const char *name, uint32_t *ret_slot);

#endif
