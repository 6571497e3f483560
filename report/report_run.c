#include "report/report.h"

errc report_run(struct client *c, const struct pathspec *run, struct cancel *cancel, struct buf *out,
                 struct err *err)
{
    (void)c;
    (void)run;
    (void)cancel;
    (void)out;
    return err_set(err, ERR_NO_FORM, "there is no such page yet");
}
