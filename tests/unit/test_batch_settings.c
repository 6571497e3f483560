// What jobs take from Metaflow's configuration: names, order and texts of the container's environment.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/stack_batch.h"
#include "tempdir.h"

static struct batch_settings settings;

static int set_up(void **state)
{
    clearenv();
    return tempdir_make(state);
}

static int tear_down(void **state)
{
    batch_settings_free(&settings);
    clearenv();
    return tempdir_remove(state);
}

static void find(void)
{
    struct config *config;
    struct err err = ERR_INIT;
    struct s3_settings aws = {.region = mem_strdup("eu-west-1"), .batch_endpoint = mem_strdup("http://batch")};
    setenv("HOME", tempdir, 1);
    setenv("METAFLOW_HOME", tempdir, 1);
    if (config_load(tempdir, &config, &err)) {
        fail_msg("%s", err.cause);
    }
    batch_settings_free(&settings);
    batch_settings_find(config, &aws, &settings);
    s3_settings_free(&aws);
    config_free(config);
}

static void env_is(const struct pairs *env, const char *const *want)
{
    size_t n = 0;
    for (; want[n] != NULL; n++) {
        assert_true(n < env->len);
        auto_free char *got = mem_printf("%s=%s", env->at[n].name, env->at[n].value);
        assert_string_equal(got, want[n]);
    }
    assert_int_equal(env->len, n);
}

static void defaults(void **state)
{
    (void)state;
    setenv("USER", "me", 1);
    find();
    assert_string_equal(settings.user, "me");
    assert_string_equal(settings.region, "eu-west-1");
    assert_string_equal(settings.batch_endpoint, "http://batch");
    assert_true(settings.queue == NULL && settings.image == NULL && settings.iam_role == NULL && !settings.emit_tags);
    static const char *const env[] = {
        "METAFLOW_USER=me", "METAFLOW_SERVICE_HEADERS={}", "METAFLOW_DEFAULT_DATASTORE=s3",
        "METAFLOW_DEFAULT_METADATA=local", "METAFLOW_OTEL_SERVICE_NAME=metaflow",
        "METAFLOW_RUNTIME_ENVIRONMENT=aws-batch", NULL};
    env_is(&settings.env_first, env);
    assert_int_equal(settings.env_last.len, 0);
}

static void everything(void **state)
{
    (void)state;
    static const char *const set[][2] = {
        {"METAFLOW_S3_ENDPOINT_URL", "http://s3"}, {"METAFLOW_S3_SERVER_SIDE_ENCRYPTION", "aws:kms"},
        {"METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION", "r"}, {"METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE", ""},
        {"METAFLOW_DEBUG_S3CLIENT", "1"}, {"METAFLOW_DEBUG_SUBCOMMAND", "0"}, {"METAFLOW_DEBUG_UNKNOWN", "1"},
        {"METAFLOW_CONDA_USE_FAST_INIT", "yes"}, {"METAFLOW_CONDA_DEPENDENCY_RESOLVER", "mamba"},
        {"METAFLOW_CONDA_PACKAGE_S3ROOT", "s3://c"}, {"METAFLOW_OTEL_ENDPOINT", "http://otel"},
        {"METAFLOW_DATASTORE_SYSROOT_S3", "s3://b/p"}, {"METAFLOW_DEFAULT_METADATA", "service"},
        {"METAFLOW_SERVICE_URL", "http://out"}, {"METAFLOW_SERVICE_INTERNAL_URL", "http://in"},
        {"METAFLOW_SERVICE_AUTH_KEY", "k"}, {"METAFLOW_USER", "root"}, {"USERNAME", "you"},
        {"METAFLOW_BATCH_JOB_QUEUE", "q"}, {"METAFLOW_BATCH_EMIT_TAGS", "true"},
        {"METAFLOW_DEFAULT_CONTAINER_IMAGE", "i:1"}, {"METAFLOW_BATCH_DEFAULT_TAGS", "{\"a\": \"b\"}"},
        {"METAFLOW_ECS_FARGATE_EXECUTION_ROLE", "arn:e"}};
    for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
        setenv(set[i][0], set[i][1], 1);
    }
    find();
    static const char *const env[] = {
        "METAFLOW_USER=you", "METAFLOW_SERVICE_URL=http://in", "METAFLOW_SERVICE_HEADERS={\"x-api-key\": \"k\"}",
        "METAFLOW_DATASTORE_SYSROOT_S3=s3://b/p", "METAFLOW_DATATOOLS_S3ROOT=s3://b/p/data",
        "METAFLOW_DEFAULT_DATASTORE=s3", "METAFLOW_DEFAULT_METADATA=service",
        "METAFLOW_CARD_S3ROOT=s3://b/p/mf.cards", "METAFLOW_OTEL_ENDPOINT=http://otel",
        "METAFLOW_OTEL_SERVICE_NAME=metaflow", "METAFLOW_RUNTIME_ENVIRONMENT=aws-batch",
        "METAFLOW_CONDA_PACKAGE_S3ROOT=s3://c", "METAFLOW_CONDA_DEPENDENCY_RESOLVER=mamba",
        "METAFLOW_CONDA_USE_FAST_INIT=True", "METAFLOW_DEBUG_S3CLIENT=True", "METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE=",
        "METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION=r", NULL};
    static const char *const last[] = {"METAFLOW_S3_SERVER_SIDE_ENCRYPTION=aws:kms",
                                       "METAFLOW_S3_ENDPOINT_URL=http://s3", NULL};
    env_is(&settings.env_first, env);
    env_is(&settings.env_last, last);
    assert_string_equal(settings.queue, "q");
    assert_string_equal(settings.image, "i:1");
    assert_string_equal(settings.execution_role, "arn:e");
    assert_true(settings.emit_tags && !settings.sandbox);
    assert_string_equal(pairs_get(&settings.default_tags, "a"), "b");
}

// Compared with what Python prints.
static void python_json(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "{}"},
        {"{\"a\":[1,true,null],\"b\":{\"c\":\"d,e:f\"}}", "{\"a\": [1, true, null], \"b\": {\"c\": \"d,e:f\"}}"},
        {"{\"\xc3\xa9\":\"\xe2\x82\xac \xf0\x9f\x98\x80\"}", "{\"\\u00e9\": \"\\u20ac \\ud83d\\ude00\"}"},
        {"{\"q\":\"a\\\"b\\\\c\\n\\u001F/\"}", "{\"q\": \"a\\\"b\\\\c\\n\\u001f/\"}"},
        {"no json", "no json"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *got = batch_python_json(cases[i][0]);
        assert_string_equal(got, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(everything, set_up, tear_down),
        cmocka_unit_test(python_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
