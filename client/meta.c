#include "client/meta.h"

#include <stdlib.h>

void meta_object_free(struct meta_object *o)
{
    if (!o)
        return;
    free(o->flow);
    free(o->run);
    free(o->step);
    free(o->task);
    free(o->user);
    strv_free(&o->tags);
    strv_free(&o->system_tags);
    free(o);
}

void meta_object_freep(struct meta_object **o)
{
    meta_object_free(*o);
}

void meta_records_free(struct meta_records *r)
{
    for (size_t i = 0; i < r->len; i++) {
        free(r->items[i].field);
        free(r->items[i].type);
        free(r->items[i].value);
    }
    free(r->items);
    *r = (struct meta_records){0};
}

void meta_artifacts_free(struct meta_artifacts *a)
{
    for (size_t i = 0; i < a->len; i++) {
        free(a->items[i].name);
        free(a->items[i].sha);
        free(a->items[i].content_type);
        free(a->items[i].ds_type);
        free(a->items[i].location);
    }
    free(a->items);
    *a = (struct meta_artifacts){0};
}
