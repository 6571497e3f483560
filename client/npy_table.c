// Tables as .npy: a DataFrame as DataFrame.to_records() has it, a Series or Index as its values.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "client/npy_i.h"
#include "client/pytext.h"

enum { MAX_NAMES = 64 << 20 };

// One field of the file.
struct field {
    struct column *column;
    const struct npy_type *type; // NULL: text, or numbers with missing ones
    struct npy_type real;        // kind 'f': missing numbers are its NaN
    size_t width;                // of text
};

struct records {
    struct npy_out *o;
    struct npy_text text;
    struct field *fields;
    size_t n, rows;
    struct buf descr;
};

// Nullable, masked and Arrow's numbers: which are floats in numpy where all are missing.
static bool is_number(const char *dtype)
{
    static const char *const names[] = {"Int", "UInt", "Float", "int", "uint", "float", "double["};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(dtype, names[i], strlen(names[i])) == 0)
            return strncasecmp(dtype, "interval", 8) != 0;
    return false;
}

static bool same_type(const struct npy_type *a, const struct npy_type *b)
{
    return a && b && !a->fields && !b->fields && a->kind == b->kind && a->swap == b->swap &&
           a->itemsize == b->itemsize && a->unit_count == b->unit_count && strcmp(a->unit, b->unit) == 0;
}

// Whether a cell is a date or span like those before it, which *type is then.
static bool is_date_like(const struct cell *c, const struct npy_type **type)
{
    if (c->kind != CELL_ELEMENT || !memchr("Mm", c->type->kind, 2) || (*type && !same_type(*type, c->type)))
        return false;
    *type = c->type;
    return true;
}

static bool is_real(const struct cell *c)
{
    return c->kind == CELL_ELEMENT && memchr("iuf", c->type->kind, 3) && c->type->itemsize <= 8;
}

// Numbers, some of them missing, are floats in numpy, and NaN stands for these; dates and spans stay what they are,
// with NaT; all else is text as wide as it must be.
static void measure(struct records *r, struct field *f)
{
    bool numbers = true, dates = true, some = false, narrow = true;
    const struct npy_type *date = NULL;
    r->text.to = NULL;
    r->text.width = 1;
    for (size_t row = 0; row < r->rows && !r->o->failed; row++) {
        struct cell c;
        if (row % 65536 == 0)
            npy_check(r->o);
        column_cell(f->column, row, STYLE_JSON, &c);
        numbers = numbers && (c.kind == CELL_NA || is_real(&c));
        dates = dates && (c.kind == CELL_NA || is_date_like(&c, &date));
        some = some || c.kind != CELL_NA;
        narrow = narrow && (c.kind == CELL_NA || (is_real(&c) && c.type->kind == 'f' && c.type->itemsize == 4));
        npy_text_cell(&r->text, r->o, &c);
    }
    npy_text_check(&r->text, r->o);
    f->width = r->text.width;
    const char *dtype = column_dtype(f->column);
    f->type = dates && some ? date : NULL;
    if (!f->type && numbers && (some || is_number(dtype))) {
        narrow = some ? narrow : strcmp(dtype, "Float32") == 0 || strcmp(dtype, "float[pyarrow]") == 0;
        f->real = (struct npy_type){.kind = 'f', .itemsize = narrow ? 4 : 8, .unit = "generic"};
    }
}

static void put_real(struct records *r, const struct field *f, const struct cell *c)
{
    int64_t i;
    long double x = __builtin_nanl("");
    enum float_width width;
    if (c->kind == CELL_ELEMENT && npy_int(c->type, c->at, &i))
        x = (long double)i;
    else if (c->kind == CELL_ELEMENT && !npy_real(c->type, c->at, &x, &width) && c->type->kind == 'u')
        x = (long double)npy_uint(c->type, c->at);
    float narrow = (float)x;
    double wide = (double)x;
    if (f->real.itemsize == 4)
        npy_put(r->o, &narrow, 4);
    else
        npy_put(r->o, &wide, 8);
}

static void put_field(struct records *r, const struct field *f, size_t row)
{
    static const uint8_t zeros[32];
    struct cell c;
    column_cell(f->column, row, STYLE_JSON, &c);
    if (f->real.kind) {
        put_real(r, f, &c);
    } else if (!f->type) {
        r->text.to = r->o;
        r->text.width = f->width;
        npy_text_cell(&r->text, r->o, &c);
    } else if (c.kind == CELL_ELEMENT) {
        npy_put(r->o, c.at, f->type->itemsize);
    } else if (f->type->kind == 'M' || f->type->kind == 'm') {
        int64_t nat = f->type->swap ? 0x80 : INT64_MIN;
        npy_put(r->o, &nat, sizeof nat);
    } else { // a column whose cells are all there has none such
        for (size_t left = f->type->itemsize; left;) {
            size_t n = left < sizeof zeros ? left : sizeof zeros;
            npy_put(r->o, zeros, n);
            left -= n;
        }
    }
}

static void put_rows(struct records *r)
{
    for (size_t row = 0; row < r->rows && !r->o->failed; row++)
        for (size_t i = 0; i < r->n; i++)
            put_field(r, &r->fields[i], row);
}

static void descr_of(struct buf *b, const struct field *f)
{
    if (f->type || f->real.kind)
        npy_descr(b, f->type ? f->type : &f->real, false);
    else
        npy_text_descr(b, f->width);
}

static void add_fields(struct records *r, struct column **columns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct field *f = &r->fields[r->n++];
        f->column = columns[i];
        f->type = column_npy_type(columns[i]);
        if (f->type && (npy_has_objects(f->type) || !npy_is_ordered(f->type)))
            f->type = NULL;
    }
}

// --- A DataFrame's fields and their names ---

static void label_name(struct buf *b, const struct frame *f, size_t i, const bool *floats)
{
    if (f->n_labels == 1) {
        py_cell_str(b, f->labels[0], i, false, false);
        return;
    }
    buf_putc(b, '(');
    for (size_t level = 0; level < f->n_labels; level++) {
        buf_puts(b, level ? ", " : "");
        py_cell_str(b, f->labels[level], i, true, floats[level]);
    }
    buf_putc(b, ')');
}

static void index_name(struct buf *b, const struct frame *f, size_t i)
{
    const struct value *name = f->index_names[i];
    bool none = !name || name->kind == VALUE_NONE;
    if (none && f->n_index == 1)
        buf_puts(b, "index");
    else if (none)
        buf_printf(b, "level_%zu", i);
    else
        py_value_str(b, name, false);
}

struct named {
    char *name;
    size_t order;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    return c ? c : x->order < y->order ? -1 : x->order > y->order;
}

static int name_is(const void *name, const void *named)
{
    return strcmp(name, ((const struct named *)named)->name);
}

// numpy has no two fields of one name: a later one gets ".1", ".2", ... as pandas.read_csv has it.
static void make_unique(char **names, size_t n)
{
    auto_free struct named *sorted = mem_zalloc((n ? n : 1) * sizeof *sorted);
    auto_free char **fresh = mem_zalloc((n ? n : 1) * sizeof *fresh);
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct named){names[i], i};
    qsort(sorted, n, sizeof *sorted, by_name);
    size_t count = 0;
    for (size_t i = 1; i < n; i++) {
        bool same = strcmp(sorted[i].name, sorted[i - 1].name) == 0;
        count = same ? count + 1 : 0;
        for (; same; count++) {
            char *name = mem_printf("%s.%zu", sorted[i].name, count);
            if (!bsearch(name, sorted, n, sizeof *sorted, name_is)) {
                fresh[sorted[i].order] = name;
                break;
            }
            free(name);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (fresh[i]) {
            free(names[i]);
            names[i] = fresh[i];
        }
    }
}

static void put_descr(struct records *r, char *const *names)
{
    struct buf *b = &r->descr;
    buf_putc(b, '[');
    for (size_t i = 0; i < r->n; i++) {
        buf_puts(b, i ? ", (" : "(");
        text_str_repr(b, (const uint8_t *)names[i], strlen(names[i]));
        buf_puts(b, ", ");
        descr_of(b, &r->fields[i]);
        buf_putc(b, ')');
    }
    buf_putc(b, ']');
}

// Whether there is room for the texts, which are all as wide as the widest of their column.
static void check_room(struct records *r, char *const *names)
{
    const struct field *widest = NULL;
    auto_cleanup(buf_free) struct buf what = {0};
    uint64_t total = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct field *f = &r->fields[i];
        if (f->type || f->real.kind)
            continue;
        if (__builtin_add_overflow(total, npy_text_size(f->width, r->rows), &total))
            total = UINT64_MAX;
        widest = widest && widest->width >= f->width ? widest : f;
    }
    if (!widest)
        return;
    buf_printf(&what, "column %.200s", names[widest - r->fields]);
    npy_text_room(r->o, total, what.data, widest->width, r->rows, "rows");
}

// The names of all fields; some are NULL where that failed.
static void make_names(struct records *r, const struct frame *f, size_t n_index, char **names)
{
    auto_free bool *floats = mem_zalloc(f->n_labels * sizeof *floats);
    size_t total = 0;
    for (size_t i = 0; i < f->n_labels; i++)
        floats[i] = f->n_labels > 1 && py_is_floating(f->labels[i], f->n_columns);
    for (size_t i = 0; i < r->n && !r->o->failed; i++) {
        struct buf name = {.max = MAX_NAMES};
        if (i < n_index)
            index_name(&name, f, i);
        else
            label_name(&name, f, i - n_index, floats);
        total += name.len;
        if (name.over || total > MAX_NAMES) // labels may all be one long text
            npy_fail(r->o, ERR_LIMIT, "the labels of the columns are too long for the header of a .npy file");
        names[i] = buf_steal(&name);
        if (i % 1024 == 0)
            npy_check(r->o);
    }
    if (!r->o->failed)
        make_unique(names, r->n);
}

static void put_records(struct records *r, const struct frame *f, bool with_index)
{
    size_t n_index = with_index ? f->n_index : 0, n = n_index + f->n_columns;
    char **names = mem_zalloc((n ? n : 1) * sizeof *names);
    r->fields = mem_zalloc((n ? n : 1) * sizeof *r->fields);
    add_fields(r, f->index, n_index);
    add_fields(r, f->columns, f->n_columns);
    make_names(r, f, n_index, names);
    for (size_t i = 0; i < n && !r->o->failed; i++)
        if (!r->fields[i].type)
            measure(r, &r->fields[i]);
    if (!r->o->failed)
        check_room(r, names);
    if (!r->o->failed) {
        put_descr(r, names);
        npy_header(r->o, &r->descr, false, &r->rows, 1);
        put_rows(r);
    }
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

// --- Values without names: of one type, or text ---

static void put_values(struct records *r, const struct frame *f, unsigned ndim)
{
    r->fields = mem_zalloc((f->n_columns ? f->n_columns : 1) * sizeof *r->fields);
    add_fields(r, f->columns, f->n_columns);
    bool uniform = r->n == 1, real = r->n > 0, typed = r->n > 0;
    for (size_t i = 1; i < r->n; i++)
        uniform = same_type(r->fields[0].type, r->fields[i].type);
    size_t width = 1;
    for (size_t i = 0; i < r->n && !r->o->failed; i++) {
        r->fields[i].type = uniform ? r->fields[i].type : NULL;
        if (!r->fields[i].type)
            measure(r, &r->fields[i]);
        real = real && r->fields[i].real.kind && same_type(&r->fields[0].real, &r->fields[i].real);
        typed = typed && r->fields[i].type && (!i || same_type(r->fields[0].type, r->fields[i].type));
        width = r->fields[i].width > width ? r->fields[i].width : width;
    }
    for (size_t i = 0; i < r->n; i++) {
        r->fields[i].width = width;
        r->fields[i].type = typed ? r->fields[i].type : NULL;
        r->fields[i].real.kind = real ? 'f' : 0;
    }
    size_t count;
    if (__builtin_mul_overflow(r->rows, r->n, &count))
        count = SIZE_MAX;
    if (!typed && !real && !r->o->failed)
        npy_text_room(r->o, npy_text_size(width, count), "the text", width, count, "elements");
    struct field none = {.width = 1};
    descr_of(&r->descr, r->n ? &r->fields[0] : &none);
    npy_header(r->o, &r->descr, false, (size_t[]){r->rows, f->n_columns}, ndim);
    put_rows(r);
}

// Each entry of an index of several levels is an array, as text.
static void put_tuples(struct records *r, const struct frame *f)
{
    for (size_t row = 0; row < r->rows && !r->o->failed; row++)
        npy_text_row(&r->text, r->o, f->columns, f->n_columns, row);
    npy_text_check(&r->text, r->o);
    npy_text_room(r->o, npy_text_size(r->text.width, r->rows), "an entry", r->text.width, r->rows, "rows");
    npy_text_descr(&r->descr, r->text.width);
    npy_header(r->o, &r->descr, false, &r->rows, 1);
    r->text.to = r->o;
    for (size_t row = 0; row < r->rows && !r->o->failed; row++)
        npy_text_row(&r->text, r->o, f->columns, f->n_columns, row);
}

void npy_table(struct npy_out *o, struct frame *f, unsigned array_ndim, bool is_records)
{
    struct records r = {.o = o, .rows = f->rows, .descr = {.max = 64 << 20}};
    if (!npy_text_new(&r.text, o))
        return;
    if (f->kind == FRAME_DATAFRAME)
        put_records(&r, f, true);
    else if (is_records)
        put_records(&r, f, false);
    else if (f->kind == FRAME_INDEX && f->n_columns != 1)
        put_tuples(&r, f);
    else
        put_values(&r, f, f->kind == FRAME_ARRAY && (array_ndim > 1 || f->n_columns != 1) ? 2 : 1);
    npy_text_free(&r.text);
    buf_free(&r.descr);
    free(r.fields);
}
