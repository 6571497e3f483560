// Reads pickles and writes what they are shown as, for tests. Standard input is a sequence of
// requests, each a form ('n' and the recorded type's length and text, 'j', 'c' for CSV, 'p' for .npy) and a
// pickle; lengths are 4 bytes, little-endian. Each answer is a status byte ('=' or '!'), a length and the text (of the
// value, or "kind: cause" of the failure). With arguments: files, as JSON, behind --csv or --npy in that form.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/csv.h"
#include "client/npy.h"
#include "client/render.h"

enum { MAX_TEXT = 64 << 20 };

static bool read_size(uint32_t *ret)
{
    uint8_t p[4];
    if (fread(p, 1, sizeof p, stdin) != sizeof p)
        return false;
    *ret = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return true;
}

// NULL at the end of the input. The bytes end with a NUL that is not counted; nothing stands before
// or behind them in memory that a reader could touch unnoticed.
static uint8_t *read_counted(uint32_t *ret_len)
{
    if (!read_size(ret_len))
        return NULL;
    uint8_t *data = malloc((size_t)*ret_len + 1);
    if (!data || fread(data, 1, *ret_len, stdin) != *ret_len) {
        free(data);
        return NULL;
    }
    data[*ret_len] = '\0';
    return data;
}

static errc dump_csv(const struct value *v, struct sink *sink, struct err *err)
{
    auto_cleanup(frame_freep) struct frame *f = NULL;
    errc e = frame_of(v, NULL, &f, err);
    return e ? e : csv_write(f, NULL, sink, err);
}

static errc dump(const uint8_t *data, size_t len, int form, const char *type, struct buf *out, struct err *err)
{
    auto_cleanup(pickle_freep) struct pickle *p = NULL;
    if (pickle_read(data, len, NULL, NULL, &p, err))
        return err->code;
    struct buf_sink sink = sink_to_buf(out);
    if (form == 'c')
        return dump_csv(pickle_root(p), &sink.sink, err);
    if (form == 'p')
        return npy_write(pickle_root(p), MAX_TEXT, NULL, &sink.sink, err);
    if (form == 'n')
        return render_natural(pickle_root(p), natural_form_of(type), NULL, &sink.sink, err);
    return render_json(pickle_root(p), NULL, &sink.sink, err);
}

static void answer(errc failed, const struct buf *out, const struct err *err)
{
    char text[700];
    const char *data = out->data;
    size_t len = out->len;
    if (failed) {
        snprintf(text, sizeof text, "%s: %s", err_name(failed), err->cause);
        data = text;
        len = strlen(text);
    }
    uint8_t head[5] = {failed ? '!' : '=', (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                       (uint8_t)(len >> 24)};
    fwrite(head, 1, sizeof head, stdout);
    if (len)
        fwrite(data, 1, len, stdout);
    fflush(stdout);
}

static int serve(void)
{
    for (int form; (form = getchar()) != EOF;) {
        uint32_t len, type_len;
        auto_free char *type = form == 'n' ? (char *)read_counted(&type_len) : NULL;
        auto_free uint8_t *data = read_counted(&len);
        if (!data || (form == 'n' && !type))
            return 1;
        // A copy of the exact size, so that a sanitizer sees a read past the end.
        auto_free uint8_t *exact = mem_zalloc(len ? len : 1);
        memcpy(exact, data, len);
        auto_cleanup(buf_free) struct buf out = {.max = MAX_TEXT};
        struct err err = ERR_INIT;
        errc failed = dump(exact, len, form, type, &out, &err);
        answer(failed, &out, &err);
    }
    return 0;
}

static int dump_file(const char *path, int form)
{
    FILE *f = fopen(path, "rb");
    auto_cleanup(buf_free) struct buf in = {.max = (size_t)1 << 31}, out = {.max = MAX_TEXT};
    struct err err = ERR_INIT;
    if (!f) {
        perror(path);
        return 1;
    }
    for (char *room; (room = buf_reserve(&in, 65536));) {
        size_t n = fread(room, 1, 65536, f);
        in.len += n;
        if (!n)
            break;
    }
    fclose(f);
    if (dump((const uint8_t *)in.data, in.len, form, NULL, &out, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.cause);
        return 1;
    }
    fwrite(out.data, 1, out.len, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    int bad = 0, form = 'j';
    if (argc < 2)
        return serve();
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--csv") == 0 || strcmp(argv[i], "--npy") == 0)
            form = argv[i][2] == 'c' ? 'c' : 'p';
        else
            bad |= dump_file(argv[i], form);
    return bad;
}
