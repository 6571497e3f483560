#include "report/report.h"

errc report_task(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel, struct buf *out,
                 struct err *err)
{
    (void)c;
    (void)task;
    (void)attempt;
    (void)cancel;
    (void)out;
    return err_set(err, ERR_NO_FORM, "there is no such page yet");
}
