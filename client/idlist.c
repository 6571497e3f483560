#include "client/idlist.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define AREA_FIRST ((size_t)4096)
#define AREA_HEAP_MAX ((size_t)256 * 1024)

static bool area_to_file(struct id_area *a, size_t cap)
{
    int fd = memfd_create("metaflowfs-ids", MFD_CLOEXEC);
    if (fd < 0)
        return false;
    void *data = MAP_FAILED;
    if (fd > 0 && ftruncate(fd, (off_t)cap) == 0)
        data = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        close(fd);
        return false;
    }
    if (a->len)
        memcpy(data, a->data, a->len);
    free(a->data);
    *a = (struct id_area){.data = data, .len = a->len, .cap = cap, .fd = fd};
    return true;
}

static bool area_grow(struct id_area *a, size_t need)
{
    size_t cap = a->cap ? a->cap : AREA_FIRST;
    while (cap < need) {
        if (cap > SIZE_MAX / 2)
            return false;
        cap *= 2;
    }
    if (a->fd) {
        if (ftruncate(a->fd, (off_t)cap) != 0)
            return false;
        void *data = mremap(a->data, a->cap, cap, MREMAP_MAYMOVE);
        if (data == MAP_FAILED)
            return false;
        a->data = data;
        a->cap = cap;
        return true;
    }
    if (cap > AREA_HEAP_MAX && area_to_file(a, cap))
        return true;
    char *data = realloc(a->data, cap);
    if (!data)
        return false;
    a->data = data;
    a->cap = cap;
    return true;
}

static bool area_put(struct id_area *a, const void *data, size_t len)
{
    if (len > SIZE_MAX - a->len || (a->len + len > a->cap && !area_grow(a, a->len + len)))
        return false;
    memcpy(a->data + a->len, data, len);
    a->len += len;
    return true;
}

static void area_free(struct id_area *a)
{
    if (a->fd) {
        munmap(a->data, a->cap);
        close(a->fd);
    } else {
        free(a->data);
    }
    *a = (struct id_area){0};
}

// Numbers in their one spelling, up to 19 digits; all else is a name.
static bool id_number(const char *id, uint64_t *ret)
{
    uint64_t value = 0;
    size_t n = 0;
    for (; id[n] >= '0' && id[n] <= '9' && n < 19; n++)
        value = value * 10 + (uint64_t)(id[n] - '0');
    if (n == 0 || id[n] || (id[0] == '0' && n > 1))
        return false;
    *ret = value;
    return true;
}

errc idlist_add(struct idlist *l, const char *id, struct err *err)
{
    uint64_t number;
    bool ok;
    if (id_number(id, &number)) {
        ok = area_put(&l->numbers, &number, sizeof number);
    } else {
        size_t size = strlen(id) + 1;
        uint32_t offset = (uint32_t)l->text.len;
        ok = l->text.len + size <= UINT32_MAX && area_put(&l->offsets, &offset, sizeof offset) &&
             area_put(&l->text, id, size);
    }
    return ok ? ERR_OK : err_set(err, ERR_LIMIT, "no memory for a listing of %zu names", idlist_len(l));
}

static uint64_t *numbers_of(const struct idlist *l)
{
    return (uint64_t *)(void *)l->numbers.data;
}

static uint32_t *offsets_of(const struct idlist *l)
{
    return (uint32_t *)(void *)l->offsets.data;
}

size_t idlist_len(const struct idlist *l)
{
    return l->numbers.len / sizeof(uint64_t) + l->offsets.len / sizeof(uint32_t);
}

// Radix exchange: in place, and at most 64 passes whatever the numbers are (qsort takes a copy).
static void sort_numbers(uint64_t *v, size_t n, int bit)
{
    for (; n > 1 && bit >= 0; bit--) {
        size_t low = 0, high = n; // [0, low) has the bit, [high, n) has not
        while (low < high) {
            if (v[low] >> bit & 1) {
                low++;
            } else {
                uint64_t swap = v[low];
                v[low] = v[--high];
                v[high] = swap;
            }
        }
        sort_numbers(v, low, bit - 1);
        v += low;
        n -= low;
    }
}

static void swap32(uint32_t *v, size_t a, size_t b)
{
    uint32_t swap = v[a];
    v[a] = v[b];
    v[b] = swap;
}

// Three-way radix quicksort, descending, of names that are equal in their first `depth` bytes. Only the
// two smaller parts are recursed into, so the stack holds at most log2(n) calls.
static void sort_names(const char *text, uint32_t *v, size_t n, size_t depth)
{
    while (n > 1) {
        unsigned char pivot = (unsigned char)text[v[n / 2] + depth];
        size_t low = 0, i = 0, high = n; // [0, low) greater, [low, i) equal, [high, n) less
        while (i < high) {
            unsigned char c = (unsigned char)text[v[i] + depth];
            if (c > pivot)
                swap32(v, low++, i++);
            else if (c < pivot)
                swap32(v, i, --high);
            else
                i++;
        }
        struct part {
            uint32_t *v;
            size_t n, depth;
        } parts[3] = {{v, low, depth},
                      {v + low, pivot ? high - low : 0, depth + 1},
                      {v + high, n - high, depth}};
        size_t largest = 0;
        for (size_t p = 1; p < 3; p++) {
            if (parts[p].n > parts[largest].n)
                largest = p;
        }
        for (size_t p = 0; p < 3; p++) {
            if (p != largest)
                sort_names(text, parts[p].v, parts[p].n, parts[p].depth);
        }
        v = parts[largest].v;
        n = parts[largest].n;
        depth = parts[largest].depth;
    }
}

void idlist_sort(struct idlist *l)
{
    sort_numbers(numbers_of(l), l->numbers.len / sizeof(uint64_t), 63);
    sort_names(l->text.data, offsets_of(l), l->offsets.len / sizeof(uint32_t), 0);
}

const char *idlist_at(const struct idlist *l, size_t index, char room[24])
{
    size_t numbers = l->numbers.len / sizeof(uint64_t);
    if (index >= numbers)
        return l->text.data + offsets_of(l)[index - numbers];
    snprintf(room, 24, "%" PRIu64, numbers_of(l)[index]);
    return room;
}

void idlist_free(struct idlist *l)
{
    area_free(&l->numbers);
    area_free(&l->text);
    area_free(&l->offsets);
}
