#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/frame_i.h"
#include "frame_pickles.inc"

static const struct value *read_ok(struct pickle **p, const void *data, size_t len)
{
    struct err err = ERR_INIT;
    if (pickle_read(data, len, NULL, NULL, p, &err))
        fail_msg("%s", err.cause);
    return pickle_root(*p);
}

static struct frame *frame_ok(struct pickle **p, const void *data, size_t len)
{
    struct err err = ERR_INIT;
    struct frame *f = NULL;
    const struct value *v = read_ok(p, data, len);
    assert_true(frame_is(v));
    if (frame_of(v, NULL, &f, &err))
        fail_msg("%s", err.cause);
    return f;
}

// --- As text, to compare with pandas ---

static void put_cell(struct buf *b, struct column *c, size_t row, enum cell_style style)
{
    struct cell cell;
    column_cell(c, row, style, &cell);
    if (cell.kind == CELL_NA)
        buf_putc(b, '-');
    else if (cell.kind == CELL_ELEMENT)
        assert_true(npy_text(b, cell.type, cell.at));
    else if (cell.kind == CELL_VALUE)
        assert_true(render_scalar(cell.value, b));
    else
        buf_put(b, cell.text, cell.len);
}

static void put_cells(struct buf *b, struct column *c, size_t rows, enum cell_style style)
{
    for (size_t i = 0; i < rows; i++) {
        buf_puts(b, i ? "|" : "");
        put_cell(b, c, i, style);
    }
}

static void put_columns(struct buf *b, const char *name, struct column **columns, size_t n, size_t rows)
{
    for (size_t i = 0; i < n; i++) {
        struct buf json = {0}, csv = {0};
        put_cells(&json, columns[i], rows, STYLE_JSON);
        put_cells(&csv, columns[i], rows, STYLE_CSV);
        buf_printf(b, "%s %s: %s", name, column_dtype(columns[i]), json.data ? json.data : "");
        if (csv.data && strcmp(json.data, csv.data) != 0)
            buf_printf(b, " / %s", csv.data);
        buf_putc(b, '\n');
        buf_free(&json);
        buf_free(&csv);
    }
}

static void test_tables_are_as_pandas_has_them(void **state)
{
    static const char *const kinds[] = {"dataframe", "series", "index", "array"};
    (void)state;
    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
        struct pickle *p = NULL;
        struct frame *f = frame_ok(&p, pickles[i].data, pickles[i].len);
        struct buf text = {0};
        buf_printf(&text, "%s %zu %s\n", kinds[f->kind], f->rows, f->plain_index ? "plain" : "chosen");
        put_columns(&text, "columns", f->columns, f->n_columns, f->rows);
        put_columns(&text, "index", f->index, f->n_index, f->rows);
        put_columns(&text, "labels", f->labels, f->n_labels, f->n_columns);
        assert_string_equal(text.data, pickles[i].want);
        buf_free(&text);
        frame_free(f);
        pickle_free(p);
    }
}

// --- Pickles that are made here ---

static void put_range(struct buf *b, int64_t start, int64_t stop, int64_t step)
{
    buf_puts(b, "cpandas.core.indexes.base\n_new_Index\n(cpandas\nRangeIndex\n}(");
    buf_printf(b, "Vstart\nI%" PRId64 "\nVstop\nI%" PRId64 "\nVstep\nI%" PRId64 "\nutR", start, stop, step);
}

// A block of `columns` columns of float64 whose cells count up from 0.
static void put_block(struct buf *b, uint32_t columns, uint32_t rows)
{
    uint32_t len = columns * rows * 8;
    buf_puts(b, "cpandas._libs.internals\n_unpickle_block\n(cnumpy._core.numeric\n_frombuffer\n(B");
    buf_put(b, &len, 4); // little-endian, as the machines of these tests are
    for (uint32_t i = 0; i < columns * rows; i++)
        buf_put(b, &(double){i}, 8);
    buf_printf(b, "cnumpy\ndtype\n(Vf8\nI00\nI01\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb(I%u\nI%u\ntVC\ntR", columns, rows);
    buf_printf(b, "cbuiltins\nslice\n(I0\nI%u\nNtRI2\ntR", columns);
}

static void put_frame(struct buf *b, uint32_t columns, uint32_t rows)
{
    b->max = (size_t)256 << 20;
    buf_puts(b, "cpandas\nDataFrame\n)\x81}(V_mgr\ncpandas.core.internals.managers\nBlockManager\n((");
    put_block(b, columns, rows);
    buf_puts(b, "t](");
    put_range(b, 0, columns, 1);
    put_range(b, 0, rows, 1);
    buf_puts(b, "etRV_typ\nVdataframe\nub.");
    assert_false(b->over);
}

static double double_at(struct frame *f, size_t column, size_t row)
{
    struct cell cell;
    double d;
    column_cell(f->columns[column], row, STYLE_CSV, &cell);
    assert_int_equal(cell.kind, CELL_ELEMENT);
    assert_int_equal(cell.type->kind, 'f');
    assert_ptr_equal(cell.type, column_npy_type(f->columns[column]));
    memcpy(&d, cell.at, sizeof d);
    return d;
}

static void test_many_rows_are_not_copied(void **state)
{
    enum { ROWS = 1000000 };
    (void)state;
    struct buf b = {0};
    struct pickle *p = NULL;
    struct cell cell;
    put_frame(&b, 2, ROWS);
    struct frame *f = frame_ok(&p, b.data, b.len);
    assert_int_equal(f->rows, ROWS);
    assert_true(double_at(f, 0, ROWS - 1) == ROWS - 1);
    assert_true(double_at(f, 1, 0) == ROWS);
    assert_true(double_at(f, 1, ROWS - 1) == 2 * ROWS - 1);
    column_cell(f->columns[1], ROWS / 2, STYLE_JSON, &cell);
    assert_in_range((uintptr_t)cell.at, (uintptr_t)b.data, (uintptr_t)(b.data + b.len - 8));
    frame_free(f);
    pickle_free(p);
    buf_free(&b);
}

static void test_many_columns(void **state)
{
    enum { COLUMNS = 100000 };
    (void)state;
    struct buf b = {0};
    struct pickle *p = NULL;
    put_frame(&b, COLUMNS, 3);
    struct frame *f = frame_ok(&p, b.data, b.len);
    assert_int_equal(f->n_columns, COLUMNS);
    assert_int_equal(f->n_labels, 1);
    for (size_t i = 0; i < COLUMNS; i += 777)
        assert_true(double_at(f, i, 2) == (double)(i * 3 + 2));
    frame_free(f);
    pickle_free(p);
    buf_free(&b);
}

static void test_huge_ranges_cost_nothing(void **state)
{
    (void)state;
    struct buf b = {0};
    struct pickle *p = NULL;
    struct cell cell;
    int64_t i;
    put_range(&b, INT64_MIN, INT64_MAX - 5, 3);
    buf_putc(&b, '.');
    struct frame *f = frame_ok(&p, b.data, b.len);
    assert_int_equal(f->kind, FRAME_INDEX);
    assert_int_equal(f->rows, 6148914691236517204); // len(range(-2**63, 2**63 - 6, 3))
    column_cell(f->columns[0], f->rows - 1, STYLE_CSV, &cell);
    assert_true(npy_int(cell.type, cell.at, &i));
    assert_int_equal(i, 9223372036854775801); // range(-2**63, 2**63 - 6, 3)[-1]
    column_cell(f->columns[0], f->rows, STYLE_CSV, &cell);
    assert_int_equal(cell.kind, CELL_UNSUPPORTED);
    frame_free(f);
    pickle_free(p);
    buf_free(&b);
}

static void fails(const void *data, size_t len, struct cancel *cancel, errc code, const char *cause)
{
    struct pickle *p = NULL;
    struct frame *f = NULL;
    struct err err = ERR_INIT;
    const struct value *v = read_ok(&p, data, len);
    assert_int_equal(frame_of(v, cancel, &f, &err), code);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.cause, cause));
    assert_null(f);
    pickle_free(p);
}

static void test_failures_have_a_cause(void **state)
{
    (void)state;
    struct cancel gone = {.set = true};
    struct buf b = {0}, wide = {0};
    fails("N.", 2, NULL, ERR_NO_FORM,
          "a NoneType is no table: a DataFrame, Series, Index or array of pandas and an array of numpy are");
    fails("c__main__\nPlain\n)\x81.", 19, NULL, ERR_NO_FORM, "a __main__.Plain is no table");
    put_frame(&b, 2, 1);
    fails(b.data, b.len, &gone, ERR_INTERRUPTED, "");
    buf_puts(&wide, "cpandas\nDataFrame\n)\x81}(V_mgr\ncpandas.core.internals.managers\nBlockManager\n()](");
    put_range(&wide, 0, 1048577, 1);
    put_range(&wide, 0, 1, 1);
    buf_puts(&wide, "etRub.");
    fails(wide.data, wide.len, NULL, ERR_LIMIT, "this table has 1048577 columns; at most 1048576 can be shown");
    buf_free(&b);
    buf_free(&wide);
}

static void test_only_the_class_says_what_is_a_table(void **state)
{
    (void)state;
    static const struct { const char *text; bool is; } cases[] = {
        {"N.", false}, {"](Ne.", false}, {"cpandas\nDataFrame\n)\x81.", true},
        {"cpandas.core.series\nSeries\n)\x81.", true},
        {"cpandas\nDataFrame\n.", false}, {"cother\nDataFrame\n)\x81.", false},
        {"cother\nGeo\n)\x81}(V_typ\nVdataframe\nub.", true}, {"cother\nGeo\n)\x81}(V_typ\nVindex\nub.", false},
        {"cpandas.core.indexes.base\n_new_Index\n)R.", true},
        {"cpandas.core.indexes.period\n_new_PeriodIndex\n)R.", true},
        {"cpandasy.core\n_new_Index\n)R.", false}, {"cnumpy.core.multiarray\n_reconstruct\n)R.", true},
        {"cnumpy.core.multiarray\nscalar\n)R.", false}, {"cnumpyro\n_reconstruct\n)R.", false},
        {"cnumpy.ma.core\n_mareconstruct\n)R.", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pickle *p = NULL;
        struct frame *f = NULL;
        struct err err = ERR_INIT;
        const struct value *v = read_ok(&p, cases[i].text, strlen(cases[i].text));
        assert_int_equal(frame_is(v), cases[i].is);
        errc e = frame_of(v, NULL, &f, &err); // none of them has what it should have
        assert_int_not_equal(e, ERR_OK);
        pickle_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_as_pandas_has_them),
        cmocka_unit_test(test_many_rows_are_not_copied),
        cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_huge_ranges_cost_nothing),
        cmocka_unit_test(test_failures_have_a_cause),
        cmocka_unit_test(test_only_the_class_says_what_is_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
