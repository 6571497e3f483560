// docs/metaflowfs.1 against batch/job_keys.h: every key of a job file with its meaning, what it takes and its default,
// in the words of the table; and its example is a job. `test_job_page print` prints the part that the page must have.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "batch/job_keys.h"
#include "batch/job_spec.h"

#define COLUMNS 118

// One line after another, no longer than COLUMNS, of words as troff takes them.
static void put_words(struct buf *out, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        bool wrap = column > 0 && column + 1 + n > COLUMNS;
        if (column > 0) {
            buf_putc(out, wrap ? '\n' : ' ');
        }
        column = wrap || column == 0 ? 0 : column + 1;
        if (column == 0 && (*text == '.' || *text == '\'')) {
            buf_puts(out, "\\&");
        }
        for (size_t i = 0; i < n; i++) {
            buf_puts(out, text[i] == '-' ? "\\-" : text[i] == '\\' ? "\\e" : "");
            if (text[i] != '-' && text[i] != '\\') {
                buf_putc(out, text[i]);
            }
        }
        column += n;
        text += n;
        text += *text == ' ';
    }
    buf_putc(out, '\n');
}

static void put_key(struct buf *out, const struct job_key *key)
{
    auto_free char *text = NULL;
    buf_printf(out, ".TP\n.B %s\n", key->name);
    if (key->type == JOB_T_REFUSED) {
        text = mem_printf("Refused: %s.", key->meaning);
    } else if (strcmp(key->fallback, "required") == 0) {
        text = mem_printf("%s It takes %s. Required.", key->meaning, key->accepted);
    } else {
        text = mem_printf("%s It takes %s. Default: %s.", key->meaning, key->accepted, key->fallback);
    }
    put_words(out, text);
}

static char *keys_as_troff(void)
{
    struct buf out = {0};
    for (size_t i = 0; i < K_COUNT; i++) {
        put_key(&out, job_key((enum job_key_id)i));
    }
    return buf_steal(&out);
}

static char *read_page(void)
{
    struct buf page = {0};
    FILE *f = fopen(METAFLOWFS_PAGE, "r");
    if (f == NULL) {
        fail_msg("%s cannot be opened", METAFLOWFS_PAGE);
        return NULL;
    }
    char part[4096];
    for (size_t n = 0; (n = fread(part, 1, sizeof(part), f)) > 0;) {
        buf_put(&page, part, n);
    }
    fclose(f);
    return buf_steal(&page);
}

static void page_has_the_keys(void **state)
{
    (void)state;
    auto_free char *page = read_page(), *keys = keys_as_troff();
    for (size_t i = 0; i < K_COUNT; i++) {
        auto_cleanup(buf_free) struct buf entry = {0};
        put_key(&entry, job_key((enum job_key_id)i));
        if (strstr(page, entry.data) == NULL) {
            fail_msg("docs/metaflowfs.1 is to have:\n%s", entry.data);
        }
    }
    assert_non_null(strstr(page, keys)); // all, in the table's order, and no other key between them
}

static void examples_are_jobs(void **state)
{
    (void)state;
    auto_free char *page = read_page();
    unsigned seen = 0;
    for (char *at = strstr(page, ".EX\n{"); at != NULL; at = strstr(at, ".EX\n{")) {
        at += strlen(".EX\n");
        char *end = strstr(at, ".EE");
        assert_non_null(end);
        struct job_spec job;
        struct err err = ERR_INIT;
        auto_cleanup(buf_free) struct buf text = {0}, problems = {0};
        for (const char *c = at; c < end; c++) {
            if (*c != '\\') { // of troff's \-
                buf_putc(&text, *c);
            }
        }
        if (job_spec_read(text.data, text.len, "train", &job, &problems, &err) != ERR_OK) {
            fail_msg("%s", problems.data);
        }
        job_spec_free(&job);
        seen++;
    }
    assert_true(seen > 0);
}

static void table_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < K_COUNT; i++) {
        const struct job_key *key = job_key((enum job_key_id)i);
        assert_true(key->name != NULL && key->fallback != NULL && key->meaning != NULL);
        assert_true(key->type == JOB_T_REFUSED || key->accepted != NULL);
        assert_ptr_equal(job_key_find(key->name), key);
    }
    assert_string_equal(job_key_near("batch.", "tmpfs_siz"), "batch.tmpfs_size");
    assert_null(job_key_near("", "something_else"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_has_the_keys),
        cmocka_unit_test(examples_are_jobs),
        cmocka_unit_test(table_is_whole),
    };
    if (argc > 1 && strcmp(argv[1], "print") == 0) {
        auto_free char *keys = keys_as_troff();
        fputs(keys, stdout);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
