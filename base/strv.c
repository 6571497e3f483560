#include "base/strv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void strv_add(struct strv *v, const char *s)
{
    strv_take(v, mem_strdup(s));
}

void strv_take(struct strv *v, char *s)
{
    v->items = mem_grow(v->items, &v->cap, v->len + 1, sizeof *v->items);
    v->items[v->len++] = s;
}

bool strv_has(const struct strv *v, const char *s)
{
    for (size_t i = 0; i < v->len; i++) {
        if (strcmp(v->items[i], s) == 0)
            return true;
    }
    return false;
}

void strv_remove(struct strv *v, const char *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->len; i++) {
        if (strcmp(v->items[i], s) == 0)
            free(v->items[i]);
        else
            v->items[kept++] = v->items[i];
    }
    v->len = kept;
}

static int strv_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *v)
{
    if (v->len > 1)
        qsort(v->items, v->len, sizeof *v->items, strv_compare);
}

void strv_copy(struct strv *to, const struct strv *from)
{
    for (size_t i = 0; i < from->len; i++)
        strv_add(to, from->items[i]);
}

void strv_free(struct strv *v)
{
    for (size_t i = 0; i < v->len; i++)
        free(v->items[i]);
    free(v->items);
    *v = (struct strv){0};
}
