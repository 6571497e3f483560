// The memory of the node table: slots in chunks that are mapped when needed and given back when they
// are empty. Private to fs/inode*.c; the caller holds the table's lock.
#ifndef FS_INODE_SLOTS_H
#define FS_INODE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_NONE UINT32_MAX
#define SLOTS_PER_CHUNK 4096u
#define NODE_NAME_ROOM 43

enum node_flag {
    NODE_LIVE = 1,
    NODE_EXACT = 2,     // size is exact
    NODE_GROWING = 4,
    NODE_DETACHED = 8,  // its name now belongs to another node
    NODE_OPENED = 16,   // version holds the last open's
    NODE_DOUBTED = 32,  // the kernel may hold bytes that are not right
};

struct node {
    uint64_t ino, size, nlookup;
    int64_t mtime_ms, expires_ms;
    uint32_t parent;      // slot; holds the parent alive
    uint32_t generation;
    uint32_t next;        // slot: in the bucket, or in the free list
    uint32_t children;    // nodes whose parent this is
    uint32_t opens;
    uint32_t version;     // folded, of the last open
    uint16_t mode;
    uint8_t kind, flags, name_len;
    char name[NODE_NAME_ROOM]; // the name with a NUL, or a pointer to it when it is longer
};

struct slot_chunk {
    struct node *nodes;   // mapped, or NULL
    uint32_t used;        // live nodes
    uint32_t fresh;       // slots from here on were never used since the chunk was mapped
    uint32_t free_head;   // slot
    uint32_t generation;  // where slots start when the chunk is mapped again
};

struct slots {
    struct slot_chunk *chunks;
    size_t n_chunks, cap_chunks;
    size_t first_free;    // no chunk before this one has room
    size_t mapped;        // chunks
    size_t long_bytes;    // of names outside of slots
};

struct node *slots_at(const struct slots *s, uint32_t slot);     // slot must be live
struct node *slots_live(const struct slots *s, uint32_t slot);   // NULL when it is not
// A zeroed live node with its generation; SLOT_NONE when there is no memory.
uint32_t slots_alloc(struct slots *s, const char *name, size_t name_len);
void slots_release(struct slots *s, uint32_t slot);
void slots_rename(struct slots *s, uint32_t slot, const char *name);
const char *slots_name(const struct node *n);
void slots_free_all(struct slots *s);

#endif
