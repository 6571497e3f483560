#include "client/npy.h"

errc npy_write(const struct value *v, struct cancel *cancel, struct sink *sink, struct err *err)
{
    (void)cancel;
    (void)sink;
    char name[256];
    value_type_name(v, name, sizeof name);
    return err_set(err, ERR_NO_FORM, "a %s is no array", name);
}
