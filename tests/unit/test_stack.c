// What a mount is put together from: local metadata or a service, and what stands in the way.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/stack_s3.h"
#include "fs/stack_service.h"
#include "tempdir.h"

static struct stack stack;
static struct options options;
static struct err err;

static errc find(enum exit_code *ret)
{
    stack_free(&stack);
    err = (struct err)ERR_INIT;
    return stack_find(&stack, &options, tempdir, ret, &err);
}

static int set_up(void **state)
{
    (void)state;
    char argv0[] = "metaflowfs", argv1[] = "mnt", *argv[] = {argv0, argv1};
    clearenv();
    if (tempdir_make(NULL) != 0 || options_parse(2, argv, &options, &err) != ERR_OK) {
        return -1;
    }
    setenv("HOME", tempdir, 1);
    setenv("METAFLOW_DEFAULT_METADATA", "service", 1);
    setenv("METAFLOW_SERVICE_URL", "http://someone:hush@localhost:8080/api//", 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stack_free(&stack);
    options_free(&options);
    clearenv();
    return tempdir_remove(NULL);
}

static void urls(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"http://h", "http://h"},
        {"HTTPS://h:1/p", "https://h:1/p"},
        {"http://u:p@h/x", "http://h/x"},
        {"http://u@p@h", "http://h"},
        {"http://[::1]:8080", "http://[::1]:8080"},
    };
    static const char *const bad[] = {"", "h:8080", "ftp://h", "http://", "http:///x", "http://u@", "http://:80",
                                      "http://h/a b", "http://h?x=1", "http://h#f"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        auto_free char *shown = stack_url_shown(good[i][0]);
        assert_string_equal(shown, good[i][1]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(stack_url_shown(bad[i]));
    }
}

static void a_service_without_data_here(void **state)
{
    (void)state;
    enum exit_code code;
    assert_int_equal(find(&code), ERR_OK);
    assert_string_equal(stack.service_shown, "http://localhost:8080/api");
    assert_string_equal(stack_source(&stack), "http://localhost:8080/api");
    assert_int_equal(stack_unread(&stack), EXIT_SERVICE);
    assert_null(strstr(stack.identity, "hush"));
    auto_free char *root = mem_printf("%s/.metaflow", tempdir);
    auto_free char *cache = mem_printf("%s/.cache/metaflowfs", tempdir);
    assert_string_equal(stack.root, root);
    assert_string_equal(stack.cache_dir, cache);
    // The same service from another place is another tree: its bytes are found elsewhere.
    auto_free char *identity = mem_strdup(stack.identity);
    setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", "/nowhere", 1);
    assert_int_equal(find(&code), ERR_OK);
    assert_string_equal(stack.root, "/nowhere/.metaflow");
    assert_string_not_equal(stack.identity, identity);
    options.no_cache = true;
    assert_int_equal(find(&code), ERR_OK);
    assert_null(stack.cache_dir);
}

static void a_datastore_root_is_local_metadata(void **state)
{
    (void)state;
    enum exit_code code;
    tempdir_put("data/.metaflow/x", "", 0);
    options.datastore_root = mem_printf("%s/data", tempdir);
    assert_int_equal(find(&code), ERR_OK);
    assert_null(stack.service_shown);
    assert_string_equal(stack_source(&stack), stack.root);
    assert_int_equal(stack_unread(&stack), EXIT_DATASTORE);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        enum exit_code code;
        const char *cause;
    } cases[] = {
        {"METAFLOW_SERVICE_URL", "", EXIT_CONFIG, "set METAFLOW_SERVICE_URL"},
        {"METAFLOW_SERVICE_URL", "someone:hush@h:80", EXIT_CONFIG, "http://HOST:PORT"},
        {"METAFLOW_DEFAULT_DATASTORE", "azure", EXIT_PROVIDER, "METAFLOW_DEFAULT_DATASTORE=local"},
        {"METAFLOW_DEFAULT_DATASTORE", "s3", EXIT_CONFIG, "METAFLOW_DATASTORE_SYSROOT_S3"},
        {"METAFLOW_DATASTORE_SYSROOT_S3", "https://bucket/x", EXIT_CONFIG, "s3://BUCKET/PREFIX"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum exit_code code;
        setenv(cases[i].name, cases[i].value, 1);
        assert_int_equal(find(&code), ERR_INVALID);
        assert_int_equal(code, cases[i].code);
        assert_non_null(strstr(err.cause, cases[i].cause));
        assert_null(strstr(err.cause, "hush"));
        setenv("METAFLOW_SERVICE_URL", "http://h", 1);
    }
}

static void bytes_in_s3(void **state)
{
    (void)state;
    enum exit_code code;
    setenv("METAFLOW_DEFAULT_DATASTORE", "s3", 1);
    setenv("METAFLOW_DATASTORE_SYSROOT_S3", "s3://bucket/metaflow/", 1);
    assert_int_equal(find(&code), ERR_OK);
    assert_string_equal(stack.s3_root, "s3://bucket/metaflow");
    assert_string_equal(stack_datastore(&stack), "s3://bucket/metaflow");
    assert_string_equal(stack_source(&stack), "http://localhost:8080/api");
    assert_string_equal(stack.identity, "http://localhost:8080/api\ns3://bucket/metaflow");
    // Names of this machine need a .metaflow.
    setenv("METAFLOW_DEFAULT_METADATA", "local", 1);
    assert_int_equal(find(&code), ERR_NOT_FOUND);
    assert_int_equal(code, EXIT_CONFIG);
    tempdir_put(".metaflow/x", "", 0);
    assert_int_equal(find(&code), ERR_OK);
    auto_free char *root = mem_printf("%s/.metaflow", tempdir), *both = mem_printf("%s\ns3://bucket/metaflow", root);
    assert_string_equal(stack.root, root);
    assert_string_equal(stack.identity, both);
    assert_non_null(stack.cache_dir); // what S3 gives is kept
    assert_int_equal(stack_unread(&stack), EXIT_DATASTORE);
    options.datastore_root = mem_strdup("s3://other");
    assert_int_equal(find(&code), ERR_OK);
    assert_string_equal(stack.s3_root, "s3://other");
    assert_string_equal(config_get(stack.config, "DATASTORE_SYSROOT_S3"), "s3://other");
    assert_string_equal(stack.root, root);
    // The option names a datastore, and says nothing of metadata.
    setenv("METAFLOW_DEFAULT_METADATA", "service", 1);
    unsetenv("METAFLOW_DEFAULT_DATASTORE");
    assert_int_equal(find(&code), ERR_OK);
    assert_non_null(stack.service_shown);
    assert_string_equal(stack.s3_root, "s3://other");
}

static void s3_is_built_without_being_there(void **state)
{
    (void)state;
    enum exit_code code;
    auto_cleanup(buf_free) struct buf text = {0};
    setenv("METAFLOW_DEFAULT_METADATA", "local", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    options.datastore_root = mem_strdup("s3://bucket");
    options.endpoint_url = mem_strdup("http://127.0.0.1:1");
    options.no_cache = options.no_sign_request = true;
    tempdir_put(".metaflow/x", "", 0);
    assert_int_equal(find(&code), ERR_OK);
    if (stack_build(&stack, &options, NULL, &code, &err) != ERR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_non_null(stack.cache);
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + 300};
    assert_int_not_equal(stack_s3_check(&stack, &cancel, &err), ERR_OK);
    assert_int_not_equal(stack_s3_start(&stack, 300, &err), ERR_OK); // nothing is cached that could be shown
    stack_s3_describe(&stack, 12, &text);
    assert_non_null(strstr(text.data, "127.0.0.1:1"));
    assert_non_null(strstr(text.data, "--no-sign-request"));
    stack_s3_counters(&stack, &text);
    assert_non_null(strstr(text.data, "metaflowfs_s3_lists_total"));
    assert_int_equal(stack_unreached(&stack), EXIT_DATASTORE);
}

static void an_endpoint_that_is_none(void **state)
{
    (void)state;
    enum exit_code code;
    setenv("METAFLOW_DEFAULT_METADATA", "local", 1);
    options.datastore_root = mem_strdup("s3://bucket");
    options.endpoint_url = mem_strdup("minio:9000");
    options.no_cache = true;
    tempdir_put(".metaflow/x", "", 0);
    assert_int_equal(find(&code), ERR_OK);
    assert_int_equal(stack_build(&stack, &options, NULL, &code, &err), ERR_INVALID);
    assert_int_equal(code, EXIT_CONFIG);
    assert_non_null(strstr(err.cause, "--endpoint-url"));
}

static void a_service_is_built_without_being_there(void **state)
{
    (void)state;
    enum exit_code code;
    setenv("METAFLOW_SERVICE_URL", "http://127.0.0.1:1", 1);
    options.no_cache = true;
    assert_int_equal(find(&code), ERR_OK);
    if (stack_build(&stack, &options, NULL, &code, &err) != ERR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_non_null(stack.service);
    assert_string_equal(service_url(stack.service), stack.service_shown);
}

static void bad_headers_are_bad_configuration(void **state)
{
    (void)state;
    enum exit_code code;
    setenv("METAFLOW_SERVICE_HEADERS", "{\"x\": 5}", 1);
    options.no_cache = true;
    assert_int_equal(find(&code), ERR_OK);
    assert_int_equal(stack_build(&stack, &options, NULL, &code, &err), ERR_INVALID);
    assert_int_equal(code, EXIT_CONFIG);
}

#define stack_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        stack_test(a_service_without_data_here),
        stack_test(a_datastore_root_is_local_metadata),
        stack_test(what_is_wrong_is_told),
        stack_test(bytes_in_s3),
        stack_test(s3_is_built_without_being_there),
        stack_test(an_endpoint_that_is_none),
        stack_test(a_service_is_built_without_being_there),
        stack_test(bad_headers_are_bad_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
