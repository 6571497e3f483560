// Tables by their first and last rows and columns.
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "report/html.h"
#include "report/preview_i.h"

enum { HEAD_ROWS = 10, TAIL_ROWS = 5, HEAD_COLUMNS = 15, TAIL_COLUMNS = 5, MAX_LEVELS = 4, MAX_CELL = 200 };

// Which of n rows or columns are shown: the first `head` and, from `tail` on, the last; all when head is n.
struct cut {
    size_t n, head, tail;
};

static struct cut cut_of(size_t n, size_t head, size_t tail)
{
    if (n <= head + tail)
        return (struct cut){n, n, n};
    return (struct cut){n, head, n - tail};
}

// The next one that is shown after i; *ret_gap tells that some between are not.
static size_t cut_next(const struct cut *c, size_t i, bool *ret_gap)
{
    *ret_gap = i + 1 == c->head && c->tail > c->head;
    return *ret_gap ? c->tail : i + 1;
}

static void put_text(struct buf *out, const char *s, size_t len)
{
    size_t n = utf8_cut((const uint8_t *)s, len, MAX_CELL);
    html_text_len(out, s, n);
    if (n < len)
        buf_puts(out, "…");
}

static void put_value(struct preview *p, const struct value *v)
{
    auto_cleanup(buf_free) struct buf text = {0};
    bool cut;
    value_line(&text, v, MAX_CELL, p->cancel, &cut);
    put_text(p->out, text.data ? text.data : "", text.len);
    if (cut)
        buf_puts(p->out, "…");
}

static void put_element(struct preview *p, const struct cell *cell)
{
    auto_cleanup(buf_free) struct buf text = {.max = 1 << 20};
    (void)npy_text(&text, cell->type, cell->at);
    put_text(p->out, text.data ? text.data : "", text.len);
}

static void put_content(struct preview *p, const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_NA: buf_puts(p->out, "NA"); break;
    case CELL_ELEMENT: put_element(p, cell); break;
    case CELL_TEXT: put_text(p->out, cell->text, cell->len); break;
    case CELL_VALUE: put_value(p, cell->value); break;
    case CELL_UNSUPPORTED:
        buf_puts(p->out, "UnsupportedType : ");
        put_text(p->out, cell->text, cell->len);
        break;
    }
}

// One cell in the tags `tag`.
static void put_cell(struct preview *p, struct column *c, size_t row, const char *tag)
{
    struct cell cell = {.kind = CELL_NA};
    column_cell(c, row, STYLE_CSV, &cell);
    const char *class = cell.kind == CELL_UNSUPPORTED ? " class=\"bad\"" : cell.kind == CELL_NA ? " class=\"na\"" : "";
    if (cell.kind == CELL_ELEMENT && memchr("iufc", cell.type->kind, 4))
        class = " class=\"num\"";
    buf_printf(p->out, "<%s%s>", tag, class);
    put_content(p, &cell);
    buf_printf(p->out, "</%s>", tag);
}

static void put_head_cell(struct preview *p, const struct value *name, const char *tag)
{
    buf_printf(p->out, "<%s>", tag);
    if (name)
        put_value(p, name);
    buf_printf(p->out, "</%s>", tag);
}

// One level of the labels; the last has the names of the index.
static void put_labels(struct preview *p, struct frame *f, const struct cut *columns, size_t n_index, size_t level)
{
    bool is_last = level + 1 == f->n_labels, gap = false;
    buf_puts(p->out, "<tr>");
    for (size_t i = 0; i < n_index; i++)
        put_head_cell(p, is_last && f->index_names ? f->index_names[i] : NULL, "th");
    for (size_t i = 0; i < columns->n; i = cut_next(columns, i, &gap)) {
        put_cell(p, f->labels[level], i, "th");
        bool after;
        (void)cut_next(columns, i, &after);
        if (after)
            buf_puts(p->out, "<th>…</th>");
    }
    buf_puts(p->out, "</tr>\n");
}

static void put_dtypes(struct preview *p, struct frame *f, const struct cut *columns, size_t n_index)
{
    bool gap;
    buf_puts(p->out, "<tr class=\"dtype\">");
    for (size_t i = 0; i < n_index; i++)
        buf_puts(p->out, "<td></td>");
    for (size_t i = 0; i < columns->n;) {
        const char *dtype = column_dtype(f->columns[i]);
        buf_puts(p->out, "<td>");
        put_text(p->out, dtype, strlen(dtype));
        buf_puts(p->out, "</td>");
        i = cut_next(columns, i, &gap);
        if (gap)
            buf_puts(p->out, "<td>…</td>");
    }
    buf_puts(p->out, "</tr>\n");
}

static void put_row(struct preview *p, struct frame *f, const struct cut *columns, size_t n_index, size_t row)
{
    bool gap;
    buf_puts(p->out, "<tr>");
    for (size_t i = 0; i < n_index; i++)
        put_cell(p, f->index[i], row, "th");
    for (size_t i = 0; i < columns->n;) {
        put_cell(p, f->columns[i], row, "td");
        i = cut_next(columns, i, &gap);
        if (gap)
            buf_puts(p->out, "<td>…</td>");
    }
    buf_puts(p->out, "</tr>\n");
}

// In the place of rows that are not shown.
static void put_gap(struct preview *p, const struct cut *columns, size_t n_index, size_t rows)
{
    size_t n = n_index + columns->head + (columns->n - columns->tail) + (columns->tail > columns->head);
    buf_printf(p->out, "<tr><td class=\"gap\" colspan=\"%zu\">… %zu more rows</td></tr>\n", n, rows);
}

static void put_shape(struct preview *p, const struct frame *f)
{
    if (f->kind == FRAME_DATAFRAME || f->kind == FRAME_ARRAY)
        preview_note(p->out, "%zu %s × %zu %s", f->rows, f->rows == 1 ? "row" : "rows", f->n_columns,
                     f->n_columns == 1 ? "column" : "columns");
    else
        preview_note(p->out, "%zu %s", f->rows, f->rows == 1 ? "value" : "values");
}

void preview_table(struct preview *p, struct frame *f)
{
    struct cut rows = cut_of(f->rows, HEAD_ROWS, TAIL_ROWS);
    struct cut columns = cut_of(f->n_columns, HEAD_COLUMNS, TAIL_COLUMNS);
    size_t n_index = f->n_index < MAX_LEVELS ? f->n_index : MAX_LEVELS;
    size_t n_labels = f->n_labels < MAX_LEVELS ? f->n_labels : MAX_LEVELS;
    struct err err = ERR_INIT;
    bool gap;
    if (f->kind != FRAME_ARRAY)
        put_shape(p, f);
    buf_puts(p->out, "<div class=\"wide\"><table class=\"data\"><thead>\n");
    for (size_t i = f->n_labels - n_labels; i < f->n_labels; i++)
        put_labels(p, f, &columns, n_index, i);
    if (f->kind != FRAME_ARRAY)
        put_dtypes(p, f, &columns, n_index);
    buf_puts(p->out, "</thead><tbody>\n");
    for (size_t i = 0; i < rows.n && !cancel_check(p->cancel, &err);) {
        put_row(p, f, &columns, n_index, i);
        i = cut_next(&rows, i, &gap);
        if (gap)
            put_gap(p, &columns, n_index, rows.tail - rows.head);
    }
    buf_puts(p->out, "</tbody></table></div>\n");
    if (columns.tail > columns.head)
        preview_note(p->out, "%zu columns between these are not shown.", columns.tail - columns.head);
}

void preview_elements(struct preview *p, struct frame *f)
{
    struct cut rows = cut_of(f->rows, HEAD_ROWS, TAIL_ROWS);
    bool gap;
    buf_puts(p->out, "<pre class=\"elements\">\n");
    for (size_t i = 0; i < rows.n;) {
        struct cell cell = {.kind = CELL_NA};
        column_cell(f->columns[0], i, STYLE_JSON, &cell);
        put_content(p, &cell);
        i = cut_next(&rows, i, &gap);
        buf_puts(p->out, gap ? ", …, " : i < rows.n ? ", " : "");
    }
    buf_puts(p->out, "</pre>\n");
}
