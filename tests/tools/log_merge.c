// log_merge [-l] PART...: the merge of log files on standard output; -l shows one as a live one.
// For the comparison with Metaflow's own merge.
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "client/logs.h"

static bool put_out(struct sink *sink, const void *data, size_t len)
{
    (void)sink;
    return fwrite(data, 1, len, stdout) == len;
}

int main(int argc, char **argv)
{
    bool live = argc > 1 && strcmp(argv[1], "-l") == 0;
    struct buf bufs[8] = {0};
    struct log_part parts[8] = {0};
    size_t n = 0;
    struct err err = ERR_INIT;
    errc e = ERR_OK;
    for (int i = live ? 2 : 1; i < argc && n < 8 && e == ERR_OK; i++, n++) {
        e = file_read(argv[i], 64 << 20, &bufs[n], &err);
        parts[n] = (struct log_part){bufs[n].data, bufs[n].len};
    }
    struct sink sink = {put_out};
    if (e == ERR_OK)
        e = live ? logs_messages(&parts[0], &sink, &err) : logs_merge(parts, n, &sink, &err);
    if (e != ERR_OK)
        fprintf(stderr, "%s\n", err.cause);
    for (size_t i = 0; i < n; i++)
        buf_free(&bufs[i]);
    return e == ERR_OK && fflush(stdout) == 0 ? 0 : 1;
}
