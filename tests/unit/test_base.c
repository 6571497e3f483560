// The small modules: base/err.h, strv.h, file.h, log.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strv.h"
#include "temp_tree.h"

static void causes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(err_set(&err, ERR_BUSY, "job %d", 7), ERR_BUSY);
    assert_string_equal(err.cause, "job 7");
    assert_int_equal(err_prefix(&err, "in %s", "F/1"), ERR_BUSY);
    assert_string_equal(err.cause, "in F/1: job 7");
    err_set(&err, ERR_IO, "%s again", err.cause); // a cause may be made of the old one
    assert_string_equal(err.cause, "in F/1: job 7 again");
    assert_int_equal(err_set_errno(&err, ENOENT, "cannot open %s", "x"), ERR_NOT_FOUND);
    assert_string_equal(err.cause, "cannot open x: No such file or directory");
    assert_int_equal(err_set_errno(&err, EACCES, "x"), ERR_DENIED);
    assert_int_equal(err_set_errno(&err, ENOSPC, "x"), ERR_NO_SPACE);
    assert_int_equal(err_set_errno(&err, EMFILE, "x"), ERR_TOO_MANY);
    assert_int_equal(err_set_errno(&err, EROFS, "x"), ERR_READ_ONLY);
    assert_int_equal(err_set_errno(&err, 12345, "x"), ERR_IO);
}

static void causes_are_cut_not_overrun(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_IO, "%s", text);
    assert_int_equal(strlen(err.cause), sizeof err.cause - 1);
    err_set_errno(&err, EIO, "%s", text);
    err_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.cause), sizeof err.cause - 1);
}

static void every_code_has_a_name(void **state)
{
    (void)state;
    for (int a = ERR_OK; a <= ERR_NO_MEMORY; a++) {
        assert_string_not_equal(err_name((errc)a), "unknown");
        for (int b = a + 1; b <= ERR_NO_MEMORY; b++)
            assert_string_not_equal(err_name((errc)a), err_name((errc)b));
    }
    assert_string_equal(err_name((errc)-1), "unknown");
    assert_string_equal(err_name((errc)1000), "unknown");
}

static void string_lists(void **state)
{
    (void)state;
    auto_cleanup(strv_free) struct strv v = {0}, copy = {0};
    static const char *const items[] = {"b", "a", "c", "a"};
    for (size_t i = 0; i < 4; i++)
        strv_add(&v, items[i]);
    strv_take(&v, mem_strdup("d"));
    assert_true(strv_has(&v, "d"));
    assert_false(strv_has(&v, "e"));
    strv_copy(&copy, &v);
    strv_remove(&v, "a");
    assert_int_equal(v.len, 3);
    assert_string_equal(v.items[0], "b");
    strv_sort(&copy);
    assert_string_equal(copy.items[0], "a");
    assert_string_equal(copy.items[4], "d");
}

static void files(void **state)
{
    (void)state;
    auto_cleanup(tree_remove) struct tree_dir dir = tree_make();
    auto_free char *path = tree_write(&dir, "file", "0123456789");
    auto_cleanup(buf_free) struct buf b = {0};
    struct err err = ERR_INIT;
    buf_puts(&b, ">");
    assert_int_equal(file_read(path, 10, &b, &err), ERR_OK);
    assert_string_equal(b.data, ">0123456789");
    assert_int_equal(file_read(path, 9, &b, &err), ERR_LIMIT);
    assert_string_equal(b.data, ">0123456789");
    assert_int_equal(file_read(dir.path, 9, &b, &err), ERR_INVALID);
    auto_free char *missing = file_join(dir.path, "missing");
    assert_int_equal(file_read(missing, 9, &b, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.cause, missing));
    auto_free char *fifo = file_join(dir.path, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(file_read(fifo, 9, &b, &err), ERR_INVALID); // and does not wait
    auto_cleanup(buf_free) struct buf proc = {0};
    assert_int_equal(file_read("/proc/self/status", 1 << 20, &proc, &err), ERR_OK); // of size 0
    assert_true(proc.len > 100);
    assert_int_equal(file_read("/proc/self/status", 100, &proc, &err), ERR_LIMIT);
    auto_free char *joined = file_join("/", "x");
    assert_string_equal(joined, "/x");
}

static void files_that_are_replaced(void **state)
{
    (void)state;
    auto_cleanup(tree_remove) struct tree_dir dir = tree_make();
    auto_free char *path = tree_write(&dir, "file", "old");
    auto_free char *other = file_join(dir.path, "other"), *none = file_join(path, "x");
    auto_cleanup(buf_free) struct buf b = {0};
    struct err err = ERR_INIT;
    struct stat st;
    assert_int_equal(link(path, other), 0);
    assert_int_equal(file_replace(path, "new", 3, &err), ERR_OK);
    assert_int_equal(file_read(path, 10, &b, &err), ERR_OK);
    assert_int_equal(file_read(other, 10, &b, &err), ERR_OK); // who has the old one open reads on
    assert_string_equal(b.data, "newold");
    assert_true(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    assert_int_not_equal(file_replace(none, "new", 3, &err), ERR_OK);
    assert_non_null(strstr(err.cause, none));
    assert_int_not_equal(file_replace(dir.path, "new", 3, &err), ERR_OK); // and leaves nothing beside it
    auto_free char *pattern = mem_printf("%s.*", dir.path);
    glob_t found = {0};
    assert_int_equal(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
    globfree(&found);
}

static void log_lines(void **state)
{
    (void)state;
    auto_cleanup(tree_remove) struct tree_dir dir = tree_make();
    auto_free char *path = file_join(dir.path, "log");
    struct err err = ERR_INIT;
    assert_int_equal(log_open(path, LOG_LEVEL_INFO, &err), ERR_OK);
    log_info("mod", "one %d", 1);
    log_debug("mod", "not shown");
    log_error("mod", "a\nforged line\x1b[2J");
    char text[9000];
    memset(text, 'y', sizeof text);
    text[sizeof text - 1] = '\0';
    log_warn("mod", "%s", text);
    log_close();
    log_close();
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    auto_cleanup(buf_free) struct buf b = {0};
    assert_int_equal(file_read(path, 1 << 20, &b, &err), ERR_OK);
    assert_non_null(strstr(b.data, "Z INFO mod: one 1\n"));
    assert_non_null(strstr(b.data, "Z ERROR mod: a\\x0aforged line\\x1b[2J\n"));
    assert_null(strstr(b.data, "not shown"));
    size_t lines = 0;
    for (const char *p = b.data; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 3);
    enum log_level level;
    assert_int_equal(log_level_parse("Debug", &level, &err), ERR_OK);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("loud", &level, &err), ERR_INVALID);
    assert_int_equal(log_open("/no/such/dir/log", LOG_LEVEL_INFO, &err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes),       cmocka_unit_test(causes_are_cut_not_overrun),
        cmocka_unit_test(every_code_has_a_name), cmocka_unit_test(string_lists),
        cmocka_unit_test(files),        cmocka_unit_test(files_that_are_replaced),
        cmocka_unit_test(log_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
