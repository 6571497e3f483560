#include "client/frame.h"

#include <stdlib.h>

bool frame_is(const struct value *v)
{
    (void)v;
    return false;
}

errc frame_of(const struct value *v, struct cancel *cancel, struct frame **ret, struct err *err)
{
    (void)cancel;
    (void)ret;
    char name[256];
    value_type_name(v, name, sizeof name);
    return err_set(err, ERR_NO_FORM, "a %s is no table", name);
}

void frame_free(struct frame *f)
{
    free(f);
}

void frame_freep(struct frame **f)
{
    frame_free(*f);
    *f = NULL;
}
