// client/config.h: precedence, types, files and roots. tests/mount compares it with Metaflow itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/config.h"
#include "temp_tree.h"

static struct tree_dir dir;
static char *cwd; // dir/project/sub

static int set_up(void **state)
{
    (void)state;
    clearenv();
    dir = tree_make();
    tree_dir_at(&dir, "project/sub");
    tree_dir_at(&dir, "home");
    cwd = tree_path(&dir, "project/sub");
    auto_free char *home = tree_path(&dir, "home");
    setenv("HOME", home, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(cwd);
    tree_remove(&dir);
    clearenv();
    return 0;
}

static struct config *load(void)
{
    struct config *c = NULL;
    struct err err = ERR_INIT;
    if (config_load(cwd, &c, &err) != ERR_OK)
        fail_msg("%s", err.cause);
    return c;
}

static void load_fails(const char *mention)
{
    struct config *c = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(config_load(cwd, &c, &err), ERR_INVALID);
    if (!strstr(err.cause, mention))
        fail_msg("no \"%s\" in: %s", mention, err.cause);
}

static void freep(struct config **c)
{
    config_free(*c);
}

#define auto_config auto_cleanup(freep) struct config *

static void is(const struct config *c, const char *name, const char *value)
{
    const char *got = config_get(c, name);
    if (!value) {
        assert_null(got);
        return;
    }
    if (!got)
        fail_msg("%s is not set", name);
    assert_string_equal(got, value);
}

static void defaults(void **state)
{
    (void)state;
    auto_config c = load();
    is(c, "DEFAULT_METADATA", "local");
    is(c, "SERVICE_URL", NULL);
    is(c, "SERVICE_HEADERS", "{}");
    is(c, "SERVICE_VERSION_CHECK", "true");
    is(c, "S3_RETRY_COUNT", "7");
    is(c, "CLIENT_CACHE_MAX_TASKDATASTORE_COUNT", "5000");
    is(c, "TEMPDIR", ".");
    is(c, "ARTIFACT_LOCALROOT", cwd);
    is(c, "DATATOOLS_S3ROOT", NULL);
    is(c, "NO_SUCH_NAME", NULL);
    assert_int_equal(config_source(c, "TEMPDIR"), CONFIG_DEFAULT);
    assert_null(config_user(c));
}

static void precedence(void **state)
{
    (void)state;
    tree_file(&dir, "home/.metaflowconfig/config.json",
              "{\"METAFLOW_SERVICE_URL\": \"global\", \"METAFLOW_TEMPDIR\": \"global\", \"METAFLOW_X\": \"global\","
              " \"METAFLOW_S3_RETRY_COUNT\": 3, \"OTHER\": 1}");
    tree_file(&dir, "project/.metaflow/config.json",
              "{\"METAFLOW_TEMPDIR\": \"project\", \"METAFLOW_X\": \"project\"}");
    setenv("METAFLOW_X", "", 1); // set but empty wins
    auto_config c = load();
    is(c, "SERVICE_URL", "global");
    is(c, "TEMPDIR", "project");
    is(c, "X", "");
    is(c, "S3_RETRY_COUNT", "3");
    is(c, "SERVICE_INTERNAL_URL", "global");
    assert_int_equal(config_source(c, "SERVICE_URL"), CONFIG_GLOBAL_FILE);
    assert_int_equal(config_source(c, "TEMPDIR"), CONFIG_PROJECT_FILE);
    assert_int_equal(config_source(c, "X"), CONFIG_ENV);
    config_override(c, "SERVICE_URL", "option");
    is(c, "SERVICE_URL", "option");
    is(c, "SERVICE_INTERNAL_URL", "option");
    assert_int_equal(config_source(c, "SERVICE_URL"), CONFIG_OPTION);
    config_override(c, "S3_RETRY_COUNT", "many");
    is(c, "S3_RETRY_COUNT", "3");
}

static void only_the_nearest_project_counts(void **state)
{
    (void)state;
    tree_file(&dir, "project/.metaflow/config.json", "{\"METAFLOW_X\": \"far\"}");
    tree_dir_at(&dir, "project/sub/.metaflow");
    auto_config c = load();
    is(c, "X", NULL);
}

static void homes_and_profiles(void **state)
{
    (void)state;
    tree_file(&dir, "home/alt/config.json", "{\"METAFLOW_X\": \"plain\"}");
    tree_file(&dir, "home/alt/config_dev.json", "{\"METAFLOW_X\": \"dev\"}");
    tree_file(&dir, "project/sub/rel/config.json", "{\"METAFLOW_X\": \"relative\"}");
    setenv("METAFLOW_HOME", "~/alt", 1);
    auto_config plain = load();
    is(plain, "X", "plain");
    setenv("METAFLOW_PROFILE", "dev", 1);
    auto_config dev = load();
    is(dev, "X", "dev");
    setenv("METAFLOW_PROFILE", "", 1);
    auto_config empty = load();
    is(empty, "X", "plain");
    setenv("METAFLOW_PROFILE", "none", 1);
    load_fails("config_none.json");
    unsetenv("METAFLOW_PROFILE");
    setenv("METAFLOW_HOME", "rel", 1);
    auto_config relative = load();
    is(relative, "X", "relative");
    unsetenv("HOME"); // then the passwd entry counts
    setenv("METAFLOW_HOME", "~/no-such-directory-of-a-test", 1);
    auto_config nothing = load();
    is(nothing, "X", NULL);
    setenv("METAFLOW_HOME", "~no-such-user-of-a-test/x", 1);
    auto_config no_user = load();
    is(no_user, "X", NULL);
}

static void bad_files(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "[]", "{", "\"x\"", "{\"METAFLOW_S3_RETRY_COUNT\": \"x\"}",
                                      "{\"METAFLOW_S3_RETRY_COUNT\": [1]}", "{\"METAFLOW_BATCH_EMIT_TAGS\": 1}",
                                      "{\"METAFLOW_SERVICE_HEADERS\": 1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tree_file(&dir, "project/.metaflow/config.json", bad[i]);
        load_fails(i < 4 ? "project/.metaflow/config.json" : "METAFLOW_");
    }
    tree_file(&dir, "project/.metaflow/config.json", "{}");
    tree_file(&dir, "home/.metaflowconfig/config.json", "nope");
    load_fails(".metaflowconfig/config.json");
}

static void types(void **state)
{
    (void)state;
    static const struct {
        const char *name, *in, *out;
    } cases[] = {
        {"METAFLOW_S3_RETRY_COUNT", " +1_000 ", "1000"}, {"METAFLOW_S3_RETRY_COUNT", "-007", "-7"},
        {"METAFLOW_S3_RETRY_COUNT", "-0", "0"},          {"METAFLOW_S3_RETRY_COUNT", "", NULL},
        {"METAFLOW_S3_RETRY_COUNT", "1.5", NULL},        {"METAFLOW_S3_RETRY_COUNT", "1__0", NULL},
        {"METAFLOW_S3_RETRY_COUNT", "_1", NULL},         {"METAFLOW_S3_RETRY_COUNT", "1_", NULL},
        {"METAFLOW_S3_RETRY_COUNT", "+ 1", NULL},        {"METAFLOW_BATCH_EMIT_TAGS", "", "false"},
        {"METAFLOW_BATCH_EMIT_TAGS", "FaLse", "false"},  {"METAFLOW_BATCH_EMIT_TAGS", "0", "false"},
        {"METAFLOW_BATCH_EMIT_TAGS", "no", "true"},      {"METAFLOW_BATCH_EMIT_TAGS", "00", "true"},
        {"METAFLOW_SERVICE_HEADERS", "[]", NULL},        {"METAFLOW_SERVICE_HEADERS", "", NULL},
        {"METAFLOW_SERVICE_HEADERS", "{ \"a\": 1 }", "{\"a\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv(cases[i].name, cases[i].in, 1);
        if (cases[i].out) {
            auto_config c = load();
            is(c, cases[i].name + strlen("METAFLOW_"), cases[i].out);
        } else {
            load_fails(cases[i].name);
        }
        unsetenv(cases[i].name);
    }
    tree_file(&dir, "project/.metaflow/config.json",
              "{\"METAFLOW_SERVICE_HEADERS\": {\"a\": [1]}, \"METAFLOW_CONTACT_INFO\": \"{\\\"k\\\": \\\"v\\\"}\","
              " \"METAFLOW_S3_RETRY_COUNT\": 2.9, \"METAFLOW_S3_WORKER_COUNT\": true, \"METAFLOW_TEMPDIR\": false,"
              " \"METAFLOW_BATCH_EMIT_TAGS\": true, \"METAFLOW_SERVICE_URL\": null, \"METAFLOW_USER\": 12}");
    auto_config c = load();
    is(c, "SERVICE_HEADERS", "{\"a\":[1]}");
    is(c, "CONTACT_INFO", "{\"k\":\"v\"}");
    is(c, "S3_RETRY_COUNT", "2");
    is(c, "S3_WORKER_COUNT", "1");
    is(c, "TEMPDIR", "False");
    is(c, "BATCH_EMIT_TAGS", "true");
    is(c, "SERVICE_URL", NULL);
    is(c, "USER", "12");
    tree_file(&dir, "project/.metaflow/config.json", "{}");
}

static void derived_and_merged(void **state)
{
    (void)state;
    setenv("METAFLOW_DATASTORE_SYSROOT_S3", "s3://b/p/", 1);
    setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", "", 1);
    setenv("METAFLOW_DATATOOLS_SUFFIX", "files", 1);
    setenv("METAFLOW_SERVICE_HEADERS", "{\"x-api-key\": \"old\", \"a\": \"b\"}", 1);
    setenv("METAFLOW_SERVICE_AUTH_KEY", "new", 1);
    setenv("METAFLOW_S3_ENDPOINT_URL", "http://e", 1);
    setenv("METAFLOW_S3_VERIFY_CERTIFICATE", "ca.pem", 1);
    setenv("METAFLOW_DATATOOLS_CLIENT_PARAMS", "{\"endpoint_url\": \"mine\"}", 1);
    setenv("METAFLOW_DEFAULT_CONTAINER_IMAGE", "image", 1);
    setenv("METAFLOW_CLIENT_CACHE_MAX_FLOWDATASTORE_COUNT", "7", 1);
    auto_config c = load();
    is(c, "CARD_S3ROOT", "s3://b/p/mf.cards");
    is(c, "DATATOOLS_S3ROOT", "s3://b/p/files");
    is(c, "DATATOOLS_LOCALROOT", NULL); // of an empty sysroot
    is(c, "SERVICE_HEADERS", "{\"a\":\"b\",\"x-api-key\":\"new\"}");
    is(c, "DATATOOLS_CLIENT_PARAMS", "{\"endpoint_url\":\"mine\",\"verify\":\"ca.pem\"}");
    is(c, "BATCH_CONTAINER_IMAGE", "image");
    is(c, "CLIENT_CACHE_MAX_TASKDATASTORE_COUNT", "700");
}

static void users(void **state)
{
    (void)state;
    setenv("USER", "u", 1);
    auto_config user = load();
    assert_string_equal(config_user(user), "u");
    setenv("USERNAME", "n", 1);
    setenv("SUDO_USER", "root", 1);
    auto_config username = load();
    assert_string_equal(config_user(username), "n");
    setenv("SUDO_USER", "s", 1);
    setenv("METAFLOW_USER", "root", 1);
    auto_config sudo = load();
    assert_string_equal(config_user(sudo), "s");
    setenv("METAFLOW_USER", "m", 1);
    auto_config own = load();
    assert_string_equal(config_user(own), "m");
}

static void root_is(const char *explicit_root, const char *rel)
{
    auto_config c = load();
    struct err err = ERR_INIT;
    auto_free char *root = NULL;
    if (config_local_root(c, explicit_root, &root, &err) != ERR_OK)
        fail_msg("%s", err.cause);
    auto_free char *path = tree_path(&dir, rel);
    auto_free char *expected = realpath(path, NULL);
    assert_string_equal(root, expected);
}

static void root_fails(const char *explicit_root, const char *mention)
{
    auto_config c = load();
    struct err err = ERR_INIT;
    char *root = NULL;
    assert_int_not_equal(config_local_root(c, explicit_root, &root, &err), ERR_OK);
    assert_null(root);
    if (!strstr(err.cause, mention))
        fail_msg("no \"%s\" in: %s", mention, err.cause);
}

static void local_roots(void **state)
{
    (void)state;
    root_fails(NULL, "--datastore-root");
    tree_dir_at(&dir, "project/.metaflow");
    root_is(NULL, "project/.metaflow");
    root_is("..", "project/.metaflow");
    root_is("../.metaflow/", "project/.metaflow");
    root_fails(".", "is no Metaflow datastore");
    root_fails("/no/such", "/no/such");
    root_fails("/dev/null", "not a directory");
    tree_file(&dir, "copied/F/_meta/_self.json", "{}");
    root_is("../../copied", "copied");
    auto_free char *sysroot = tree_path(&dir, "project");
    setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", sysroot, 1);
    root_is(NULL, "project/.metaflow");
    auto_free char *wrong = tree_path(&dir, "project/.metaflow");
    setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", wrong, 1);
    root_fails(NULL, "must name the directory that contains .metaflow");
    tree_file(&dir, "project/.metaflow/.metaflow/F/_meta/_self.json", "{}"); // what Metaflow makes of that
    root_is(NULL, "project/.metaflow/.metaflow");
    unsetenv("METAFLOW_DATASTORE_SYSROOT_LOCAL");
    root_is("../.metaflow", "project/.metaflow/.metaflow");
    tree_file(&dir, "project/.metaflow/F/_meta/_self.json", "{}");
    root_is("../.metaflow", "project/.metaflow");
    setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", "/no/such", 1);
    root_fails(NULL, "/no/such/.metaflow");
}

static void printing_hides_secrets(void **state)
{
    (void)state;
    setenv("METAFLOW_SERVICE_AUTH_KEY", "s3cr3t-a", 1);
    setenv("METAFLOW_SERVICE_HEADERS", "{\"x\": \"s3cr3t-b\"}", 1);
    setenv("METAFLOW_PRODUCTION_TOKEN", "s3cr3t-c", 1);
    setenv("METAFLOW_DATATOOLS_CLIENT_PARAMS", "{\"a\": [{\"aws_secret_access_key\": \"s3cr3t-d\"}], \"b\": 1}", 1);
    setenv("METAFLOW_SERVICE_URL", "https://user:s3cr3t-e@host/p@th", 1);
    setenv("METAFLOW_MY_PASSWORD", "s3cr3t-f", 1);
    setenv("METAFLOW_MY_PASSPHRASE", "s3cr3t-g", 1);
    setenv("METAFLOW_MY_PAT", "s3cr3t-h", 1);
    setenv("METAFLOW_NEWLINE", "a\nb", 1);
    auto_config c = load();
    auto_cleanup(buf_free) struct buf b = {0};
    config_print(c, &b);
    assert_null(strstr(b.data, "s3cr3t"));
    assert_non_null(strstr(b.data, "METAFLOW_SERVICE_AUTH_KEY = ***  (environment)\n"));
    assert_non_null(strstr(b.data, "= {\"a\":[{\"aws_secret_access_key\":\"***\"}],\"b\":1}  (environment)\n"));
    assert_non_null(strstr(b.data, "METAFLOW_SERVICE_URL = https://***@host/p@th  (environment)\n"));
    assert_non_null(strstr(b.data, "METAFLOW_NEWLINE = a?b  (environment)\n"));
    assert_non_null(strstr(b.data, "METAFLOW_DEFAULT_METADATA = local  (default)\n"));
    assert_true(config_is_secret("aws_Secret_access") && config_is_secret("token") && !config_is_secret("USER"));
    setenv("METAFLOW_DATATOOLS_SESSION_VARS", "{\"aws_secret_access_key\": \"s3cr3t-g", 1);
    struct config *none = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(config_load(cwd, &none, &err), ERR_INVALID);
    assert_null(strstr(err.cause, "s3cr3t"));
}

static void places(void **state)
{
    (void)state;
    struct config *c = load();
    auto_free char *root = config_local_root_default(c);
    auto_free char *want_root = mem_printf("%s/.metaflow", cwd);
    assert_string_equal(root, want_root);
    auto_free char *given = config_cache_dir(c, "here"), *home = config_cache_dir(c, NULL);
    auto_free char *want_given = mem_printf("%s/here", cwd), *want_home = tree_path(&dir, "home/.cache/metaflowfs");
    assert_string_equal(given, want_given);
    assert_string_equal(home, want_home);
    assert_null(config_ca_file(c));
    setenv("XDG_CACHE_HOME", "relative", 1);
    auto_free char *ignored = config_cache_dir(c, NULL);
    assert_string_equal(ignored, want_home);
    setenv("XDG_CACHE_HOME", "/xdg", 1);
    auto_free char *xdg = config_cache_dir(c, NULL);
    assert_string_equal(xdg, "/xdg/metaflowfs");
    setenv("SSL_CERT_FILE", "/ssl.pem", 1);
    setenv("CURL_CA_BUNDLE", "", 1);
    auto_free char *ssl = config_ca_file(c);
    assert_string_equal(ssl, "/ssl.pem");
    setenv("REQUESTS_CA_BUNDLE", "req.pem", 1);
    auto_free char *req = config_ca_file(c), *want_req = mem_printf("%s/req.pem", cwd);
    assert_string_equal(req, want_req);
    config_free(c);

    setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", "/nowhere", 1);
    c = load();
    auto_free char *there = config_local_root_default(c);
    assert_string_equal(there, "/nowhere/.metaflow");
    config_free(c);
}

#define config_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void s3_root_is(const char *explicit_root, const char *want)
{
    auto_config c = load();
    auto_free char *root = NULL;
    struct err err = ERR_INIT;
    if (config_s3_root(c, explicit_root, &root, &err) != ERR_OK)
        fail_msg("%s", err.cause);
    assert_string_equal(root, want);
}

static void s3_root_fails(const char *explicit_root, const char *mention)
{
    auto_config c = load();
    char *root = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(config_s3_root(c, explicit_root, &root, &err), ERR_INVALID);
    assert_null(root);
    if (!strstr(err.cause, mention) || !strstr(err.cause, "s3://BUCKET/PREFIX"))
        fail_msg("no \"%s\" in: %s", mention, err.cause);
}

static void s3_roots(void **state)
{
    (void)state;
    auto_config none = load();
    assert_false(config_wants_s3(none));
    setenv("METAFLOW_DEFAULT_DATASTORE", "s3", 1);
    auto_config s3 = load();
    assert_true(config_wants_s3(s3));
    s3_root_fails(NULL, "METAFLOW_DATASTORE_SYSROOT_S3 is not set");
    setenv("METAFLOW_DATASTORE_SYSROOT_S3", "", 1);
    s3_root_fails(NULL, "METAFLOW_DATASTORE_SYSROOT_S3 is not set");
    setenv("METAFLOW_DATASTORE_SYSROOT_S3", "s3://my.bucket-1/some/pre#fix//", 1);
    s3_root_is(NULL, "s3://my.bucket-1/some/pre#fix");
    s3_root_is("s3://bucket/", "s3://bucket");
    static const char *const bad[] = {"bucket/x", "/tmp/x", "s3:/b/x", "S3://b/x", "s3://", "s3:///x", "s3://a b/x",
                                      "https://b/x", "s3://b/x?y", "s3://user@b/x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        s3_root_fails(bad[i], "the root of the datastore is \"");
        setenv("METAFLOW_DATASTORE_SYSROOT_S3", bad[i], 1);
        s3_root_fails(NULL, bad[i]);
    }
    setenv("METAFLOW_DEFAULT_DATASTORE", "S3", 1);
    auto_config other = load();
    assert_false(config_wants_s3(other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        config_test(defaults),           config_test(precedence),  config_test(only_the_nearest_project_counts),
        config_test(homes_and_profiles), config_test(bad_files),   config_test(types),
        config_test(derived_and_merged), config_test(users),       config_test(local_roots),
        config_test(printing_hides_secrets), config_test(places),      config_test(s3_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
