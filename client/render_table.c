#include "client/render_table.h"

#include <string.h>

#include "base/mem.h"
#include "client/render_pandas.h"

// One member of the object: `rows` entries, each a cell of every column.
struct section {
    const char *key; // NULL: the array is the whole table
    struct column **columns;
    size_t n_columns, rows;
    bool is_row; // an entry is an array whatever the number of columns
};

struct table_json {
    struct frame *frame; // owned
    unsigned depth;
    bool outer_compact;
    bool named;          // "name" is still to be written
    bool open;           // the section's bracket is
    struct section sections[3];
    size_t n_sections, section, row, column; // where the next cell is
};

static void add_section(struct table_json *t, const char *key, struct column **columns, size_t n, size_t rows)
{
    t->sections[t->n_sections++] = (struct section){.key = key, .columns = columns, .n_columns = n, .rows = rows};
}

struct table_json *table_json_new(struct frame *f, unsigned depth, unsigned ndim)
{
    struct table_json *t = mem_zalloc(sizeof *t);
    t->frame = f;
    t->depth = depth;
    t->named = f->kind == FRAME_SERIES;
    if (f->kind == FRAME_INDEX || f->kind == FRAME_ARRAY) {
        add_section(t, NULL, f->columns, f->n_columns, f->rows);
        t->sections[0].is_row = f->kind == FRAME_ARRAY && ndim > 1;
        return t;
    }
    if (f->kind != FRAME_SERIES)
        add_section(t, "columns", f->labels, f->n_labels, f->n_columns);
    add_section(t, "index", f->index, f->n_index, f->rows);
    add_section(t, "data", f->columns, f->n_columns, f->rows);
    t->sections[t->n_sections - 1].is_row = f->kind != FRAME_SERIES;
    return t;
}

void table_json_free(struct table_json *t)
{
    if (t)
        frame_free(t->frame);
    free(t);
}

static void put_unsupported(struct out *o, const struct cell *c)
{
    static const char head[] = "UnsupportedType : ";
    buf_puts(&o->scratch, head);
    buf_put(&o->scratch, c->text, c->len);
    out_string(o, (const uint8_t *)o->scratch.data, o->scratch.len);
    o->scratch.len = 0;
}

const struct value *cell_json(struct out *o, const struct cell *c, unsigned depth)
{
    switch (c->kind) {
    case CELL_NA: out_puts(o, "null"); break;
    case CELL_ELEMENT: npy_json(o, c->type, c->at, depth); break;
    case CELL_TEXT: out_string(o, (const uint8_t *)c->text, c->len); break;
    case CELL_UNSUPPORTED: put_unsupported(o, c); break;
    case CELL_VALUE: return c->value;
    }
    return NULL;
}

// A date or span of a table of pandas is its Timestamp's or Timedelta's text, as these are by themselves. False for
// other cells, and for units that pandas does not have.
static bool put_date(struct out *o, const struct cell *c)
{
    unsigned digits;
    if (c->kind != CELL_ELEMENT || (c->type->kind != 'M' && c->type->kind != 'm') || c->type->unit_count != 1 ||
        !digits_of_unit(c->type->unit, &digits))
        return false;
    if (npy_is_na(c->type, c->at)) {
        out_puts(o, "null");
        return true;
    }
    int64_t t = npy_ticks(c->type, c->at);
    if (c->type->kind == 'M')
        text_timestamp(&o->scratch, t, digits, NULL, 'T');
    else
        text_timedelta(&o->scratch, t, digits);
    out_string(o, (const uint8_t *)o->scratch.data, o->scratch.len);
    o->scratch.len = 0;
    return true;
}

static void put_key(struct table_json *t, struct out *o, const char *key, bool first)
{
    if (!first)
        out_puts(o, ",");
    out_line(o, t->depth + 1);
    out_string(o, (const uint8_t *)key, strlen(key));
    out_puts(o, ": ");
}

static void open_section(struct table_json *t, struct out *o)
{
    const struct section *s = &t->sections[t->section];
    t->open = true;
    t->row = t->column = 0;
    if (s->key)
        put_key(t, o, s->key, t->section == 0 && t->frame->kind != FRAME_SERIES);
    out_puts(o, "[");
}

static void close_section(struct table_json *t, struct out *o)
{
    const struct section *s = &t->sections[t->section];
    if (s->rows)
        out_line(o, t->depth + (s->key ? 1 : 0));
    out_puts(o, "]");
    t->open = false;
    t->section++;
}

static bool is_array(const struct section *s)
{
    return s->is_row || s->n_columns != 1;
}

static void begin_entry(struct table_json *t, struct out *o, const struct section *s)
{
    if (t->row)
        out_puts(o, ",");
    out_line(o, t->depth + (s->key ? 2 : 1));
    t->outer_compact = o->compact;
    o->compact = true;
    if (is_array(s))
        out_puts(o, "[");
    out_work(o, 1);
}

static void end_entry(struct table_json *t, struct out *o, const struct section *s)
{
    if (is_array(s))
        out_puts(o, "]");
    o->compact = t->outer_compact;
    t->column = 0;
    t->row++;
}

// The cells up to one that holds a value, or to the end of the section (then NULL).
static const struct value *put_entries(struct table_json *t, struct out *o, unsigned depth)
{
    const struct section *s = &t->sections[t->section];
    for (; t->row < s->rows && !o->failed;) {
        if (!t->column)
            begin_entry(t, o, s);
        while (t->column < s->n_columns) {
            if (t->column)
                out_puts(o, ", ");
            size_t at = t->column++;
            struct cell c;
            column_cell(s->columns[at], t->row, STYLE_JSON, &c);
            const struct value *v = !t->frame->is_numpy && put_date(o, &c) ? NULL : cell_json(o, &c, depth);
            if (v)
                return v;
        }
        end_entry(t, o, s);
    }
    return NULL;
}

const struct value *table_json_next(struct table_json *t, struct out *o, unsigned *ret_depth)
{
    static const struct value none = {.kind = VALUE_NONE};
    bool object = t->sections[0].key;
    *ret_depth = t->depth + 2;
    if (t->section == 0 && !t->open && object && (t->frame->kind != FRAME_SERIES || t->named))
        out_puts(o, "{");
    if (t->named) {
        t->named = false;
        put_key(t, o, "name", true);
        *ret_depth = t->depth + 1;
        return t->frame->name ? t->frame->name : &none;
    }
    while (t->section < t->n_sections && !o->failed) {
        const struct section *s = &t->sections[t->section];
        if (!t->open)
            open_section(t, o);
        else if (t->column == s->n_columns && t->row < s->rows && s->n_columns)
            end_entry(t, o, s); // its last cell was a value
        const struct value *v = put_entries(t, o, *ret_depth);
        if (v)
            return v;
        close_section(t, o);
    }
    if (object) {
        out_line(o, t->depth);
        out_puts(o, "}");
    }
    return NULL;
}

void table_json_path(const struct table_json *t, struct buf *path)
{
    const struct section *s = &t->sections[t->section];
    if (!t->open) {
        buf_puts(path, ".name");
        return;
    }
    if (s->key)
        buf_printf(path, ".%s", s->key);
    buf_printf(path, "[%zu]", t->row);
    if (is_array(s))
        buf_printf(path, "[%zu]", t->column - 1);
}
