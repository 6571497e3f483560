// Reads pickled tables and writes what their columns answer, for tests. Standard input is a sequence of pickles, each
// behind its length (4 bytes, little-endian); standard output a line of JSON for each: {"columns": [...], "index": [...]},
// or {"error": "cause"}. A column is {"dtype", "npy", "json": cells, "csv": cells}, a cell null (missing), {"t": text},
// {"e": str() of the element}, {"v": the value as JSON} or {"u": the name of what is not supported}.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sink.h"
#include "client/frame.h"

enum { MAX_TEXT = 256 << 20, MAX_ROWS = 1 << 20 };

static void put_text(struct out *o, const char *key, const char *text, size_t len)
{
    out_puts(o, "{\"");
    out_puts(o, key);
    out_puts(o, "\": ");
    out_string(o, (const uint8_t *)text, len);
    out_puts(o, "}");
}

static void put_cell(struct out *o, struct column *c, size_t row, enum cell_style style)
{
    struct cell cell;
    struct buf text = {0};
    column_cell(c, row, style, &cell);
    switch (cell.kind) {
    case CELL_NA: out_puts(o, "null"); break;
    case CELL_TEXT: put_text(o, "t", cell.text, cell.len); break;
    case CELL_UNSUPPORTED: put_text(o, "u", cell.text, cell.len); break;
    case CELL_VALUE:
        out_puts(o, "{\"v\": ");
        json_value(o, cell.value);
        out_puts(o, "}");
        break;
    case CELL_ELEMENT:
        (void)npy_text(&text, cell.type, cell.at);
        put_text(o, "e", text.data ? text.data : "", text.len);
        break;
    }
    buf_free(&text);
}

static void put_cells(struct out *o, struct column *c, size_t rows, enum cell_style style)
{
    out_puts(o, "[");
    for (size_t i = 0; i < rows && i < MAX_ROWS && !o->failed; i++) {
        if (i)
            out_puts(o, ", ");
        put_cell(o, c, i, style);
    }
    out_puts(o, "]");
}

static void put_columns(struct out *o, const char *key, struct column **columns, size_t n, size_t rows)
{
    char npy[32];
    out_puts(o, key);
    for (size_t i = 0; i < n; i++) {
        const struct npy_type *t = column_npy_type(columns[i]);
        snprintf(npy, sizeof npy, t ? ", \"npy\": \"%c%zu\"" : ", \"npy\": null", t ? t->kind : 0, t ? t->itemsize : 0);
        out_puts(o, i ? ", {\"dtype\": " : "{\"dtype\": ");
        out_string(o, (const uint8_t *)column_dtype(columns[i]), strlen(column_dtype(columns[i])));
        out_puts(o, npy);
        out_puts(o, ", \"json\": ");
        put_cells(o, columns[i], rows, STYLE_JSON);
        out_puts(o, ", \"csv\": ");
        put_cells(o, columns[i], rows, STYLE_CSV);
        out_puts(o, "}");
    }
    out_puts(o, "]");
}

static errc dump(const uint8_t *data, size_t len, struct out *o, struct err *err)
{
    auto_cleanup(pickle_freep) struct pickle *p = NULL;
    auto_cleanup(frame_freep) struct frame *f = NULL;
    if (pickle_read(data, len, NULL, NULL, &p, err) || frame_of(pickle_root(p), NULL, &f, err))
        return err->code;
    put_columns(o, "{\"columns\": [", f->columns, f->n_columns, f->rows);
    put_columns(o, ", \"index\": [", f->index, f->n_index, f->rows);
    out_puts(o, "}");
    return ERR_OK;
}

// The text of JSON without the newlines that values have between their parts.
static void put_line(const struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] != '\n')
            putchar(text->data[i]);
    putchar('\n');
    fflush(stdout);
}

int main(void)
{
    uint8_t head[4];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        auto_free uint8_t *data = malloc(len ? len : 1); // exact, so that a sanitizer sees a read past the end
        auto_cleanup(buf_free) struct buf text = {.max = MAX_TEXT};
        struct err err = ERR_INIT;
        struct buf_sink sink = sink_to_buf(&text);
        struct out *o = out_new(&sink.sink, NULL, &err);
        if (!data || !o || fread(data, 1, len, stdin) != len)
            return 1;
        if (dump(data, len, o, &err))
            put_text(o, "error", err.cause, strlen(err.cause));
        if (out_free(o))
            buf_puts(&text, "{\"error\": \"too much text\"}");
        put_line(&text);
    }
    return 0;
}
