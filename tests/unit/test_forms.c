// Tables as CSV, .npy and JSON: what stops them, and what is no table. Their text is compared with pandas' own by
// tests/mount/test_forms_diff.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "client/csv.h"
#include "client/npy.h"

// RangeIndex(10**12) of pandas 2 at protocol 0: a text of it has no end.
static const char huge[] = "cpandas.core.indexes.base\n_new_Index\n(cpandas.core.indexes.range\nRangeIndex\n"
                           "(dVname\nNsVstart\nI0\nsVstop\nI1000000000000\nsVstep\nI1\nstR.";
static const char list[] = "(lp0\nI1\na.";

struct count_sink {
    struct sink sink;
    uint64_t puts, bytes, stop_at; // stops when so many bytes were put
    struct cancel *cancel;         // set then, where not NULL
};

static bool count_put(struct sink *sink, const void *data, size_t len)
{
    struct count_sink *s = (struct count_sink *)sink;
    (void)data;
    s->puts++;
    s->bytes += len;
    if (s->bytes < s->stop_at)
        return true;
    if (s->cancel)
        atomic_store(&s->cancel->set, true);
    return s->cancel != NULL;
}

static struct pickle *read_text(const char *text)
{
    struct pickle *p = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(pickle_read((const uint8_t *)text, strlen(text), NULL, NULL, &p, &err), ERR_OK);
    return p;
}

enum form { FORM_CSV, FORM_NPY, FORM_JSON };

static errc write_form(const struct value *v, enum form form, struct cancel *cancel, struct sink *sink, struct err *err)
{
    if (form == FORM_NPY)
        return npy_write(v, NPY_ANY, cancel, sink, err);
    if (form == FORM_JSON)
        return render_json(v, cancel, sink, err);
    auto_cleanup(frame_freep) struct frame *f = NULL;
    errc e = frame_of(v, NULL, &f, err);
    return e ? e : csv_write(f, cancel, sink, err);
}

static void test_a_sink_that_stops_ends_it(void **state)
{
    (void)state;
    auto_cleanup(pickle_freep) struct pickle *p = read_text(huge);
    for (enum form form = FORM_CSV; form <= FORM_JSON; form++) {
        struct err err = ERR_INIT;
        struct count_sink sink = {.sink.put = count_put, .stop_at = 1 << 20};
        assert_int_equal(write_form(pickle_root(p), form, NULL, &sink.sink, &err), ERR_INTERRUPTED);
        assert_int_equal(err.code, ERR_INTERRUPTED);
        assert_in_range(sink.bytes, 1 << 20, 2 << 20); // nothing is put after it
    }
}

static void test_a_token_ends_it(void **state)
{
    (void)state;
    auto_cleanup(pickle_freep) struct pickle *p = read_text(huge);
    for (enum form form = FORM_CSV; form <= FORM_JSON; form++) {
        struct err err = ERR_INIT;
        struct cancel cancel = {0};
        struct count_sink sink = {.sink.put = count_put, .stop_at = 1 << 20, .cancel = &cancel};
        assert_int_equal(write_form(pickle_root(p), form, &cancel, &sink.sink, &err), ERR_INTERRUPTED);
        assert_in_range(sink.bytes, 1 << 20, 8 << 20); // it is looked at for each MiB of work
    }
}

static void test_what_has_no_form_is_named(void **state)
{
    (void)state;
    auto_cleanup(pickle_freep) struct pickle *p = read_text(list);
    for (enum form form = FORM_CSV; form <= FORM_NPY; form++) {
        struct err err = ERR_INIT;
        struct count_sink sink = {.sink.put = count_put, .stop_at = UINT64_MAX};
        assert_int_equal(write_form(pickle_root(p), form, NULL, &sink.sink, &err), ERR_NO_FORM);
        assert_non_null(strstr(err.cause, "list"));
        assert_non_null(strstr(err.cause, "pandas"));
        assert_int_equal(sink.puts, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sink_that_stops_ends_it),
        cmocka_unit_test(test_a_token_ends_it),
        cmocka_unit_test(test_what_has_no_form_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
