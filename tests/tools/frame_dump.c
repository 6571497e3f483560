// Reads pickles of tables and writes what client/frame.h makes of them as JSON, for the comparison with pandas.
// Standard input is a sequence of pickles, each behind its length (4 bytes, little-endian). Each answer is a line: an
// object of the frame, or {"error": KIND, "cause": TEXT}. A cell is [KIND, TEXT or value].
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/frame.h"

enum { MAX_TEXT = 4 << 20 };

static void put_text(struct out *o, const char *s)
{
    out_string(o, (const uint8_t *)s, strlen(s));
}

static void put_element(struct out *o, const struct cell *cell)
{
    struct buf text = {0};
    if (npy_text(&text, cell->type, cell->at)) {
        out_string(o, (const uint8_t *)text.data, text.len);
    } else {
        npy_json(o, cell->type, cell->at, 0);
    }
    buf_free(&text);
}

static void put_cell(struct out *o, struct column *c, size_t row, enum cell_style style)
{
    static const char *const kinds[] = {"na", "element", "text", "value", "unsupported"};
    struct cell cell;
    column_cell(c, row, style, &cell);
    out_puts(o, "[");
    put_text(o, kinds[cell.kind]);
    out_puts(o, ",");
    if (cell.kind == CELL_NA)
        out_puts(o, "null");
    else if (cell.kind == CELL_ELEMENT)
        put_element(o, &cell);
    else if (cell.kind == CELL_VALUE)
        json_value(o, cell.value);
    else
        out_string(o, (const uint8_t *)cell.text, cell.len);
    out_puts(o, "]");
}

static void put_cells(struct out *o, struct column *c, size_t rows, enum cell_style style)
{
    out_puts(o, "[");
    for (size_t i = 0; i < rows && !o->failed; i++) {
        out_puts(o, i ? "," : "");
        put_cell(o, c, i, style);
    }
    out_puts(o, "]");
}

static void put_number(struct out *o, size_t n)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", n);
    out_puts(o, text);
}

static void put_column(struct out *o, struct column *c, size_t rows)
{
    const struct npy_type *t = column_npy_type(c);
    char type[32];
    out_puts(o, "{\"dtype\":");
    put_text(o, column_dtype(c));
    out_puts(o, ",\"npy\":");
    if (t) {
        snprintf(type, sizeof type, "%s%c%zu", t->swap ? ">" : "", t->kind, t->itemsize);
        put_text(o, type);
    } else {
        out_puts(o, "null");
    }
    out_puts(o, ",\"json\":");
    put_cells(o, c, rows, STYLE_JSON);
    out_puts(o, ",\"csv\":");
    put_cells(o, c, rows, STYLE_CSV);
    out_puts(o, "}");
}

static void put_columns(struct out *o, const char *name, struct column **columns, size_t n, size_t rows)
{
    out_puts(o, ",");
    put_text(o, name);
    out_puts(o, ":[");
    for (size_t i = 0; i < n && !o->failed; i++) {
        out_puts(o, i ? "," : "");
        put_column(o, columns[i], rows);
    }
    out_puts(o, "]");
}

static void put_name(struct out *o, const struct value *name)
{
    if (name)
        json_value(o, name);
    else
        out_puts(o, "null");
}

static void put_names(struct out *o, const char *name, const struct value **names, size_t n)
{
    out_puts(o, ",");
    put_text(o, name);
    out_puts(o, ":[");
    for (size_t i = 0; i < n; i++) {
        out_puts(o, i ? "," : "");
        put_name(o, names[i]);
    }
    out_puts(o, "]");
}

static void put_frame(struct out *o, const struct frame *f)
{
    static const char *const kinds[] = {"dataframe", "series", "index", "array"};
    out_puts(o, "{\"kind\":");
    put_text(o, kinds[f->kind]);
    out_puts(o, ",\"rows\":");
    put_number(o, f->rows);
    out_puts(o, ",\"name\":");
    put_name(o, f->name);
    out_puts(o, f->plain_index ? ",\"plain\":true" : ",\"plain\":false");
    put_columns(o, "columns", f->columns, f->n_columns, f->rows);
    put_columns(o, "index", f->index, f->n_index, f->rows);
    put_names(o, "index_names", f->index_names, f->n_index);
    put_columns(o, "labels", f->labels, f->n_labels, f->n_columns);
    put_names(o, "label_names", f->label_names, f->n_labels);
    out_puts(o, "}");
}

static errc dump(const uint8_t *data, size_t len, struct buf *text, struct err *err)
{
    auto_cleanup(pickle_freep) struct pickle *p = NULL;
    auto_cleanup(frame_freep) struct frame *f = NULL;
    if (pickle_read(data, len, NULL, NULL, &p, err) || frame_of(pickle_root(p), NULL, &f, err))
        return err->code;
    struct buf_sink sink = sink_to_buf(text);
    struct out *o = out_new(&sink.sink, NULL, err);
    put_frame(o, f);
    return out_free(o);
}

static void put_error(const struct err *failed, struct buf *text)
{
    struct err err = ERR_INIT;
    struct buf_sink sink = sink_to_buf(text);
    struct out *o = out_new(&sink.sink, NULL, &err);
    text->len = 0;
    text->over = false;
    out_puts(o, "{\"error\":");
    put_text(o, err_name(failed->code));
    out_puts(o, ",\"cause\":");
    put_text(o, failed->cause);
    out_puts(o, "}");
    (void)out_free(o);
}

static bool answer(const uint8_t *data, size_t len)
{
    auto_cleanup(buf_free) struct buf text = {.max = MAX_TEXT};
    struct err err = ERR_INIT;
    if (dump(data, len, &text, &err))
        put_error(&err, &text);
    // Containers within cells are indented, on lines of their own.
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '\n')
            text.data[i] = ' ';
    return fwrite(text.data, 1, text.len, stdout) == text.len && putchar('\n') == '\n';
}

int main(void)
{
    uint8_t size[4];
    while (fread(size, 1, sizeof size, stdin) == sizeof size) {
        size_t len = (size_t)size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
        auto_free uint8_t *data = malloc(len ? len : 1); // of the exact size: a sanitizer sees a read past its end
        if (!data || fread(data, 1, len, stdin) != len || !answer(data, len))
            return 1;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
