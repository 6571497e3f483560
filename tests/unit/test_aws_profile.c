// base/aws_profile.h, base/aws_ini.h and base/shell_words.h: the shared files as botocore reads them. The expected
// values were told by botocore 1.43 (configloader.load_config) for the same text, but where a comment says otherwise.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/aws_profile.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/shell_words.h"
#include "tempdir.h"

static struct aws_files *parse(const char *config, const char *credentials)
{
    struct aws_files *f = NULL;
    struct err err = ERR_INIT;
    if (aws_files_parse(config, config ? strlen(config) : 0, credentials, credentials ? strlen(credentials) : 0, &f,
                        &err) != ERR_OK) {
        fail_msg("%s", err.cause);
    }
    return f;
}

static void expect(const char *got, const char *expected)
{
    if ((got == NULL) != (expected == NULL) || (got && strcmp(got, expected) != 0)) {
        fail_msg("\"%s\" instead of \"%s\"", got ? got : "(null)", expected ? expected : "(null)");
    }
}

static void settings_of_profiles(void **state)
{
    (void)state;
    struct aws_files *f = parse("# a comment\n"
                                "; another\n"
                                "[default]\n"
                                "Region = eu-west-1\n"
                                "output: json # no comment here\n"
                                "empty =\n"
                                "\n"
                                "[profile my]\r\n"
                                "region=us-east-2\r\n"
                                "[profile \"two words\"]\n"
                                "region = three\n"
                                "[profile 'single']   ; behind it\n"
                                "  region = indented\n"
                                "  output = text\n"
                                "[preview]\n"
                                "region = none\n"
                                "[profile a b]\n"
                                "region = none\n",
                                NULL);
    expect(aws_profile_get(f, "default", NULL, "region"), "eu-west-1");
    expect(aws_profile_get(f, "default", NULL, "output"), "json # no comment here");
    expect(aws_profile_get(f, "default", NULL, "empty"), "");
    expect(aws_profile_get(f, "default", NULL, "absent"), NULL);
    expect(aws_profile_get(f, "my", NULL, "region"), "us-east-2");
    expect(aws_profile_get(f, "two words", NULL, "region"), "three");
    expect(aws_profile_get(f, "single", NULL, "region"), "indented");
    expect(aws_profile_get(f, "single", NULL, "output"), "text");
    assert_true(aws_profile_exists(f, "my"));
    assert_false(aws_profile_exists(f, "preview"));
    assert_false(aws_profile_exists(f, "profile my"));
    assert_false(aws_profile_exists(f, "a"));
    aws_files_free(f);
}

static void nested_settings_and_long_values(void **state)
{
    (void)state;
    struct aws_files *f = parse("[default]\n"
                                "s3 =\n"
                                "    addressing_style = path\n"
                                "    # a comment\n"
                                "    max_bandwidth = 50MB/s = x\n"
                                "\n"
                                "    last=1\n"
                                "credential_process = /bin/x\n"
                                "   --long \"a b\"\n"
                                "region = eu-west-1\n",
                                NULL);
    expect(aws_profile_get(f, "default", "s3", "addressing_style"), "path");
    expect(aws_profile_get(f, "default", "s3", "max_bandwidth"), "50MB/s = x");
    expect(aws_profile_get(f, "default", "s3", "last"), "1");
    expect(aws_profile_get(f, "default", "s3", "absent"), NULL);
    expect(aws_profile_get(f, "default", "region", "x"), NULL);
    expect(aws_profile_get(f, "default", NULL, "s3"), NULL);
    expect(aws_profile_get(f, "default", NULL, "credential_process"), "/bin/x\n--long \"a b\"");
    expect(aws_profile_get(f, "default", NULL, "region"), "eu-west-1");
    aws_files_free(f);
}

static void services_and_sessions(void **state)
{
    (void)state;
    struct aws_files *f = parse("[profile dev]\nservices = local\nsso_session = corp\n"
                                "[services local]\n"
                                "s3 =\n  endpoint_url = http://localhost:9000\n"
                                "sts =\n  endpoint_url = http://localhost:9001\n"
                                "[sso-session corp]\nsso_region = us-east-1\n",
                                NULL);
    expect(aws_service_get(f, "dev", "s3", "endpoint_url"), "http://localhost:9000");
    expect(aws_service_get(f, "dev", "sts", "endpoint_url"), "http://localhost:9001");
    expect(aws_service_get(f, "dev", "batch", "endpoint_url"), NULL);
    expect(aws_service_get(f, "default", "s3", "endpoint_url"), NULL);
    expect(aws_sso_session_get(f, "corp", "sso_region"), "us-east-1");
    assert_true(aws_sso_session_exists(f, "corp"));
    assert_false(aws_sso_session_exists(f, "local"));
    aws_files_free(f);
}

static void two_files(void **state)
{
    (void)state;
    struct aws_files *f = parse("[default]\naws_access_key_id = config\nregion = config\noutput = json\n"
                                "s3 =\n  a = 1\n  b = 2\n",
                                "[default]\naws_access_key_id = credentials\nregion = credentials\n"
                                "s3 =\n  a = 3\n[other]\nx = 1\n");
    expect(aws_profile_get(f, "default", NULL, "aws_access_key_id"), "credentials");
    expect(aws_profile_get(f, "default", NULL, "region"), "credentials");
    expect(aws_profile_get(f, "default", NULL, "output"), "json");
    expect(aws_profile_get(f, "default", "s3", "a"), "3");
    expect(aws_profile_get(f, "default", "s3", "b"), NULL); // settings are merged, what is nested in them is not
    expect(aws_file_get(f, AWS_FILE_CONFIG, "default", "aws_access_key_id"), "config");
    expect(aws_file_get(f, AWS_FILE_CREDENTIALS, "default", "output"), NULL);
    assert_true(aws_profile_exists(f, "other"));
    aws_files_free(f);
}

// Python refuses these two; other SDKs do not.
static void marks_and_doubles(void **state)
{
    (void)state;
    struct aws_files *f = parse("\xef\xbb\xbf[default]\nregion = a\noutput = x\n[profile p]\nregion = q\n"
                                "[default]\nregion = b\nregion = c\n",
                                NULL);
    expect(aws_profile_get(f, "default", NULL, "region"), "c");
    expect(aws_profile_get(f, "default", NULL, "output"), "x");
    aws_files_free(f);
    f = parse("[default]\nregion = a\n[profile default]\nregion = b\n", NULL);
    expect(aws_profile_get(f, "default", NULL, "region"), "b");
    aws_files_free(f);
}

static void bad_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"region = hunter2\n", "line 1"},
        {"[default]\nregion = x\nhunter2\n", "line 3"},
        {"[default]\n= hunter2\n", "line 2"},
        {"[]\n", "line 1"},
        {"[default\nhunter2=1\n", "line 1"},
        {"[default]\ns3 =\n  hunter2\n", "indented lines of s3"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct aws_files *f = NULL;
        struct err err = ERR_INIT;
        assert_int_equal(aws_files_parse(cases[i].text, strlen(cases[i].text), NULL, 0, &f, &err), ERR_INVALID);
        if (!strstr(err.cause, cases[i].word) || strstr(err.cause, "hunter2")) {
            fail_msg("%s", err.cause);
        }
    }
    struct aws_files *f = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(aws_files_parse("[a]\nb\0=c\n", 9, NULL, 0, &f, &err), ERR_INVALID);
}

// --- the files themselves -------------------------------------------------------------------------------------------

static char home[300], config[400], credentials[400];
static const char *profile;

static const char *env(const char *name)
{
    return strcmp(name, "HOME") == 0                          ? home
           : strcmp(name, "AWS_CONFIG_FILE") == 0             ? config
           : strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0 ? credentials
           : strcmp(name, "AWS_PROFILE") == 0                 ? profile
                                                              : NULL;
}

static void put(const char *name, const char *text)
{
    tempdir_put(name, text, strlen(text));
}

static void files_and_names(void **state)
{
    (void)state;
    struct aws_files *f = NULL;
    struct err err = ERR_INIT;
    snprintf(home, sizeof(home), "%s", tempdir);
    assert_int_equal(aws_files_load(env, &f, &err), ERR_OK); // there are none
    assert_false(aws_profile_exists(f, "default"));
    aws_files_free(f);
    put(".aws/credentials", "[default]\naws_access_key_id = A\n");
    put("other", "[default]\nregion = B\n");
    snprintf(config, sizeof(config), "~/other");
    assert_int_equal(aws_files_load(env, &f, &err), ERR_OK);
    expect(aws_profile_get(f, "default", NULL, "aws_access_key_id"), "A");
    expect(aws_profile_get(f, "default", NULL, "region"), "B");
    aws_files_free(f);
    snprintf(credentials, sizeof(credentials), "/dev/null");
    assert_int_equal(aws_files_load(env, &f, &err), ERR_OK);
    expect(aws_profile_get(f, "default", NULL, "aws_access_key_id"), NULL);
    aws_files_free(f);
    put("other", "[default]\nhunter2\n");
    assert_int_equal(aws_files_load(env, &f, &err), ERR_INVALID);
    if (!strstr(err.cause, tempdir) || !strstr(err.cause, "other, line 2") || strstr(err.cause, "hunter2")) {
        fail_msg("%s", err.cause);
    }
    expect(aws_profile_name(env, NULL), "default");
    profile = "dev";
    expect(aws_profile_name(env, NULL), "dev");
    expect(aws_profile_name(env, "given"), "given");
}

// Expected: Python's shlex.split.
static void words_of_a_shell(void **state)
{
    (void)state;
    static const struct {
        const char *text, *joined; // words with '|' behind each
    } cases[] = {
        {"", ""},
        {"  a  b\tc\nd ", "a|b|c|d|"},
        {"a 'b c' \"d e\"f", "a|b c|d ef|"},
        {"'' \"\"", "||"},
        {"a\\ b 'c\\d' \"e\\\"\\\\\\x\"", "a b|c\\d|e\"\\\\x|"},
        {"$HOME `x` $(y) ; & | # z", "$HOME|`x`|$(y)|;|&|||#|z|"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strv words = {0};
        auto_cleanup(buf_free) struct buf joined = {0};
        assert_true(shell_words(cases[i].text, &words));
        for (size_t k = 0; k < words.len; k++) {
            buf_printf(&joined, "%s|", words.items[k]);
        }
        expect(joined.data ? joined.data : "", cases[i].joined);
        strv_free(&words);
    }
    static const char *const bad[] = {"'a", "a \"b", "a\\", "\"a\\"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct strv words = {0};
        assert_false(shell_words(bad[i], &words));
        strv_free(&words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_of_profiles),
        cmocka_unit_test(nested_settings_and_long_values),
        cmocka_unit_test(services_and_sessions),
        cmocka_unit_test(two_files),
        cmocka_unit_test(marks_and_doubles),
        cmocka_unit_test(bad_text),
        cmocka_unit_test_setup_teardown(files_and_names, tempdir_make, tempdir_remove),
        cmocka_unit_test(words_of_a_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
