// The rows of a table as Python's csv module writes them for pandas/io/formats/csvs.py (QUOTE_MINIMAL).
#include "client/csv.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "client/pytext.h"

// What has to be known of a column before its first cell.
struct csv_column {
    struct column *column;
    bool widen; // floats are Python's own by the time that pandas writes them
};

struct csv {
    struct out *o;
    struct frame *f;
    struct csv_column *columns, *index; // n_columns and n_index
    struct out *sub;                    // text of one container
    struct err sub_err;
    size_t fields;                      // of this line so far
    bool some;                          // one of them is not empty
};

// --- Fields ---

static bool has_special(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == ',' || c == '"' || c == '\n' || c == '\r')
            return true;
    }
    return false;
}

static void next_field(struct csv *c)
{
    if (c->fields++)
        out_put(c->o, ",", 1);
}

// A field that needs no quotes.
static void put_bare(struct csv *c, const char *text, size_t len)
{
    next_field(c);
    out_put(c->o, text, len);
    c->some = c->some || len;
}

// The inside of a quoted field.
static void put_doubled(struct out *o, const char *text, size_t len)
{
    while (len) {
        const char *quote = memchr(text, '"', len);
        size_t n = quote ? (size_t)(quote - text) + 1 : len;
        out_put(o, text, n);
        if (quote)
            out_put(o, "\"", 1);
        text += n;
        len -= n;
    }
}

static void put_text(struct csv *c, const char *text, size_t len)
{
    if (!has_special(text, len)) {
        put_bare(c, text, len);
        return;
    }
    next_field(c);
    c->some = true;
    out_put(c->o, "\"", 1);
    put_doubled(c->o, text, len);
    out_put(c->o, "\"", 1);
}

static void end_line(struct csv *c)
{
    // A line of one empty field would be no line.
    if (c->fields == 1 && !c->some)
        out_put(c->o, "\"\"", 2);
    out_put(c->o, "\n", 1);
    c->fields = 0;
    c->some = false;
}

// --- Values ---

// Looks for what must be quoted, and stops there.
struct search_sink {
    struct sink sink;
    bool found, used; // used: not all that was written is in the buffer
};

static bool search_put(struct sink *sink, const void *data, size_t len)
{
    struct search_sink *s = (struct search_sink *)sink;
    s->used = true;
    s->found = has_special(data, len);
    return !s->found;
}

// Writes a field, in parts.
struct field_sink {
    struct sink sink;
    struct out *to;
    bool quoted;
};

static bool field_put(struct sink *sink, const void *data, size_t len)
{
    struct field_sink *s = (struct field_sink *)sink;
    if (s->quoted)
        put_doubled(s->to, data, len);
    else
        out_put(s->to, data, len);
    return !s->to->failed;
}

// False where the text did not end in the buffer or the sink.
static bool run_sub(struct csv *c, const struct value *v, struct sink *sink)
{
    out_restart(c->sub, sink);
    py_str(c->sub, v);
    out_work(c->o, c->sub->work);
    return !c->sub->failed;
}

// A field that may be larger than what is kept in memory: written once to see whether it has to be quoted, as far as
// that takes, and once more for good.
static void put_long(struct csv *c, const struct value *v)
{
    struct search_sink search = {.sink.put = search_put};
    bool whole = run_sub(c, v, &search.sink);
    if (whole && !search.used) {
        put_text(c, c->sub->data, c->sub->len);
        return;
    }
    struct field_sink field = {.sink.put = field_put, .to = c->o};
    field.quoted = search.found || (whole && has_special(c->sub->data, c->sub->len));
    next_field(c);
    c->some = true;
    if (field.quoted)
        out_put(c->o, "\"", 1);
    if ((whole || search.found) && run_sub(c, v, &field.sink))
        (void)field_put(&field.sink, c->sub->data, c->sub->len);
    if (c->sub->failed)
        out_fail(c->o, c->sub->failed, c->sub_err.cause);
    if (field.quoted)
        out_put(c->o, "\"", 1);
}

static void put_value(struct csv *c, const struct value *v)
{
    char text[FLOAT_ROOM];
    if (py_is_na(v)) {
        put_bare(c, "", 0);
        return;
    }
    switch (v->kind) {
    case VALUE_STR: put_text(c, (const char *)v->u.bytes.data, v->u.bytes.len); break;
    case VALUE_INT: put_bare(c, text, format_int(text, v->u.integer)); break;
    case VALUE_FLOAT: put_bare(c, text, format_float(text, v->u.real, FLOAT_64)); break;
    case VALUE_BOOL: put_bare(c, v->u.boolean ? "True" : "False", v->u.boolean ? 4 : 5); break;
    default: put_long(c, v); break;
    }
}

// --- Elements ---

static void put_scratch(struct csv *c)
{
    struct buf *b = &c->o->scratch;
    if (b->over)
        out_fail(c->o, ERR_LIMIT, "the text of one element of the table is too long");
    put_text(c, b->data ? b->data : "", b->len);
    b->len = 0;
}

static void put_unsupported(struct csv *c, const char *type, size_t len)
{
    buf_puts(&c->o->scratch, "UnsupportedType : ");
    buf_put(&c->o->scratch, type, len);
    put_scratch(c);
}

// A complex number is Python's own by the time that it is written.
static void put_complex(struct csv *c, const struct npy_type *t, const uint8_t *at)
{
    long double real, imag;
    enum float_width width;
    if (npy_complex(t, at, &real, &imag, &width))
        text_complex(&c->o->scratch, real, imag, width == FLOAT_LONG ? FLOAT_LONG : FLOAT_64);
    put_scratch(c);
}

static void put_float(struct csv *c, const struct npy_type *t, const uint8_t *at, bool widen)
{
    char text[FLOAT_ROOM];
    long double x;
    enum float_width width;
    (void)npy_real(t, at, &x, &width);
    if (isnan(x))
        put_bare(c, "", 0);
    else
        put_bare(c, text, format_float(text, x, widen && width != FLOAT_LONG ? FLOAT_64 : width));
}

static void put_element(struct csv *c, const struct npy_type *t, const uint8_t *at, bool widen)
{
    char text[24];
    int64_t i;
    if (t->kind == 'f') {
        put_float(c, t, at, widen);
    } else if (npy_is_na(t, at)) {
        put_bare(c, "", 0);
    } else if (t->kind == 'b') {
        put_bare(c, *at ? "True" : "False", *at ? 4 : 5);
    } else if (npy_int(t, at, &i)) {
        put_bare(c, text, format_int(text, i));
    } else if (t->kind == 'c') {
        put_complex(c, t, at);
    } else if (t->fields ? py_record(&c->o->scratch, t, at) : npy_text(&c->o->scratch, t, at)) {
        put_scratch(c);
    } else {
        c->o->scratch.len = 0;
        put_unsupported(c, "numpy.void", 10);
    }
}

static void put_cell(struct csv *c, const struct csv_column *from, size_t row)
{
    struct cell cell;
    column_cell(from->column, row, STYLE_CSV, &cell);
    switch (cell.kind) {
    case CELL_NA: put_bare(c, "", 0); break;
    case CELL_ELEMENT: put_element(c, cell.type, cell.at, from->widen); break;
    case CELL_TEXT: put_text(c, cell.text, cell.len); break;
    case CELL_VALUE: put_value(c, cell.value); break;
    case CELL_UNSUPPORTED: put_unsupported(c, cell.text, cell.len); break;
    }
}

// --- Header ---

// Whether pandas writes no name: of a MultiIndex it takes every name that is false in Python for none.
static bool is_no_name(const struct value *name, bool of_many)
{
    if (!name || name->kind == VALUE_NONE)
        return true;
    return of_many &&
           ((name->kind == VALUE_INT && !name->u.integer) || (name->kind == VALUE_STR && !name->u.bytes.len) ||
            (name->kind == VALUE_FLOAT && name->u.real == 0) || (name->kind == VALUE_BOOL && !name->u.boolean));
}

static void put_name(struct csv *c, const struct value *name, bool of_many)
{
    if (!is_no_name(name, of_many))
        py_value_str(&c->o->scratch, name, false);
    put_scratch(c);
}

static void put_index_names(struct csv *c)
{
    for (size_t i = 0; i < c->f->n_index; i++)
        put_name(c, c->f->index_names[i], c->f->n_index > 1);
}

static bool has_index_names(const struct frame *f)
{
    for (size_t i = 0; i < f->n_index; i++) {
        const struct value *name = f->index_names[i];
        if (!is_no_name(name, f->n_index > 1) && !(name->kind == VALUE_STR && !name->u.bytes.len))
            return true;
    }
    return false;
}

// Several levels of labels are a line each, behind the level's name; the names of the index are a line of their own.
// Nothing is missing here: NaN has a name.
static void put_levels(struct csv *c)
{
    const struct frame *f = c->f;
    for (size_t level = 0; level < f->n_labels; level++) {
        put_name(c, f->label_names[level], false);
        for (size_t i = 1; i < f->n_index; i++)
            put_bare(c, "", 0);
        bool floats = py_is_floating(f->labels[level], f->n_columns);
        for (size_t i = 0; i < f->n_columns && !c->o->failed; i++) {
            py_cell_str(&c->o->scratch, f->labels[level], i, false, floats);
            put_scratch(c);
        }
        end_line(c);
    }
    if (!has_index_names(f))
        return;
    put_index_names(c);
    for (size_t i = 0; i < f->n_columns; i++)
        put_bare(c, "", 0);
    end_line(c);
}

static void put_header(struct csv *c)
{
    const struct frame *f = c->f;
    if (f->n_labels > 1) {
        put_levels(c);
        return;
    }
    struct csv_column from = {.column = f->labels[0]};
    put_index_names(c);
    for (size_t i = 0; i < f->n_columns && !c->o->failed; i++)
        put_cell(c, &from, i);
    end_line(c);
}

// --- All of it ---

// Of an Arrow, sparse or categorical column pandas makes Python's floats, and they are written with all the digits that
// they have there; floats of numpy and nullable ones are as wide as they are.
static struct csv_column *columns_of(struct column **columns, size_t n)
{
    struct csv_column *all = mem_zalloc((n ? n : 1) * sizeof *all);
    for (size_t i = 0; i < n; i++) {
        const char *dtype = column_dtype(columns[i]);
        bool own = (strncmp(dtype, "float", 5) == 0 || strncmp(dtype, "Float", 5) == 0) && !strchr(dtype, '[');
        all[i] = (struct csv_column){columns[i], !own};
    }
    return all;
}

static void put_rows(struct csv *c)
{
    const struct frame *f = c->f;
    for (size_t row = 0; row < f->rows && !c->o->failed; row++) {
        for (size_t i = 0; i < f->n_index; i++)
            put_cell(c, &c->index[i], row);
        for (size_t i = 0; i < f->n_columns; i++)
            put_cell(c, &c->columns[i], row);
        end_line(c);
        out_work(c->o, f->n_index + f->n_columns);
    }
}

errc csv_write(struct frame *f, struct cancel *cancel, struct sink *sink, struct err *err)
{
    struct csv c = {.f = f, .sub_err = ERR_INIT};
    c.o = out_new(sink, cancel, err);
    if (!c.o)
        return err->code;
    c.sub = out_new(sink, cancel, &c.sub_err);
    if (!c.sub) {
        (void)out_free(c.o);
        return err_set(err, ERR_NO_MEMORY, "no memory to write a table as CSV");
    }
    c.columns = columns_of(f->columns, f->n_columns);
    c.index = columns_of(f->index, f->n_index);
    put_header(&c);
    put_rows(&c);
    free(c.columns);
    free(c.index);
    out_drop(c.sub);
    return out_free(c.o);
}
