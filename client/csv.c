#include "client/csv.h"

errc csv_write(struct frame *f, struct cancel *cancel, struct sink *sink, struct err *err)
{
    (void)f;
    (void)cancel;
    (void)sink;
    return err_set(err, ERR_NO_FORM, "this table has no CSV");
}
