// The command line: long options, -o lists as fstab gives them, and refusals that name the option.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "fs/options.h"

static struct options parsed; // freed by the teardown of each test
static struct err err;

static errc parse(const char *line)
{
    char *argv[32] = {mem_strdup("metaflowfs")};
    int argc = 1;
    auto_free char *copy = mem_strdup(line);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        argv[argc++] = word;
    }
    options_free(&parsed);
    err = (struct err)ERR_INIT;
    errc e = options_parse(argc, argv, &parsed, &err);
    free(argv[0]);
    return e;
}

static int forget(void **state)
{
    (void)state;
    options_free(&parsed);
    return 0;
}

static void defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("mnt"), ERR_OK);
    assert_string_equal(parsed.mountpoint, "mnt");
    assert_int_equal(parsed.ttl_ms, 2000);
    assert_int_equal(parsed.stale_after_ms, 360000);
    assert_int_equal(parsed.service_timeout_ms, 30000);
    assert_true(parsed.cache_dir == NULL && parsed.cache_bytes == 0);
    assert_false(parsed.foreground || parsed.list_dots || parsed.read_only || parsed.has_uid || parsed.no_cache);
}

static void options_of_a_service(void **state)
{
    (void)state;
    assert_int_equal(parse("--cache-dir /c --cache-size 64M --service-timeout 2.5 mnt"), ERR_OK);
    assert_string_equal(parsed.cache_dir, "/c");
    assert_true(parsed.cache_bytes == (uint64_t)64 << 20);
    assert_int_equal(parsed.service_timeout_ms, 2500);
    assert_int_equal(parse("mnt -o cache_dir=/c,cache-size=1G,service_timeout=5"), ERR_OK);
    assert_string_equal(parsed.cache_dir, "/c");
    assert_int_equal(parsed.service_timeout_ms, 5000);
    assert_int_equal(parse("mnt -o no_cache"), ERR_OK);
    assert_true(parsed.no_cache);
}

static void options_of_s3(void **state)
{
    (void)state;
    assert_int_equal(parse("--datastore-root s3://b/p --profile dev --region eu-west-1 --endpoint-url http://h:9 mnt"), ERR_OK);
    assert_string_equal(parsed.datastore_root, "s3://b/p");
    assert_string_equal(parsed.aws_profile, "dev");
    assert_string_equal(parsed.aws_region, "eu-west-1");
    assert_string_equal(parsed.endpoint_url, "http://h:9");
    assert_int_equal(parse("s3://b/p mnt -o path_style,no_sign_request,fetch_memory=64M,max_connections=100"), ERR_OK);
    assert_string_equal(parsed.datastore_root, "s3://b/p");
    assert_true(parsed.path_style && parsed.no_sign_request && !parsed.virtual_host_style);
    assert_true(parsed.fetch_bytes == (uint64_t)64 << 20 && parsed.max_connections == 100);
    assert_int_equal(parse("--path-style --virtual-host-style mnt"), ERR_INVALID);
    assert_int_equal(parse("--max-connections 0 mnt"), ERR_INVALID);
    assert_int_equal(parse("--max-connections 1025 mnt"), ERR_INVALID);
    assert_non_null(strstr(err.cause, "max-connections"));
}

static void long_options(void **state)
{
    (void)state;
    assert_int_equal(parse("--ttl 0.25 --namespace=user:me --staging-size 512M -f mnt --log-level debug"), ERR_OK);
    assert_int_equal(parsed.ttl_ms, 250);
    assert_string_equal(parsed.ns, "user:me");
    assert_true(parsed.staging_bytes == (uint64_t)512 << 20);
    assert_true(parsed.foreground);
    assert_int_equal(parsed.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(parse("-d mnt"), ERR_OK);
    assert_true(parsed.foreground && parsed.log_level == LOG_LEVEL_DEBUG);
    assert_int_equal(parse("-- -odd"), ERR_OK);
    assert_string_equal(parsed.mountpoint, "-odd");
    assert_int_equal(parse("--check"), ERR_OK);
}

static void options_of_fstab(void **state)
{
    (void)state;
    assert_int_equal(parse("none mnt -o rw,_netdev,nofail,noauto,x-systemd.automount,comment=hi,user,exec"), ERR_OK);
    assert_null(parsed.datastore_root);
    assert_int_equal(parse("/data mnt -o allow_other,dots=list,uid=7,gid=8,umask=027,ro,noexec"), ERR_OK);
    assert_string_equal(parsed.datastore_root, "/data");
    assert_true(parsed.allow_other && parsed.list_dots && parsed.read_only);
    assert_true(parsed.has_uid && parsed.uid == 7 && parsed.gid == 8 && parsed.umask == 027);
    assert_true(strv_has(&parsed.mount_flags, "noexec"));
    assert_int_equal(parse("mnt -odatastore_root=/a\\,b,stale-after=1"), ERR_OK);
    assert_string_equal(parsed.datastore_root, "/a,b");
    assert_int_equal(parsed.stale_after_ms, 1000);
}

static void refusals_name_the_option(void **state)
{
    (void)state;
    static const struct {
        const char *line, *cause;
    } cases[] = {
        {"--tll 3 mnt", "unknown option --tll: did you mean --ttl?"},
        {"--frobnicate mnt", "unknown option --frobnicate: metaflowfs --help lists them"},
        {"-x mnt", "unknown option -x"},
        {"mnt -o alow_other", "did you mean -o allow-other?"},
        {"mnt -o ttl", "needs a value"},
        {"mnt -o ro=1", "takes no value"},
        {"mnt --ttl", "needs a value: --ttl SECONDS"},
        {"mnt --ttl -1", "\"-1\" is not a number of seconds"},
        {"mnt --ttl nan", "\"nan\" is not a number of seconds"},
        {"mnt --staging-size 5Q", "is not a number of bytes"},
        {"mnt --staging-size 99999999999T", "is not a number of bytes"},
        {"mnt --umask 888", "octal"},
        {"mnt --uid -1", "\"-1\" is not a number"},
        {"mnt --dots=maybe", "\"maybe\" is not list or hide"},
        {"a b c", "one argument too many"},
        {"-f", "where should it be mounted"},
        {"mnt -o allow_other,allow_root", "exclude each other"},
        {"mnt --no-cache --cache-dir /c", "no-cache excludes"},
        {"mnt --no-cache --cache-size 1G", "no-cache excludes"},
        {"mnt --cache-dir=", "cache-dir"},
        {"mnt --service-timeout 0", "service-timeout"},
        {"mnt --cache-size 0", "is not a number of bytes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(cases[i].line), ERR_INVALID);
        if (strstr(err.cause, cases[i].cause) == NULL) {
            fail_msg("%s: %s", cases[i].line, err.cause);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(defaults, forget),
        cmocka_unit_test_teardown(long_options, forget),
        cmocka_unit_test_teardown(options_of_a_service, forget),
        cmocka_unit_test_teardown(options_of_s3, forget),
        cmocka_unit_test_teardown(options_of_fstab, forget),
        cmocka_unit_test_teardown(refusals_name_the_option, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
