#include "fs/inode_slots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

#define CHUNK_BYTES (SLOTS_PER_CHUNK * sizeof(struct node))

_Static_assert(sizeof(struct node) == 112, "a node is what the memory budget allows");

struct node *slots_at(const struct slots *s, uint32_t slot)
{
    return &s->chunks[slot / SLOTS_PER_CHUNK].nodes[slot % SLOTS_PER_CHUNK];
}

struct node *slots_live(const struct slots *s, uint32_t slot)
{
    size_t c = slot / SLOTS_PER_CHUNK;
    if (c >= s->n_chunks || s->chunks[c].nodes == NULL) {
        return NULL;
    }
    struct node *n = slots_at(s, slot);
    return n->flags & NODE_LIVE ? n : NULL;
}

const char *slots_name(const struct node *n)
{
    if (n->name_len < NODE_NAME_ROOM) {
        return n->name;
    }
    const char *p;
    memcpy(&p, n->name, sizeof(p));
    return p;
}

static bool has_room(const struct slot_chunk *c)
{
    return c->nodes == NULL || c->free_head != SLOT_NONE || c->fresh < SLOTS_PER_CHUNK;
}

static bool map_chunk(struct slots *s, struct slot_chunk *c)
{
    void *p = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return false;
    }
    c->nodes = p;
    c->used = c->fresh = 0;
    c->free_head = SLOT_NONE;
    s->mapped++;
    return true;
}

static void unmap_chunk(struct slots *s, struct slot_chunk *c)
{
    munmap(c->nodes, CHUNK_BYTES);
    c->nodes = NULL;
    s->mapped--;
}

// A chunk with room: the lowest, so that the highest ones empty.
static struct slot_chunk *chunk_with_room(struct slots *s)
{
    size_t i = s->first_free;
    while (i < s->n_chunks && !has_room(&s->chunks[i])) {
        i++;
    }
    s->first_free = i;
    if (i == s->n_chunks) {
        if (s->n_chunks >= UINT32_MAX / SLOTS_PER_CHUNK) {
            return NULL;
        }
        s->chunks = mem_grow(s->chunks, &s->cap_chunks, s->n_chunks + 1, sizeof(*s->chunks));
        s->chunks[s->n_chunks++] = (struct slot_chunk){.free_head = SLOT_NONE};
    }
    struct slot_chunk *c = &s->chunks[i];
    return c->nodes != NULL || map_chunk(s, c) ? c : NULL;
}

static void set_name(struct slots *s, struct node *n, const char *name, size_t len)
{
    n->name_len = (uint8_t)len;
    if (len < NODE_NAME_ROOM) {
        memcpy(n->name, name, len);
        n->name[len] = '\0';
        return;
    }
    char *copy = mem_strndup(name, len);
    memcpy(n->name, &copy, sizeof(copy));
    s->long_bytes += len + 1;
}

static void drop_name(struct slots *s, struct node *n)
{
    if (n->name_len >= NODE_NAME_ROOM) {
        char *p;
        memcpy(&p, n->name, sizeof(p));
        free(p);
        s->long_bytes -= (size_t)n->name_len + 1;
    }
}

void slots_rename(struct slots *s, uint32_t slot, const char *name)
{
    struct node *n = slots_at(s, slot);
    drop_name(s, n);
    set_name(s, n, name, strlen(name));
}

uint32_t slots_alloc(struct slots *s, const char *name, size_t name_len)
{
    struct slot_chunk *c = chunk_with_room(s);
    if (c == NULL) {
        return SLOT_NONE;
    }
    uint32_t base = (uint32_t)(c - s->chunks) * SLOTS_PER_CHUNK;
    uint32_t slot = c->free_head, generation;
    if (slot != SLOT_NONE) {
        struct node *n = slots_at(s, slot);
        c->free_head = n->next;
        generation = n->generation;
    } else {
        slot = base + c->fresh++;
        generation = c->generation;
    }
    c->used++;
    struct node *n = slots_at(s, slot);
    memset(n, 0, sizeof(*n));
    n->generation = generation;
    n->next = SLOT_NONE;
    n->flags = NODE_LIVE;
    set_name(s, n, name, name_len);
    return slot;
}

// Whether another mapped chunk is empty: one is kept, so that a table that goes up and down by one
// node does not map and unmap each time.
static bool other_is_empty(const struct slots *s, const struct slot_chunk *c)
{
    for (size_t i = 0; i < s->n_chunks; i++) {
        if (&s->chunks[i] != c && s->chunks[i].nodes != NULL && s->chunks[i].used == 0) {
            return true;
        }
    }
    return false;
}

void slots_release(struct slots *s, uint32_t slot)
{
    size_t i = slot / SLOTS_PER_CHUNK;
    struct slot_chunk *c = &s->chunks[i];
    struct node *n = slots_at(s, slot);
    drop_name(s, n);
    n->flags = 0;
    n->generation++;
    if (n->generation > c->generation) {
        c->generation = n->generation;
    }
    n->next = c->free_head;
    c->free_head = slot;
    if (i < s->first_free) {
        s->first_free = i;
    }
    if (--c->used == 0 && other_is_empty(s, c)) {
        unmap_chunk(s, c);
    }
}

void slots_free_all(struct slots *s)
{
    for (size_t i = 0; i < s->n_chunks; i++) {
        struct slot_chunk *c = &s->chunks[i];
        for (uint32_t k = 0; c->nodes != NULL && k < c->fresh; k++) {
            struct node *n = &c->nodes[k];
            if ((n->flags & NODE_LIVE) && n->name_len >= NODE_NAME_ROOM) {
                char *p;
                memcpy(&p, n->name, sizeof(p));
                free(p);
            }
        }
        if (c->nodes != NULL) {
            unmap_chunk(s, c);
        }
    }
    free(s->chunks);
    *s = (struct slots){0};
}
