#include "batch/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct pair *find(const struct pairs *p, const char *name)
{
    for (size_t i = 0; i < p->len; i++) {
        if (strcmp(p->at[i].name, name) == 0) {
            return &p->at[i];
        }
    }
    return NULL;
}

void pairs_set(struct pairs *p, const char *name, const char *value)
{
    struct pair *old = find(p, name);
    if (old != NULL) {
        char *copy = mem_strdup(value); // value may be a part of what is freed
        free(old->value);
        old->value = copy;
        return;
    }
    p->at = mem_grow(p->at, &p->cap, p->len + 1, sizeof(*p->at));
    p->at[p->len++] = (struct pair){mem_strdup(name), mem_strdup(value)};
}

const char *pairs_get(const struct pairs *p, const char *name)
{
    const struct pair *found = find(p, name);
    return found != NULL ? found->value : NULL;
}

void pairs_copy(struct pairs *to, const struct pairs *from)
{
    for (size_t i = 0; i < from->len; i++) {
        pairs_set(to, from->at[i].name, from->at[i].value);
    }
}

void pairs_free(struct pairs *p)
{
    for (size_t i = 0; i < p->len; i++) {
        free(p->at[i].name);
        free(p->at[i].value);
    }
    free(p->at);
    *p = (struct pairs){0};
}
