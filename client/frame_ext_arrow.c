// Columns of arrays of Arrow: ArrowExtensionArray, ArrowStringArray, and pyarrow's own arrays.
#include "client/frame_ext_arrow.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    MAX_ARRAYS = 1 << 17, // of one column: chunks and what they are made of
    MAX_NAME = 4096,
    MAX_LOOK = 1 << 30,   // rows that are looked through before a column is read
};

static const struct npy_type bool_type = {.kind = 'b', .itemsize = 1, .unit = "generic", .unit_count = 1};
static const uint8_t booleans[] = {0, 1};

struct arrow_column {
    struct column base;
    struct arrow_array *chunks; // owned
    size_t n_chunks;
    size_t at, before;          // the chunk of the last look-up, and the rows before it
    struct arrow_tree *tree;    // owned; of nested cells
    struct value bytes;         // of a cell of bytes
};

// The chunk that has a row, which becomes the row within it. Rows are mostly asked for one after another.
static const struct arrow_array *find_chunk(struct arrow_column *c, size_t *row)
{
    if (*row < c->before)
        c->at = c->before = 0;
    while (c->at < c->n_chunks && *row - c->before >= c->chunks[c->at].len)
        c->before += c->chunks[c->at++].len;
    *row -= c->before;
    return c->at < c->n_chunks ? &c->chunks[c->at] : NULL;
}

static void text_cell(struct arrow_column *c, const struct arrow_array *a, size_t row, struct cell *ret)
{
    struct arrow_bytes bytes;
    if (!arrow_cell_bytes(a, row, &bytes)) {
        cell_unsupported(&c->base, ret);
    } else if (a->type.kind == ARROW_TEXT) {
        ret->kind = CELL_TEXT;
        ret->text = (const char *)bytes.data;
        ret->len = bytes.len;
    } else {
        c->bytes.kind = VALUE_BYTES;
        c->bytes.u.bytes.data = bytes.data;
        c->bytes.u.bytes.len = bytes.len;
        ret->kind = CELL_VALUE;
        ret->value = &c->bytes;
    }
}

static void other_cell(struct arrow_column *c, const struct arrow_array *a, size_t row, enum cell_style style,
                       struct cell *ret)
{
    if (a->type.kind >= ARROW_LIST) {
        ret->value = arrow_tree_build(c->tree, a, row, style);
        ret->kind = CELL_VALUE;
        if (!ret->value)
            cell_unsupported(&c->base, ret);
        return;
    }
    c->base.text.len = 0;
    if (arrow_cell_text(&c->base.text, a, row, style))
        cell_of_text(&c->base, ret);
    else
        cell_unsupported(&c->base, ret);
}

static void arrow_cell(struct column *base, size_t row, enum cell_style style, struct cell *ret)
{
    struct arrow_column *c = (struct arrow_column *)base;
    const struct arrow_array *a = find_chunk(c, &row);
    if (!a || !arrow_resolve(&a, &row)) {
        cell_unsupported(base, ret);
        return;
    }
    if (!arrow_is_valid(a, row)) {
        ret->kind = CELL_NA;
        return;
    }
    switch (a->type.kind) {
    case ARROW_BOOL: cell_of_element(ret, &bool_type, &booleans[arrow_bit(a, row)]); break;
    case ARROW_NUMBER:
        cell_of_number(base, ret, a->type.npy, a->first.data + (a->offset + row) * a->type.width, style, true, true);
        break;
    case ARROW_TEXT:
    case ARROW_BYTES: text_cell(c, a, row, ret); break;
    default: other_cell(c, a, row, style, ret); break;
    }
}

static void destroy_arrow(struct column *base)
{
    struct arrow_column *c = (struct arrow_column *)base;
    for (size_t i = 0; i < c->n_chunks; i++)
        arrow_array_clear(&c->chunks[i]);
    free(c->chunks);
    arrow_tree_free(c->tree);
    free(c);
}

bool arrow_is_array(const struct value *v)
{
    const struct value *g = called_global(v);
    return global_is(g, "pyarrow", "_restore_array") || global_is(g, "pyarrow", "chunked_array");
}

// The parts of one array: _restore_array's only argument. Older versions gave the parts as arguments.
static const struct value *parts_of(const struct value *array)
{
    const struct value *parts = arrow_call_arg(array, "_restore_array", 0);
    return parts && parts->kind == VALUE_TUPLE ? parts : parts ? array->u.call.args : NULL;
}

static bool read_chunk(struct arrow_column *c, const struct value *array, size_t *budget)
{
    const struct value *parts = parts_of(array);
    struct arrow_array *chunk = &c->chunks[c->n_chunks];
    if (!parts || !arrow_array_read(parts, chunk, budget))
        return false;
    c->n_chunks++;
    return !__builtin_add_overflow(c->base.rows, chunk->len, &c->base.rows);
}

// The chunks of a ChunkedArray; chunks is NULL for an array that is alone.
static bool read_chunks(struct arrow_column *c, const struct value *array, const struct value *chunks)
{
    size_t budget = MAX_ARRAYS, n = chunks && chunks->kind == VALUE_LIST ? chunks->u.seq.len : 1;
    if ((chunks && chunks->kind != VALUE_LIST) || n > budget)
        return false;
    c->chunks = calloc(n ? n : 1, sizeof *c->chunks);
    if (!c->chunks)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!read_chunk(c, chunks ? chunks->u.seq.items[i] : array, &budget))
            return false;
    return true;
}

static bool is_whole(const struct arrow_array *a)
{
    for (size_t i = 0; i < a->len; i++) {
        const struct arrow_array *at = a;
        size_t row = i;
        if (!arrow_resolve(&at, &row) || !arrow_is_valid(at, row))
            return false;
    }
    return true;
}

// All chunks have one type: elements are of one numpy type then, if none is missing.
static const struct npy_type *common_type(const struct arrow_column *c)
{
    const struct npy_type *t = NULL;
    for (size_t i = 0; i < c->n_chunks && c->base.rows <= MAX_LOOK; i++) {
        const struct arrow_array *a = &c->chunks[i];
        while (a->type.kind == ARROW_DICTIONARY)
            a = a->children;
        const struct npy_type *own = a->type.kind == ARROW_BOOL     ? &bool_type
                                     : a->type.kind == ARROW_NUMBER ? a->type.npy
                                                                    : NULL;
        if (!own || (t && t != own) || !is_whole(&c->chunks[i]))
            return NULL;
        t = own;
    }
    return t;
}

static char *arrow_name(const struct value *type)
{
    struct buf name = {.max = MAX_NAME};
    arrow_type_name(&name, type);
    buf_puts(&name, "[pyarrow]");
    return dtype_name(&name);
}

struct column *column_of_arrow(const struct value *array, const char *dtype, size_t rows)
{
    if (!array || !arrow_is_array(array))
        return NULL;
    const struct value *chunks = arrow_call_arg(array, "chunked_array", 0);
    const struct value *type = chunks ? arrow_call_arg(array, "chunked_array", 1) : seq_at(parts_of(array), 0);
    struct arrow_column *c = mem_zalloc(sizeof *c);
    c->base.cell = arrow_cell;
    c->base.destroy = destroy_arrow;
    c->tree = arrow_tree_new();
    if (!read_chunks(c, array, chunks) || (rows != ROWS_ANY && c->base.rows != rows)) {
        destroy_arrow(&c->base);
        // The type is told even where the array is not read.
        if (rows == ROWS_ANY || !type)
            return NULL;
        auto_free char *name = dtype ? mem_strdup(dtype) : arrow_name(type);
        return column_unsupported(name, rows);
    }
    c->base.dtype = dtype ? mem_strdup(dtype) : arrow_name(type);
    c->base.npy = common_type(c);
    return &c->base;
}
