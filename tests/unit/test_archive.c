// Archives of tar headers that are made here, byte for byte, and the tree of their members.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "client/code_files.h"
#include "gzip.h"
#include "tempdir.h"

static struct pool *pool;
static struct staging *staging;

static int setup(void **state)
{
    struct err err = ERR_INIT;
    if (tempdir_make(state) != 0) {
        return -1;
    }
    pool = pool_new(&(struct pool_conf){.max_threads = 2});
    struct staging_conf conf = {.tempdir = tempdir, .pool = pool};
    return staging_new(&conf, &staging, &err);
}

static int teardown(void **state)
{
    staging_free(staging);
    pool_free(pool);
    return tempdir_remove(state);
}

// --- tar, by hand (POSIX ustar) --------------------------------------------------------------------------

static void put_octal(uint8_t *to, int digits, uint64_t value)
{
    for (int i = digits - 1; i >= 0; i--, value /= 8) {
        to[i] = (uint8_t)('0' + value % 8);
    }
}

static void put_header(struct buf *out, const char *path, char type, unsigned mode, uint64_t size, uint64_t mtime)
{
    uint8_t h[512] = {0};
    unsigned sum = 8 * ' ';
    memcpy(h, path, strlen(path) < 100 ? strlen(path) : 100);
    put_octal(h + 100, 7, mode);
    put_octal(h + 108, 7, 0);
    put_octal(h + 116, 7, 0);
    put_octal(h + 124, 11, size);
    put_octal(h + 136, 11, mtime);
    h[156] = (uint8_t)type;
    memcpy(h + 157, "target", 6);
    memcpy(h + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof(h); i++) {
        sum += h[i];
    }
    put_octal(h + 148, 6, sum);
    h[155] = ' ';
    buf_put(out, h, sizeof(h));
}

static void put_file(struct buf *out, const char *path, const char *text)
{
    static const char zeros[512];
    size_t len = strlen(text), rest = len % 512;
    put_header(out, path, '0', 0644, len, 1575360000);
    buf_put(out, text, len);
    buf_put(out, zeros, rest > 0 ? 512 - rest : 0);
}

static void put_end(struct buf *out)
{
    static const char zeros[1024];
    buf_put(out, zeros, sizeof(zeros));
}

// --- one pass ---------------------------------------------------------------------------------------------

struct seen {
    struct buf members, bytes; // a line a member; what was wanted
    const char *want;
    errc fail;
};

static void seen_free(struct seen *s)
{
    buf_free(&s->members);
    buf_free(&s->bytes);
}

static errc see_member(void *arg, const struct archive_member *m, bool *ret_wanted, struct err *err)
{
    struct seen *s = arg;
    assert_false(*ret_wanted);
    buf_printf(&s->members, "%u %s %c%s %llu %lld\n", m->number, m->path, "fdo"[m->kind], m->executable ? "x" : "",
               (unsigned long long)m->size, (long long)m->mtime_ms);
    *ret_wanted = s->want != NULL && strcmp(s->want, m->path) == 0;
    return s->fail ? err_set(err, s->fail, "enough") : ERR_OK;
}

static errc see_bytes(void *arg, const struct archive_member *m, const void *data, size_t len, struct err *err)
{
    struct seen *s = arg;
    (void)err;
    assert_string_equal(m->path, s->want);
    buf_put(&s->bytes, data, len);
    return ERR_OK;
}

static const struct archive_limits wide = {.members = 1000, .bytes = 1 << 20};

static errc walk(const struct buf *archive, const struct archive_limits *limits, struct seen *s, struct cancel *cancel,
                 struct err *err)
{
    struct archive_visitor visitor = {see_member, see_bytes, s};
    struct staged *staged = staged_of_bytes(staging, archive->data != NULL ? archive->data : "", archive->len);
    errc e = archive_each(staged, limits, &visitor, cancel, err);
    staged_unref(staged);
    return e;
}

static void expect(const struct buf *archive, const char *want, const char *members, const char *bytes)
{
    auto_cleanup(seen_free) struct seen s = {.want = want};
    struct err err = ERR_INIT;
    if (walk(archive, &wide, &s, NULL, &err)) {
        fail_msg("%s", err.cause);
    }
    assert_string_equal(s.members.data != NULL ? s.members.data : "", members);
    assert_string_equal(s.bytes.data != NULL ? s.bytes.data : "", bytes);
}

static void expect_error(const struct buf *archive, const struct archive_limits *limits, errc code, const char *cause)
{
    auto_cleanup(seen_free) struct seen s = {0};
    struct err err = ERR_INIT;
    assert_int_equal(walk(archive, limits, &s, NULL, &err), code);
    if (strstr(err.cause, cause) == NULL) {
        fail_msg("\"%s\" does not say %s", err.cause, cause);
    }
}

static void make_some(struct buf *tar)
{
    put_file(tar, "a.py", "print(1)\n");
    put_header(tar, "bin/", '5', 0755, 0, 1);
    put_header(tar, "bin/run", '0', 0755, 0, 7);
    put_header(tar, "link", '2', 0777, 0, 7);
    put_header(tar, "hard", '1', 0644, 0, 7);
    put_header(tar, "null", '3', 0644, 0, 7);
    put_file(tar, "b.py", "print(2)\n");
    put_end(tar);
}

static const char some[] = "0 a.py f 9 1575360000000\n"
                           "1 bin/ dx 0 1000\n"
                           "2 bin/run fx 0 7000\n"
                           "3 link ox 0 7000\n"
                           "4 hard o 0 7000\n"
                           "5 null o 0 7000\n"
                           "6 b.py f 9 1575360000000\n";

static void plain_and_gzip(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf tar = {0}, gz = {0};
    make_some(&tar);
    expect(&tar, "b.py", some, "print(2)\n");
    gzip_member(&gz, tar.data, tar.len);
    expect(&gz, "a.py", some, "print(1)\n");
    buf_puts(&gz, "whatever follows");
    expect(&gz, NULL, some, "");
    buf_put(&tar, gz.data, gz.len);
    expect(&tar, NULL, some, "");
}

static void what_is_no_archive(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf tar = {0}, gz = {0}, twice = {0}, text = {0}, none = {0};
    make_some(&tar);
    gzip_member(&gz, tar.data, tar.len);
    gzip_member(&twice, gz.data, gz.len);
    buf_puts(&text, "import os\n");
    expect_error(&none, &wide, ERR_CORRUPT, "no tar archive");
    expect_error(&text, &wide, ERR_CORRUPT, "no tar archive");
    expect_error(&twice, &wide, ERR_CORRUPT, "more than once");
    // "PK", ar, cpio and xar are read by libarchive, and are no packages.
    static const char *const others[] = {"PK\3\4", "!<arch>\n", "070701", "xar!"};
    for (size_t i = 0; i < 4; i++) {
        auto_cleanup(buf_free) struct buf other = {0};
        buf_puts(&other, others[i]);
        buf_put(&other, tar.data, tar.len);
        expect_error(&other, &wide, ERR_CORRUPT, "no tar archive");
    }
}

// Each prefix ends in an error or, where only the end of the tar file is missing, as the whole.
static void cut_off(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf tar = {0}, gz = {0};
    make_some(&tar);
    gzip_member(&gz, tar.data, tar.len);
    for (size_t len = 0; len + 1024 < gz.len; len += 97) {
        struct buf part = {.data = gz.data, .len = len};
        auto_cleanup(seen_free) struct seen s = {0};
        struct err err = ERR_INIT;
        assert_int_equal(walk(&part, &wide, &s, NULL, &err), ERR_CORRUPT);
    }
}

static void limits(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf tar = {0}, huge = {0}, heads = {0};
    make_some(&tar);
    expect_error(&tar, &(struct archive_limits){6, 1 << 20}, ERR_LIMIT, "more than 6 members");
    expect_error(&tar, &(struct archive_limits){7, 2000}, ERR_LIMIT, "more than 2000 bytes");
    put_header(&huge, "bomb", '0', 0644, UINT64_C(0777777777), 7);
    expect_error(&huge, &wide, ERR_LIMIT, "more than 1048576 bytes");
    for (int i = 0; i < 100; i++) {
        put_header(&heads, "empty", '0', 0644, 0, 7);
    }
    put_end(&heads);
    expect_error(&heads, &(struct archive_limits){1000, 20000}, ERR_LIMIT, "more than 20000 bytes");
}

static void ends_when_told(void **state)
{
    (void)state;
    auto_cleanup(buf_free) struct buf tar = {0};
    auto_cleanup(seen_free) struct seen s = {.fail = ERR_NO_SPACE}, t = {0};
    struct err err = ERR_INIT;
    struct cancel cancel = {.set = true};
    make_some(&tar);
    assert_int_equal(walk(&tar, &wide, &s, NULL, &err), ERR_NO_SPACE);
    assert_string_equal(s.members.data, "0 a.py f 9 1575360000000\n");
    assert_int_equal(walk(&tar, &wide, &t, &cancel, &err), ERR_INTERRUPTED);
    assert_int_equal(t.members.len, 0);
}

// --- the tree ---------------------------------------------------------------------------------------------

static void add(struct code_maker *m, const char *path, enum archive_kind kind, uint64_t size)
{
    struct err err = ERR_INIT;
    struct archive_member member = {.number = (uint32_t)m->len, .path = path, .kind = kind, .size = size, .mtime_ms = 5};
    if (code_maker_add(m, &member, path[0] == '!', &err)) {
        fail_msg("%s", err.cause);
    }
}

static bool print_entry(void *arg, const struct code_file *f)
{
    buf_printf(arg, " %.*s", (int)(f->path_len - f->name_at), f->path + f->name_at);
    return true;
}

static void print_dir(const struct code_files *f, const struct code_file *dir, struct buf *out)
{
    buf_printf(out, "%.*s:", dir != NULL ? (int)dir->path_len : 1, dir != NULL ? dir->path : "/");
    code_files_list(f, dir, print_entry, out);
    buf_puts(out, "\n");
}

static void expect_tree(struct code_maker *m, bool without_flagged, const char *want)
{
    struct code_files files;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf text = {0};
    assert_int_equal(code_files_make(m, without_flagged, &files, &err), ERR_OK);
    print_dir(&files, NULL, &text);
    for (size_t i = 0; i < files.len; i++) {
        const struct code_file *f = &files.items[i];
        auto_free char *path = mem_strndup(f->path, f->path_len);
        assert_ptr_equal(code_files_find(&files, path), f);
        if (f->is_dir) {
            print_dir(&files, f, &text);
        }
    }
    assert_string_equal(text.data, want);
    assert_null(code_files_find(&files, "nothing"));
    assert_null(code_files_find(&files, ""));
    code_files_free(&files);
}

static void trees(void **state)
{
    (void)state;
    struct code_maker m = {0};
    expect_tree(&m, false, "/:\n");
    add(&m, "b/c/d.py", ARCHIVE_FILE, 1);
    add(&m, "b.py", ARCHIVE_FILE, 1);
    add(&m, "b/c.py", ARCHIVE_FILE, 1);
    add(&m, "b-c/x", ARCHIVE_FILE, 1);
    add(&m, "!hidden/x", ARCHIVE_FILE, 1);
    add(&m, "e/", ARCHIVE_DIR, 0);
    add(&m, "a", ARCHIVE_FILE, 1);
    expect_tree(&m, true, "/: a b b-c b.py e\nb: c c.py\nb/c: d.py\nb-c: x\ne:\n");
}

static void what_is_not_shown(void **state)
{
    (void)state;
    struct code_maker m = {0};
    static const char *const out[] = {"/abs", "..", "../x", "a/../x", "a/..", "", ".", "./", "/", "//"};
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        add(&m, out[i], ARCHIVE_FILE, 1);
    }
    add(&m, "link", ARCHIVE_OTHER, 0);
    add(&m, "was", ARCHIVE_FILE, 1);
    add(&m, "was", ARCHIVE_OTHER, 0);
    add(&m, "...", ARCHIVE_FILE, 1);
    add(&m, "..x/.y", ARCHIVE_FILE, 1);
    add(&m, "./p//q/./r", ARCHIVE_FILE, 1);
    add(&m, "both", ARCHIVE_FILE, 1);
    add(&m, "both/in", ARCHIVE_FILE, 1);
    add(&m, "dir", ARCHIVE_DIR, 0);
    add(&m, "dir", ARCHIVE_FILE, 1);
    expect_tree(&m, false, "/: ... ..x both dir p\n..x: .y\nboth: in\ndir:\np: q\np/q: r\n");
}

static void places(void **state)
{
    (void)state;
    struct code_maker m = {0};
    struct code_files files;
    struct err err = ERR_INIT;
    add(&m, "z", ARCHIVE_FILE, 10);
    add(&m, "twice", ARCHIVE_FILE, 100);
    add(&m, "d/a", ARCHIVE_FILE, 0);
    add(&m, "twice", ARCHIVE_FILE, 5);
    add(&m, "b", ARCHIVE_FILE, 7);
    assert_int_equal(code_files_make(&m, false, &files, &err), ERR_OK);
    assert_int_equal(files.bytes, 22);
    assert_int_equal(files.n_files, 4);
    static const struct {
        const char *path;
        uint64_t offset;
        uint32_t member;
    } want[] = {{"z", 0, 0}, {"d/a", 10, 2}, {"twice", 10, 3}, {"b", 15, 4}};
    for (size_t i = 0; i < 4; i++) {
        const struct code_file *f = code_files_find(&files, want[i].path);
        assert_int_equal(f->offset, want[i].offset);
        assert_int_equal(f->member, want[i].member);
        assert_ptr_equal(&files.items[files.by_member[i]], f);
    }
    assert_int_equal(code_files_find(&files, "d")->mtime_ms, 5);
    code_files_free(&files);
}

static errc add_one(struct code_maker *m, const char *path, struct err *err)
{
    struct archive_member member = {.path = path};
    return code_maker_add(m, &member, false, err);
}

static void limits_of_paths(void **state)
{
    (void)state;
    auto_cleanup(code_maker_free) struct code_maker m = {0};
    struct code_files files;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf deep = {0}, wide_path = {0};
    for (int i = 0; i < CODE_DEPTH_MAX; i++) {
        buf_puts(&deep, i > 0 ? "/d" : "d");
    }
    assert_int_equal(add_one(&m, deep.data, &err), ERR_OK);
    buf_puts(&deep, "/d");
    assert_int_equal(add_one(&m, deep.data, &err), ERR_LIMIT);
    for (int i = 0; i < 4096; i++) {
        buf_putc(&wide_path, 'x');
    }
    assert_int_equal(add_one(&m, wide_path.data, &err), ERR_LIMIT);
    errc e = ERR_OK;
    for (int i = 0; i < CODE_MEMBERS_MAX && !e; i++) { // directories that no member is for count too
        char path[80];
        snprintf(path, sizeof(path), "a%d/b%d/c", i, i);
        e = add_one(&m, path, &err);
    }
    assert_int_equal(e, ERR_LIMIT);
    assert_int_equal(code_files_make(&m, false, &files, &err), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzip),    cmocka_unit_test(what_is_no_archive), cmocka_unit_test(cut_off),
        cmocka_unit_test(limits),            cmocka_unit_test(ends_when_told),     cmocka_unit_test(trees),
        cmocka_unit_test(what_is_not_shown), cmocka_unit_test(places),             cmocka_unit_test(limits_of_paths),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
