#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "base/hash.h"
#include "base/mem.h"
#include "client/artifact.h"
#include "gzip.h"
#include "store_bench.h"

static int setup(void **state)
{
    return store_bench_setup(state, "root", 3000);
}

// --- making artifacts ----------------------------------------------------------------------------

static void put_le(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_putc(b, (char)(v >> (8 * i)));
}

static void fill(struct buf *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_putc(b, (char)('a' + (i * 7 + i / 100) % 26));
}

// As CPython's pickler at protocol 4 writes a str or bytes of n bytes.
static void pickle_text(struct buf *b, bool is_str, size_t n)
{
    buf_put(b, "\x80\x04", 2);
    if (n < 65536) {
        buf_putc(b, (char)0x95);
        put_le(b, n + (n < 256 ? 4 : 7), 8);
    }
    if (n < 256) {
        buf_putc(b, is_str ? (char)0x8c : 'C');
        put_le(b, n, 1);
    } else {
        buf_putc(b, is_str ? 'X' : 'B');
        put_le(b, n, 4);
    }
    fill(b, n);
    buf_put(b, "\x94.", 2);
}

// Stores the bytes as a blob; the artifact's key is in *sha.
static struct artifact put(const struct buf *pickle, const char *type, char sha[41])
{
    static char name[] = "x", v4[] = "pickle-v4";
    auto_cleanup(buf_free) struct buf gz = {0};
    sha1_hex_of(pickle->data, pickle->len, sha);
    gzip_member(&gz, pickle->data, pickle->len);
    auto_free char *path = mem_printf("root/F/data/%.2s/%s", sha, sha);
    tempdir_put(path, gz.data, gz.len);
    return (struct artifact){.name = name,
                             .sha = sha,
                             .type = mem_strdup(type),
                             .encoding = v4,
                             .size = (int64_t)pickle->len};
}

static struct artifact_env env_of(struct store *s)
{
    return (struct artifact_env){.store = s, .staging = staging, .flow = "F"};
}

static struct content *open_natural(const struct artifact *a)
{
    struct artifact_env env = env_of(store);
    struct err err = ERR_INIT;
    struct content *c = NULL;
    if (artifact_open_natural(&env, a, NULL, &c, &err))
        fail_msg("%s", err.cause);
    return c;
}

static void expect_content(struct content *c, const void *data, size_t len)
{
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf buf = {0};
    assert_int_equal(content_size(c), len);
    if (content_read_all(c, NULL, &buf, &err))
        fail_msg("%s", err.cause);
    assert_int_equal(buf.len, len);
    if (len)
        assert_memory_equal(buf.data, data, len);
    content_unref(c);
}

static void expect_natural(const struct artifact *a, const char *text)
{
    expect_content(open_natural(a), text, strlen(text));
}

// --- sizes ---------------------------------------------------------------------------------------

static void sizes_of_text(void **state)
{
    (void)state;
    char sha[41] = "0123456789012345678901234567890123456789", v4[] = "pickle-v4",
         old4[] = "gzip+pickle-v4";
    char str[] = "<class 'str'>", bytes[] = "<class 'bytes'>";
    for (size_t n = 0; n < 70000; n += n < 300 || (n > 65400 && n < 65700) ? 1 : 101) {
        size_t size = n + (n < 256 ? 15 : n < 65536 ? 18 : 9);
        bool ambiguous = size >= 65545 && size <= 65553;
        for (int i = 0; i < 4; i++) {
            struct artifact a = {.sha = sha,
                                 .type = i & 1 ? str : bytes,
                                 .encoding = i & 2 ? v4 : old4,
                                 .size = (int64_t)size};
            struct artifact_size got = artifact_natural_size(&a);
            assert_int_equal(got.exact, !ambiguous);
            assert_int_equal(got.size, ambiguous ? size : n);
            assert_true(artifact_stored_size(&a).exact);
            assert_int_equal(artifact_stored_size(&a).size, size);
        }
    }
}

static struct artifact_size natural_size(const char *type, const char *encoding, int64_t size)
{
    static char sha[41] = "0123456789012345678901234567890123456789";
    auto_free char *t = mem_strdup(type), *e = mem_strdup(encoding);
    struct artifact a = {.sha = sha, .type = t, .encoding = e, .size = size};
    return artifact_natural_size(&a);
}

static void expect_size(const char *type, const char *encoding, int64_t size, uint64_t want,
                        bool exact)
{
    struct artifact_size got = natural_size(type, encoding, size);
    if (got.size != want || got.exact != exact)
        fail_msg("%s %s %lld: %llu %d", type, encoding ? encoding : "-", (long long)size,
                 (unsigned long long)got.size, got.exact);
}

static void sizes_of_the_rest(void **state)
{
    (void)state;
    const char *str = "<class 'str'>", *bytes = "<class 'bytes'>";
    expect_size(str, "gzip+pickle-v2", 110, 100, true);
    expect_size(str, NULL, 110, 100, true); // from before encodings were recorded
    expect_size(bytes, "gzip+pickle-v2", 110, 110, false);
    expect_size(bytes, NULL, 110, 110, false);
    expect_size(str, "pickle-v4", 14, 14, false); // no str is that small
    for (int64_t size = 271; size <= 273; size++)
        expect_size(str, "pickle-v4", size, (uint64_t)size, false); // nor that
    expect_size(str, "pickle-v3", 100, 100, false);
    expect_size(str, "pickle-v5", 100, 100, false);
    expect_size(str, "pickle-v4", (INT64_C(1) << 32) + 8, (UINT64_C(1) << 32) - 1, true);
    expect_size(str, "pickle-v4", (INT64_C(1) << 32) + 13, UINT64_C(1) << 32, true);
    expect_size("<class 'bytearray'>", "pickle-v4", 47, 47, false);
    expect_size("<class 'int'>", "pickle-v4", 17, 17, false);
    expect_size("<class 'dict'>", "pickle-v4", 500, 500, false);
    expect_size("<class 'metaflow.includefile.IncludedFile'>", "pickle-v4", 300, 300, false);
    expect_size("<class 'pandas.core.frame.DataFrame'>", "pickle-v4", 5000, 5000, true);
    expect_size("object", NULL, 5000, 5000, true);
    expect_size(str, "another-serializer", 700, 700, true);
    expect_size(str, "pickle-v4x", 700, 700, true);
    expect_size(str, "pickle-v4", -1, 4096, false);
    expect_size(str, "pickle-v4", 0, 4096, false);
    expect_size("<class 'list'>", "pickle-v4", -1, 4096, false);
    expect_size("object", NULL, -1, 4096, false);
}

static void sizes_of_what_is_built_in(void **state)
{
    (void)state;
    static const struct {
        const char *type, *pickle;
        size_t len;
        const char *text;
    } cases[] = {
        {"<class 'NoneType'>", "\x80\x04N.", 4, "null\n"},
        {"<class 'bool'>", "\x80\x04\x88.", 4, "true\n"},
        {"<class 'bool'>", "\x80\x04\x89.", 4, "false\n"},
        {"<class 'int'>", "\x80\x04K\0.", 5, "0\n"},
        {"<class 'int'>", "\x80\x04K\xff.", 5, "255\n"},
        {"<class 'int'>", "\x80\x04\x95\x04\0\0\0\0\0\0\0M\xff\xff.", 15, "65535\n"},
        {"<class 'list'>", "\x80\x04]\x94.", 5, "[]\n"},
        {"<class 'tuple'>", "\x80\x04).", 4, "[]\n"},
        {"<class 'dict'>", "\x80\x04}\x94.", 5, "{}\n"},
        {"<class 'str'>", "\x80\x04\x95\x04\0\0\0\0\0\0\0\x8c\0\x94.", 15, ""},
        {"<class 'bytes'>", "\x80\x04\x95\x04\0\0\0\0\0\0\0C\0\x94.", 15, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sha[41];
        sha1_hex_of(cases[i].pickle, cases[i].len, sha);
        auto_free char *type = mem_strdup(cases[i].type);
        struct artifact a = {.name = type, .sha = sha, .type = type, .encoding = NULL, .size = -1};
        struct artifact_size size = artifact_natural_size(&a);
        assert_true(size.exact);
        assert_int_equal(size.size, strlen(cases[i].text));
        assert_int_equal(artifact_stored_size(&a).size, cases[i].len);
        expect_natural(&a, cases[i].text); // no such blob is stored anywhere
        struct artifact_env env = env_of(store);
        struct content *c;
        struct err err = ERR_INIT;
        assert_int_equal(artifact_open_stored(&env, &a, NULL, &c, &err), ERR_OK);
        expect_content(c, cases[i].pickle, cases[i].len);
    }
}

// --- text ----------------------------------------------------------------------------------------

static void text_of_every_length(void **state)
{
    (void)state;
    static const size_t lengths[] = {1,     2,      254,     255,     256,     257,     65526,
                                     65527, 65530,  65534,   65535,   65536,   65537,   65544,
                                     65545, 100000, 1048500, 1048567, 1048568, 1048576, 3000000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int is_str = 0; is_str < 2; is_str++) {
            auto_cleanup(buf_free) struct buf pickle = {0}, want = {0};
            char sha[41];
            pickle_text(&pickle, is_str, lengths[i]);
            fill(&want, lengths[i]);
            struct artifact a = put(&pickle, is_str ? "<class 'str'>" : "<class 'bytes'>", sha);
            auto_free char *type = a.type;
            expect_content(open_natural(&a), want.data, want.len);
            a.size = -1; // nothing recorded
            expect_content(open_natural(&a), want.data, want.len);
            a.size = (int64_t)pickle.len - 1; // recorded wrongly
            expect_content(open_natural(&a), want.data, want.len);
            (void)type;
        }
    }
}

static void text_in_other_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t len;
        const char *text;
    } cases[] = {
        {"\x80\x02X\x05\0\0\0helloq\0.", 15, "hello"},
        {"\x80\x03"
         "C\x05helloq\0.",
         12, "hello"},
        {"\x80\x04\x8c\x05hello.", 10, "hello"},
        {"\x80\x04\x8d\x05\0\0\0\0\0\0\0hello\x94.", 18, "hello"},
        {"\x80\x04\x8c\x05hello\x94.trailing", 19, "hello"},
        {"\x80\x04\x8c\x05hello0\x8c\x02it\x94.", 16, "it"},
        {"\x80\x02"
         "c_codecs\nencode\nq\0X\x05\0\0\0helloq\1X\x06\0\0\0latin1q\2\x86q\3Rq\4.",
         52, "hello"},
        {"Vhello\np0\n.", 11, "hello"},
        {"\x80\x04\x8c\x02h\xc3\xa9", 0, ""},
    };
    for (size_t i = 0; cases[i].len; i++) {
        auto_cleanup(buf_free) struct buf pickle = {0};
        char sha[41];
        buf_put(&pickle, cases[i].pickle, cases[i].len);
        struct artifact a = put(&pickle, i == 6 ? "<class 'bytes'>" : "<class 'str'>", sha);
        auto_free char *type = a.type;
        expect_natural(&a, cases[i].text);
        (void)type;
    }
}

static void malformed_pickles(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t len;
    } cases[] = {
        {"\x80\x04\x8c\xffhello\x94.", 11},
        {"\x80\x04\x8c\x05hello\x94", 10},
        {"\x80\x04", 2},
        {"not a pickle", 12},
        {"\x80\x04\x95", 3},
        {"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffx.", 13},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        auto_cleanup(buf_free) struct buf pickle = {0};
        char sha[41];
        buf_put(&pickle, cases[i].pickle, cases[i].len);
        struct artifact a = put(&pickle, "<class 'str'>", sha);
        auto_free char *type = a.type;
        struct artifact_env env = env_of(store);
        struct content *c;
        struct err err = ERR_INIT;
        assert_int_equal(artifact_open_natural(&env, &a, NULL, &c, &err), ERR_CORRUPT);
        assert_int_equal(artifact_open_stored(&env, &a, NULL, &c, &err), ERR_OK); // as it is
        expect_content(c, cases[i].pickle, cases[i].len);
        (void)type;
    }
}

// --- other forms ---------------------------------------------------------------------------------

static void rendered_forms(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf pickle = {0};
    char sha[41];
    buf_put(&pickle, "\x80\x04\x95\x0c\0\0\0\0\0\0\0]\x94(K\1K\2\x8c\1xe.", 23);
    struct artifact a = put(&pickle, "<class 'list'>", sha);
    auto_free char *type = a.type;
    expect_natural(&a, "[\n  1,\n  2,\n  \"x\"\n]\n");
    struct staging_stats before, after;
    staging_stats(staging, &before);
    expect_natural(&a, "[\n  1,\n  2,\n  \"x\"\n]\n");
    staging_stats(staging, &after);
    assert_int_equal(before.produced, after.produced); // the second open renders nothing
    struct artifact_env env = env_of(store);
    struct artifact_value value = {0};
    struct err err = ERR_INIT;
    assert_int_equal(artifact_load(&env, &a, 1000, NULL, &value, &err), ERR_OK);
    assert_int_equal(pickle_root(value.pickle)->kind, VALUE_LIST);
    artifact_value_free(&value);
    assert_int_equal(artifact_load(&env, &a, 22, NULL, &value, &err), ERR_LIMIT);
    char other[] = "some-format-v1";
    a.encoding = other;
    assert_int_equal(artifact_load(&env, &a, 1000, NULL, &value, &err), ERR_NO_FORM);
    assert_non_null(strstr(err.cause, other));
    struct content *c;
    assert_int_equal(artifact_open_json(&env, &a, NULL, &c, &err), ERR_NO_FORM);
    expect_content(open_natural(&a), pickle.data, pickle.len);
    (void)type;
}

static void missing_blob(void **state)
{
    (void)state;
    char sha[41] = "00000000000000000000000000000000000000aa", type[] = "<class 'str'>",
         bad[] = "../../x";
    struct artifact a = {.name = type, .sha = sha, .type = type, .size = 100};
    struct artifact_env env = env_of(store);
    struct content *c;
    struct err err = ERR_INIT;
    assert_int_equal(artifact_open_natural(&env, &a, NULL, &c, &err), ERR_CORRUPT);
    char list[] = "<class 'list'>";
    a.type = list;
    assert_int_equal(artifact_open_natural(&env, &a, NULL, &c, &err), ERR_CORRUPT);
    assert_int_equal(artifact_open_json(&env, &a, NULL, &c, &err), ERR_CORRUPT);
    a.sha = bad;
    assert_int_equal(artifact_open_natural(&env, &a, NULL, &c, &err), ERR_CORRUPT);
    assert_int_equal(artifact_open_stored(&env, &a, NULL, &c, &err), ERR_CORRUPT);
}

// --- big ones ------------------------------------------------------------------------------------

// A store that gives one raw object in pieces, and stops half way until it may go on.
struct slow {
    struct store store;
    const struct buf *bytes;
    atomic_bool go;
};

static errc slow_read(struct store *s, const char *path, uint64_t offset, struct cancel *cancel,
                      struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    struct slow *slow = (struct slow *)s;
    (void)path;
    (void)offset;
    ret_info->attributes = mem_strdup("{\"cas_raw\": true}");
    for (size_t at = 0; at < slow->bytes->len; at += 10000) {
        while (at > slow->bytes->len / 2 && !atomic_load(&slow->go)) {
            errc e = cancel_check(cancel, err);
            if (e)
                return e;
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        size_t left = slow->bytes->len - at;
        errc e = fn(arg, slow->bytes->data + at, left < 10000 ? left : 10000, err);
        if (e)
            return e;
    }
    return ERR_OK;
}

static const struct store_ops slow_ops = {.read = slow_read};
#define BIG 3000000

static void big_text_is_read_while_it_comes(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf pickle = {0}, want = {0};
    fill(&want, BIG);
    pickle_text(&pickle, true, BIG);
    char sha[41], type[] = "<class 'str'>", v4[] = "pickle-v4";
    sha1_hex_of(pickle.data, pickle.len, sha);
    struct slow slow = {.store = {.ops = &slow_ops, .type = "slow", .sysroot = ""},
                        .bytes = &pickle};
    struct artifact a = {.name = type, .sha = sha, .type = type, .encoding = v4, .size = BIG + 9};
    struct artifact_env env = {.store = &slow.store, .staging = staging, .flow = "Slow"};
    struct content *c;
    struct err err = ERR_INIT;
    assert_int_equal(artifact_open_natural(&env, &a, NULL, &c, &err), ERR_OK);
    assert_int_equal(content_size(c), BIG);
    char first[100];
    size_t got;
    assert_int_equal(content_read(c, 1000, first, 100, NULL, &got, &err), ERR_OK);
    assert_memory_equal(first, want.data + 1000, 100);
    assert_false(content_ready(c, BIG - 1, 1));
    atomic_store(&slow.go, true);
    expect_content(c, want.data, want.len);
}

static void big_and_corrupt_is_never_read_to_its_end(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf pickle = {0};
    pickle_text(&pickle, false, BIG);
    char sha[41], type[] = "<class 'bytes'>", v4[] = "pickle-v4";
    sha1_hex_of(pickle.data, pickle.len, sha);
    pickle.data[100] ^= 1;
    struct slow slow = {.store = {.ops = &slow_ops, .type = "slow", .sysroot = ""},
                        .bytes = &pickle};
    struct artifact a = {.name = type, .sha = sha, .type = type, .encoding = v4, .size = BIG + 9};
    struct artifact_env env = {.store = &slow.store, .staging = staging, .flow = "Slow"};
    for (int stored = 0; stored < 2; stored++) {
        struct content *c;
        struct err err = ERR_INIT;
        atomic_store(&slow.go, false);
        assert_int_equal(stored ? artifact_open_stored(&env, &a, NULL, &c, &err)
                                : artifact_open_natural(&env, &a, NULL, &c, &err),
                         ERR_OK);
        char to[100];
        size_t got;
        assert_int_equal(content_read(c, 0, to, 100, NULL, &got, &err), ERR_OK);
        atomic_store(&slow.go, true);
        assert_int_equal(content_read(c, content_size(c) - 100, to, 100, NULL, &got, &err),
                         ERR_CORRUPT);
        assert_non_null(strstr(err.cause, sha));
        content_unref(c);
    }
}

static void big_with_a_wrong_record(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf pickle = {0}, want = {0};
    fill(&want, BIG + 1);
    pickle_text(&pickle, true, BIG + 1);
    char sha[41];
    struct artifact a = put(&pickle, "<class 'str'>", sha);
    auto_free char *type = a.type;
    for (int off = -5000; off <= 5000; off += 2500) {
        a.size = (int64_t)pickle.len + off;
        expect_content(open_natural(&a), want.data, want.len);
    }
    (void)type;
}

static void what_cannot_be_staged_is_not_fetched(void **state)
{
    (void)state;
    char sha[41] = "0123456789012345678901234567890123456789", v4[] = "pickle-v4", type[] = "Thing";
    char text[] = "<class 'str'>";
    struct artifact a = {.name = type, .sha = sha, .type = type, .encoding = v4, .size = INT64_MAX};
    struct artifact_env env = env_of(store);
    struct err err = ERR_INIT;
    struct content *c;
    // There is no such blob either: it was not looked for.
    assert_int_equal(artifact_open_stored(&env, &a, NULL, &c, &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.cause, "9223372036854775807"));
    a.type = text;
    assert_int_equal(artifact_open_natural(&env, &a, NULL, &c, &err), ERR_NO_SPACE);
    a.size = 2 << 20;
    assert_int_equal(artifact_open_stored(&env, &a, NULL, &c, &err), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_text),
        cmocka_unit_test(sizes_of_the_rest),
        cmocka_unit_test(sizes_of_what_is_built_in),
        cmocka_unit_test(text_of_every_length),
        cmocka_unit_test(text_in_other_shapes),
        cmocka_unit_test(malformed_pickles),
        cmocka_unit_test(rendered_forms),
        cmocka_unit_test(missing_blob),
        cmocka_unit_test(big_text_is_read_while_it_comes),
        cmocka_unit_test(big_and_corrupt_is_never_read_to_its_end),
        cmocka_unit_test(big_with_a_wrong_record),
        cmocka_unit_test(what_cannot_be_staged_is_not_fetched),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
