// base/creds.h: who gets which value, who fetches the next, and in which order the sources are asked. (What each source
// is asked and says: test_creds_sources.c.)
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_creds.h"

// The value has to come from `source`.
static uint64_t gets(struct creds *c, const char *source, const char *access_key)
{
    struct creds_value v = {0};
    struct err err = ERR_INIT;
    if (creds_get(c, NULL, &v, &err) != ERR_OK) {
        fail_msg("%s: %s", source, err.cause);
    }
    auto_free char *got = creds_source(c);
    assert_string_equal(got, source);
    assert_string_equal(v.access_key, access_key);
    uint64_t serial = v.serial;
    creds_value_free(&v);
    return serial;
}

static void fails(struct creds *c, errc code, const char *word)
{
    struct creds_value v = {0};
    struct err err = ERR_INIT;
    errc e = creds_get(c, NULL, &v, &err);
    if (e != code || e != err.code || !strstr(err.cause, word) || strstr(err.cause, "S3CR3T")) {
        fail_msg("%s: %s", err_name(e), err.cause);
    }
}

static void once(const char *source, const char *access_key)
{
    struct creds *c = creds_of(NULL);
    gets(c, source, access_key);
    creds_free(c);
}

static void the_environment(void **state)
{
    (void)state;
    struct creds_value v;
    struct err err = ERR_INIT;
    struct creds *c = creds_of(NULL);
    env_set("AWS_ACCESS_KEY_ID", "AKIAS3CR3T");
    fails(c, ERR_DENIED, "no AWS_SECRET_ACCESS_KEY");
    creds_free(c);
    c = creds_of(NULL);
    env_set("AWS_SECRET_ACCESS_KEY", "S3CR3TKEY\r");
    fails(c, ERR_DENIED, "line ends");
    creds_free(c);
    c = creds_of(NULL);
    env_set("AWS_SECRET_ACCESS_KEY", "S3CR3TKEY");
    env_set("AWS_SESSION_TOKEN", "S3CR3TTOKEN");
    assert_int_equal(creds_get(c, NULL, &v, &err), ERR_OK);
    assert_string_equal(v.secret_key, "S3CR3TKEY");
    assert_string_equal(v.token, "S3CR3TTOKEN");
    assert_int_equal(v.expires_ms, -1);
    assert_int_equal(v.serial, 1);
    creds_value_free(&v);
    creds_rejected(c, 1);
    env_set("AWS_ACCESS_KEY_ID", "AKIAOTHER"); // an environment does not change: what was read stays
    assert_int_equal(gets(c, "environment", "AKIAS3CR3T"), 1);
    struct creds_stats stats;
    creds_stats(c, &stats);
    assert_int_equal(stats.refreshes, 1);
    assert_int_equal(stats.rejected, 1);
    creds_free(c);
}

static void the_order_of_sources(void **state)
{
    (void)state;
    env_set_url("AWS_ENDPOINT_URL", "");
    env_set("AWS_ACCESS_KEY_ID", "ENVS3CR3T");
    env_set("AWS_SECRET_ACCESS_KEY", "S3CR3TKEY");
    put_file("token", "S3CR3TWEBTOKEN\n");
    auto_free char *token = mem_printf("%s/token", tempdir);
    env_set("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    env_set("AWS_ROLE_ARN", "arn:web");
    env_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    env_set_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/imds/");
    put_file("process.sh", "echo '{\"Version\": 1, \"AccessKeyId\": \"PROCESS\", \"SecretAccessKey\": \"S3CR3TKEY\"}'\n");
    static const char keys[] = "aws_access_key_id = %s\naws_secret_access_key = S3CR3TKEY\n";
    auto_free char *process = mem_printf("credential_process = sh '%s/process.sh'\n", tempdir);
    auto_free char *of_config = mem_printf(keys, "CONFIG");
    auto_free char *config = mem_printf("[default]\nrole_arn = arn:role\nsource_profile = base\n%s%s[profile base]\n%s",
                                        process, of_config, of_config);
    auto_free char *shared = mem_printf(keys, "SHARED"), *credentials = mem_printf("[default]\n%s", shared);
    put_file(".aws/config", config);
    put_file(".aws/credentials", credentials);
    reply_with((struct reply){.prefix = "GET /container", .status = 200, .body = document(2, 60)});
    reply_with((struct reply){.prefix = "PUT /imds/latest/api/token", .status = 200, .body = "S3CR3TIMDSTOKEN"});
    reply_with((struct reply){.prefix = "GET /imds/latest/meta-data/iam/security-credentials/web ", .status = 200,
                              .body = document(3, 60)});
    reply_with((struct reply){.prefix = "GET /imds/latest/meta-data/iam/security-credentials/ ", .status = 200,
                              .body = "web"});
    reply_with((struct reply){.prefix = "POST", .status = 200, .times = 1, .body = sts_answer("AssumeRole", 0, 60)});
    reply_with((struct reply){.prefix = "POST", .status = 200,
                              .body = sts_answer("AssumeRoleWithWebIdentity", 1, 60)});
    once("environment", "ENVS3CR3T");
    env_set("AWS_ACCESS_KEY_ID", NULL);
    once("profile default (role arn:role)", "ASIAS3CR3T0");
    auto_free char *no_role = mem_printf("[default]\n%s%s", process, of_config);
    put_file(".aws/config", no_role);
    once("web identity (role arn:web)", "ASIAS3CR3T1");
    env_set("AWS_WEB_IDENTITY_TOKEN_FILE", NULL);
    once("keys of profile default in the credentials file", "SHARED");
    put_file(".aws/credentials", "");
    once("credential_process of profile default", "PROCESS");
    auto_free char *no_process = mem_printf("[default]\n%s", of_config);
    put_file(".aws/config", no_process);
    once("keys of profile default in the config file", "CONFIG");
    put_file(".aws/config", "");
    env_set("AWS_EC2_METADATA_DISABLED", "false");
    once("container", "ASIAS3CR3T2");
    env_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);
    once("instance role web", "ASIAS3CR3T3");
}

static void a_profile_that_is_named(void **state)
{
    (void)state;
    env_set("AWS_ACCESS_KEY_ID", "ENVS3CR3T");
    env_set("AWS_SECRET_ACCESS_KEY", "S3CR3TKEY");
    put_file(".aws/credentials", "[dev]\naws_access_key_id = DEV\naws_secret_access_key = S3CR3TKEY\n"
                                 "[half]\naws_access_key_id = HALF\n");
    put_file(".aws/config", "[profile dev]\nregion = eu-north-1\n[default]\nregion = eu-south-1\n");
    struct creds *c = creds_of("dev");
    gets(c, "keys of profile dev in the credentials file", "DEV");
    creds_free(c);
    c = creds_of("half");
    fails(c, ERR_DENIED, "no aws_secret_access_key in the credentials file");
    creds_free(c);
    c = creds_of("nobody");
    fails(c, ERR_DENIED, "profile nobody is in neither");
    creds_free(c);
    auto_free char *of_profile = creds_region(env_of, "dev");
    assert_string_equal(of_profile, "eu-north-1");
    env_set("AWS_PROFILE", "dev");
    once("environment", "ENVS3CR3T"); // named by the environment, its keys still go first
    env_set("AWS_ACCESS_KEY_ID", NULL);
    once("keys of profile dev in the credentials file", "DEV");
    env_set("AWS_DEFAULT_REGION", "one");
    auto_free char *by_default = creds_region(env_of, NULL);
    assert_string_equal(by_default, "one");
    env_set("AWS_REGION", "two");
    auto_free char *by_env = creds_region(env_of, "dev");
    assert_string_equal(by_env, "two");
    env_set("AWS_REGION", NULL);
    env_set("AWS_DEFAULT_REGION", NULL);
    env_set("AWS_PROFILE", "nobody");
    assert_null(creds_region(env_of, NULL));
}

static void nothing_at_all(void **state)
{
    (void)state;
    struct creds *c = creds_of(NULL);
    auto_free char *source = creds_source(c);
    assert_string_equal(source, "");
    static const char *const words[] = {"AWS_ACCESS_KEY_ID", "role_arn", "credential_process", "SSO", "web identity",
                                        "AWS_CONTAINER_CREDENTIALS", "AWS_EC2_METADATA_DISABLED"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        fails(c, ERR_DENIED, words[i]);
    }
    creds_free(c);
    creds_free(NULL);
    put_file(".aws/config", "[default]\nS3CR3T\n");
    c = creds_of(NULL);
    fails(c, ERR_DENIED, "config, line 2");
    creds_free(c);
}

// --- keeping and refreshing ---------------------------------------------------------------------------------------

static struct creds *container(void)
{
    env_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    return creds_of(NULL);
}

static void serve(int n, int minutes, int status, int delay_ms)
{
    reply_reset();
    reply_with((struct reply){.prefix = "GET /container", .status = status, .body = document(n, minutes),
                              .delay_ms = delay_ms});
}

static void move_clock(int minutes)
{
    atomic_fetch_add(&wall_now, minutes * 60000LL);
}

struct getter {
    struct creds *c;
    struct cancel cancel;
    errc code;
    struct err err;
    char key[40];
    int64_t took_ms;
    pthread_t thread;
};

static void *get_one(void *arg)
{
    struct getter *g = arg;
    struct creds_value v = {0};
    int64_t begin = clock_mono_ms();
    g->code = creds_get(g->c, &g->cancel, &v, &g->err);
    snprintf(g->key, sizeof g->key, "%s", v.access_key ? v.access_key : "");
    creds_value_free(&v);
    g->took_ms = clock_mono_ms() - begin;
    return NULL;
}

// Threads are waited for before anything is asserted: none outlives what it works on.
static void begin_get(struct getter *g, struct creds *c)
{
    *g = (struct getter){.c = c};
    assert_int_equal(pthread_create(&g->thread, NULL, get_one, g), 0);
}

static void until_asked(int n)
{
    for (int i = 0; i < 1000 && atomic_load(&fake.asked) < n; i++) {
        loopback_pause(10);
    }
}

static void many_ask_and_one_is_sent(void **state)
{
    (void)state;
    enum { N = 20 };
    struct getter g[N];
    struct creds *c = container();
    serve(1, 60, 200, 200);
    for (int i = 0; i < N; i++) {
        begin_get(&g[i], c);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(g[i].thread, NULL);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(g[i].code, ERR_OK);
        assert_string_equal(g[i].key, "ASIAS3CR3T1");
    }
    assert_int_equal(atomic_load(&fake.asked), 1);
    creds_free(c);
    // A failure is that of all who wait, and of who comes at once; later it is tried again.
    c = container();
    serve(1, 60, 403, 200);
    for (int i = 0; i < N; i++) {
        begin_get(&g[i], c);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(g[i].thread, NULL);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(g[i].code, ERR_DENIED);
    }
    fails(c, ERR_DENIED, "answered 403");
    assert_int_equal(atomic_load(&fake.asked), 1);
    serve(1, 60, 200, 0);
    loopback_pause(1100);
    gets(c, "container", "ASIAS3CR3T1");
    creds_free(c);
}

static void one_refreshes_ahead_and_the_others_go_on(void **state)
{
    (void)state;
    struct creds *c = container();
    struct getter first, second;
    serve(1, 60, 200, 0);
    gets(c, "container", "ASIAS3CR3T1");
    move_clock(44);
    gets(c, "container", "ASIAS3CR3T1");
    assert_int_equal(atomic_load(&fake.asked), 1);
    serve(2, 60, 200, 1000);
    move_clock(2);
    begin_get(&first, c);
    until_asked(1);
    begin_get(&second, c);
    pthread_join(second.thread, NULL);
    pthread_join(first.thread, NULL);
    assert_string_equal(second.key, "ASIAS3CR3T1");
    assert_true(second.took_ms < 700);
    assert_string_equal(first.key, "ASIAS3CR3T2");
    assert_int_equal(gets(c, "container", "ASIAS3CR3T2"), 2);
    assert_int_equal(atomic_load(&fake.asked), 1);
    creds_free(c);
}

static void near_the_end_all_wait(void **state)
{
    (void)state;
    struct creds *c = container();
    struct getter first, second;
    serve(1, 60, 200, 0);
    gets(c, "container", "ASIAS3CR3T1");
    serve(2, 60, 200, 500);
    move_clock(56);
    begin_get(&first, c);
    until_asked(1);
    begin_get(&second, c);
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    assert_string_equal(first.key, "ASIAS3CR3T2");
    assert_string_equal(second.key, "ASIAS3CR3T2");
    assert_int_equal(atomic_load(&fake.asked), 1);
    creds_free(c);
}

static void a_short_life_is_not_refreshed_all_the_time(void **state)
{
    (void)state;
    struct creds *c = container();
    serve(1, 12, 200, 0);
    for (int i = 0; i < 3; i++) {
        gets(c, "container", "ASIAS3CR3T1");
    }
    assert_int_equal(atomic_load(&fake.asked), 1);
    move_clock(5);
    gets(c, "container", "ASIAS3CR3T1");
    assert_int_equal(atomic_load(&fake.asked), 1);
    move_clock(2);
    serve(2, 12, 200, 0);
    gets(c, "container", "ASIAS3CR3T2");
    creds_free(c);
}

static void what_holds_goes_on_when_a_refresh_fails(void **state)
{
    (void)state;
    struct creds *c = container();
    struct creds_stats stats;
    serve(1, 60, 200, 0);
    uint64_t serial = gets(c, "container", "ASIAS3CR3T1");
    serve(2, 60, 403, 0);
    move_clock(50);
    assert_int_equal(gets(c, "container", "ASIAS3CR3T1"), serial);
    assert_int_equal(gets(c, "container", "ASIAS3CR3T1"), serial);
    assert_int_equal(atomic_load(&fake.asked), 1); // and not at each request
    move_clock(8);
    assert_int_equal(gets(c, "container", "ASIAS3CR3T1"), serial);
    creds_stats(c, &stats);
    assert_int_equal(stats.failures, 1);
    loopback_pause(1100);
    move_clock(2);
    fails(c, ERR_DENIED, "answered 403"); // now it has expired
    serve(2, 60, 200, 0);
    loopback_pause(1100);
    assert_int_equal(gets(c, "container", "ASIAS3CR3T2"), serial + 1);
    creds_free(c);
}

static void what_is_rejected_is_looked_for_again(void **state)
{
    (void)state;
    static const char *const name = "keys of profile default in the credentials file";
    put_file(".aws/credentials", "[default]\naws_access_key_id = OLD\naws_secret_access_key = S3CR3TKEY\n");
    struct creds *c = creds_of(NULL);
    struct creds_stats stats;
    uint64_t first = gets(c, name, "OLD");
    creds_rejected(c, first);
    assert_int_equal(gets(c, name, "OLD"), first); // the files say the same: the serial too
    put_file(".aws/credentials", "[default]\naws_access_key_id = NEW\naws_secret_access_key = S3CR3TKEY\n");
    creds_rejected(c, first); // too soon after that
    assert_int_equal(gets(c, name, "OLD"), first);
    creds_free(c);
    c = creds_of(NULL);
    first = gets(c, name, "NEW");
    put_file(".aws/credentials", "[default]\naws_access_key_id = ROTATED\naws_secret_access_key = S3CR3TKEY\n");
    assert_int_equal(gets(c, name, "NEW"), first);
    creds_rejected(c, first + 7); // some other value
    assert_int_equal(gets(c, name, "NEW"), first);
    creds_rejected(c, first);
    creds_rejected(c, first); // by another request, at the same time
    uint64_t second = gets(c, name, "ROTATED");
    assert_int_equal(second, first + 1);
    creds_rejected(c, first); // late news of the old one
    assert_int_equal(gets(c, name, "ROTATED"), second);
    creds_stats(c, &stats);
    assert_int_equal(stats.refreshes, 2);
    assert_int_equal(stats.rejected, 2);
    put_file(".aws/credentials", "");
    creds_rejected(c, second);
    fails(c, ERR_DENIED, "there are no AWS credentials"); // what was refused is not given again
    creds_free(c);
}

// Tells g to leave; how long that took. (100 ms is what is promised; a busy machine may add to it.)
static int64_t leaves_after(struct getter *g)
{
    int64_t before = clock_mono_ms();
    atomic_store(&g->cancel.set, true);
    pthread_join(g->thread, NULL);
    return clock_mono_ms() - before;
}

static void a_caller_can_leave_at_any_time(void **state)
{
    (void)state;
    struct creds *c = container();
    struct getter first, second;
    serve(1, 60, 200, 0);
    reply_reset();
    reply_with((struct reply){.prefix = "GET /container", .status = 200, .body = document(1, 60), .delay_ms = 1000,
                              .times = 1});
    reply_with((struct reply){.prefix = "GET /container", .status = 200, .body = document(2, 60)});
    begin_get(&first, c);
    until_asked(1);
    begin_get(&second, c); // waits for the first, and does it itself when that one leaves
    loopback_pause(150);
    int64_t took = leaves_after(&first);
    pthread_join(second.thread, NULL);
    assert_true(took < 700);
    assert_int_equal(first.code, ERR_INTERRUPTED);
    assert_int_equal(second.code, ERR_OK);
    assert_string_equal(second.key, "ASIAS3CR3T2");
    creds_free(c);
    // One that waits for another leaves too.
    c = container();
    serve(3, 60, 200, 1000);
    begin_get(&first, c);
    until_asked(1);
    begin_get(&second, c);
    loopback_pause(100);
    took = leaves_after(&second);
    pthread_join(first.thread, NULL);
    assert_true(took < 700);
    assert_int_equal(second.code, ERR_INTERRUPTED);
    assert_int_equal(first.code, ERR_OK);
    struct cancel late = {.deadline_ms = 1};
    struct creds_value v;
    struct err err = ERR_INIT;
    assert_int_equal(creds_get(c, &late, &v, &err), ERR_TIMEOUT);
    creds_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_environment, each_setup),
        cmocka_unit_test_setup(the_order_of_sources, each_setup),
        cmocka_unit_test_setup(a_profile_that_is_named, each_setup),
        cmocka_unit_test_setup(nothing_at_all, each_setup),
        cmocka_unit_test_setup(many_ask_and_one_is_sent, each_setup),
        cmocka_unit_test_setup(one_refreshes_ahead_and_the_others_go_on, each_setup),
        cmocka_unit_test_setup(near_the_end_all_wait, each_setup),
        cmocka_unit_test_setup(a_short_life_is_not_refreshed_all_the_time, each_setup),
        cmocka_unit_test_setup(what_holds_goes_on_when_a_refresh_fails, each_setup),
        cmocka_unit_test_setup(what_is_rejected_is_looked_for_again, each_setup),
        cmocka_unit_test_setup(a_caller_can_leave_at_any_time, each_setup),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
