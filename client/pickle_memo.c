#include "client/pickle_reader.h"

#include <string.h>

enum { DENSE_MIN = 64, SPARSE_MIN = 16 };

// Whether an index is near enough to the number of entries for the array. Once true for an index it
// stays true, so that a newer entry in the array always hides an older one in the table.
static bool is_dense(const struct memo *m, uint64_t index)
{
    return index < DENSE_MIN || index < 2 * (uint64_t)m->count;
}

static size_t sparse_slot(const struct memo *m, uint64_t index)
{
    uint64_t hash = index * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(hash >> 32) & (m->sparse_cap - 1);
    while (m->sparse[i].value && m->sparse[i].index != index)
        i = (i + 1) & (m->sparse_cap - 1);
    return i;
}

static bool dense_grow(struct reader *r, uint64_t index)
{
    struct memo *m = &r->memo;
    size_t cap = m->dense_cap ? m->dense_cap : DENSE_MIN;
    while (cap <= index)
        cap *= 2;
    size_t old = m->dense_cap * sizeof(void *), now = cap * sizeof(void *);
    struct value **dense = arena_grow(&r->p->arena, m->dense, old, now);
    if (!dense)
        return false;
    memset((char *)dense + old, 0, now - old);
    m->dense = dense;
    m->dense_cap = cap;
    return true;
}

static bool sparse_grow(struct reader *r)
{
    struct memo *m = &r->memo;
    struct memo old = *m;
    size_t cap = old.sparse_cap ? old.sparse_cap * 2 : SPARSE_MIN;
    struct memo_slot *slots = arena_alloc(&r->p->arena, cap * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0, cap * sizeof *slots);
    m->sparse = slots;
    m->sparse_cap = cap;
    for (size_t i = 0; i < old.sparse_cap; i++) {
        if (old.sparse[i].value)
            slots[sparse_slot(m, old.sparse[i].index)] = old.sparse[i];
    }
    arena_release(&r->p->arena, old.sparse, old.sparse_cap * sizeof *slots);
    return true;
}

bool memo_put(struct reader *r, uint64_t index, struct value *v)
{
    struct memo *m = &r->memo;
    bool is_new = !memo_get(r, index);
    if (is_dense(m, index)) {
        if (index >= m->dense_cap && !dense_grow(r, index))
            return false;
        m->dense[index] = v;
    } else {
        if (m->sparse_len * 2 >= m->sparse_cap && !sparse_grow(r))
            return false;
        size_t i = sparse_slot(m, index);
        m->sparse_len += !m->sparse[i].value;
        m->sparse[i] = (struct memo_slot){index, v};
    }
    m->count += is_new;
    return true;
}

struct value *memo_get(const struct reader *r, uint64_t index)
{
    const struct memo *m = &r->memo;
    if (index < m->dense_cap && m->dense[index])
        return m->dense[index];
    return m->sparse_cap ? m->sparse[sparse_slot(m, index)].value : NULL;
}

void memo_release(struct reader *r)
{
    struct memo *m = &r->memo;
    arena_release(&r->p->arena, m->dense, m->dense_cap * sizeof(void *));
    arena_release(&r->p->arena, m->sparse, m->sparse_cap * sizeof *m->sparse);
    memset(m, 0, sizeof *m);
}
