// The endpoints next to us and SSO, as sources of base/creds.h; and what all sources share: URLs, times, masked causes.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/creds_i.h"
#include "base/file.h"
#include "base/hash.h"
#include "fake_creds.h"
#include "fake_creds_asserts.h"

static void the_container(void **state)
{
    (void)state;
    env_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/v2/creds?id=a%20b");
    answer("GET /v2/creds?id=a%20b ", 200, document(1, 60));
    gets("container", "ASIAS3CR3T1");
    not_asked("Authorization");
    env_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic S3CR3T");
    gets("container", "ASIAS3CR3T1");
    asked("Authorization: Basic S3CR3T\r\n");
    put_file("token", "S3CR3T-FILE-1\n");
    auto_free char *path = in_tempdir("@/token");
    env_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    gets("container", "ASIAS3CR3T1");
    asked("Authorization: S3CR3T-FILE-1\r\n");
    put_file("token", "S3CR3T-FILE-2");
    gets("container", "ASIAS3CR3T1");
    asked("Authorization: S3CR3T-FILE-2\r\n");
    put_file("token", "S3CR3T\r\nX-Other: 1");
    fails(ERR_DENIED, "line ends");
    env_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/token");
    fails(ERR_DENIED, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: cannot open /nowhere/token");
}

static void the_container_is_asked_again(void **state)
{
    (void)state;
    env_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/c");
    reply_with((struct reply){.prefix = "GET", .status = 500, .body = "no", .times = 2});
    answer("GET", 200, document(1, 60));
    gets("container", "ASIAS3CR3T1");
    assert_int_equal(atomic_load(&fake.asked), 3);
    reply_reset();
    answer("GET", 500, "S3CR3T");
    fails(ERR_IO, "answered 500");
    assert_int_equal(atomic_load(&fake.asked), 3);
    reply_reset();
    answer("GET", 404, "S3CR3T");
    fails(ERR_DENIED, "answered 404");
    assert_int_equal(atomic_load(&fake.asked), 1);
    env_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/c");
    fails(ERR_UNREACHABLE, "the container's endpoint: no connection");
}

static void answers_of_the_container_that_are_none(void **state)
{
    (void)state;
    static const char *const bodies[][2] = {
        {"", "not JSON"},
        {"S3CR3T", "not JSON"},
        {"{\"AccessKeyId\": \"S3CR3T", "not JSON"},
        {"[]", "without AccessKeyId"},
        {"null", "without AccessKeyId"},
        {"{\"AccessKeyId\": \"S3CR3T\"}", "without SecretAccessKey"},
        {"{\"AccessKeyId\": \"S3CR3T\", \"SecretAccessKey\": {\"a\": \"S3CR3T\"}}", "without SecretAccessKey"},
        {"{\"AccessKeyId\": \"S3CR3T\", \"SecretAccessKey\": \"S3CR3T\"}", "without Token"},
        {"{\"AccessKeyId\": \"S3CR3T\", \"SecretAccessKey\": \"S3CR3T\", \"Token\": \"S3CR3T\"}", "without Expiration"},
        {"{\"AccessKeyId\": \"S3CR3T\", \"SecretAccessKey\": \"S3CR3T\", \"Token\": \"S3CR3T\", \"Expiration\": "
         "\"S3CR3T\"}", "no time"},
        {"{\"AccessKeyId\": \"S3CR\\u00003T\", \"SecretAccessKey\": \"S3CR3T\"}", "without AccessKeyId"},
    };
    env_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/c");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        reply_reset();
        answer("GET", 200, bodies[i][0]);
        fails(ERR_IO, bodies[i][1]);
    }
    reply_reset();
    reply_with((struct reply){.prefix = "GET", .status = 200, .body = "{", .filler = 10 << 20});
    fails(ERR_LIMIT, "longer than");
    reply_reset();
    answer("GET", 200, "{\"AccessKeyId\": \"A\\r\\nX: y\", \"SecretAccessKey\": \"S3CR3T\", \"Token\": \"S3CR3T\", "
                       "\"Expiration\": \"2027-01-16T00:00:00Z\"}");
    fails(ERR_DENIED, "no key has");
}

static void where_a_container_may_be_asked(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *url; // NULL: refused
    } cases[] = {
        {"RELATIVE", "/v2/x?y", "http://169.254.170.2/v2/x?y"},
        {"RELATIVE", "@evil.com/", NULL},
        {"RELATIVE", "x", NULL},
        {"FULL", "https://evil.com/x", "https://evil.com/x"},
        {"FULL", "http://evil.com/x", NULL},
        {"FULL", "http://127.0.0.1.evil.com/x", NULL},
        {"FULL", "http://127.0.0.1@evil.com/x", NULL},
        {"FULL", "http://evil.com#@127.0.0.1/x", NULL},
        {"FULL", "http://127.0.0.1/x#y", NULL},
        {"FULL", "http://evil.com\\@127.0.0.1/x", NULL},
        {"FULL", "http://evil.com?@127.0.0.1/x", NULL},
        {"FULL", "http://127.1.2.3/x", "http://127.1.2.3/x"},
        {"FULL", "HTTP://LocalHost:80", "HTTP://LocalHost:80"},
        {"FULL", "http://169.254.170.2:90/x", "http://169.254.170.2:90/x"},
        {"FULL", "http://169.254.170.23/x", "http://169.254.170.23/x"},
        {"FULL", "http://169.254.169.254/x", NULL},
        {"FULL", "http://[fd00:ec2::23]/x", "http://[fd00:ec2::23]/x"},
        {"FULL", "http://[fd00:ec2:0::23]:8080/x", "http://[fd00:ec2:0::23]:8080/x"},
        {"FULL", "http://[::1]/x", "http://[::1]/x"},
        {"FULL", "http://[fd00:ec2::24]/x", NULL},
        {"FULL", "http://[::1", NULL},
        {"FULL", "http://[::1]x/", NULL},
        {"FULL", "http://127.0.0.1:x/", NULL},
        {"FULL", "http://", NULL},
        {"FULL", "file:///etc/passwd", NULL},
        {"FULL", "http://127.0.0.1/a b", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        auto_free char *url = NULL;
        auto_free char *name = mem_printf("AWS_CONTAINER_CREDENTIALS_%s_URI", cases[i].name);
        env_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);
        env_set(name, cases[i].value);
        errc e = creds_container_url(env_of, &url, &err);
        if (e != (cases[i].url ? ERR_OK : ERR_DENIED) || (url && strcmp(url, cases[i].url) != 0)) {
            fail_msg("%s: %s %s", cases[i].value, url ? url : "", err.cause);
        }
        env_set(name, NULL);
    }
}

static void parts_of_urls(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"https://sts.x.com", "sts.x.com", "sts.x.com", "/"},
        {"https://sts.x.com:443/", "sts.x.com", "sts.x.com", "/"},
        {"https://Sts.X.com:8443/a?b=c", "sts.x.com:8443", "Sts.X.com", "/a?b=c"},
        {"http://h:80?q", "h", "h", "/?q"},
        {"http://h:443/", "h:443", "h", "/"},
        {"http://[::1]:9000/x", "[::1]:9000", "::1", "/x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct url_parts u;
        assert_true(url_split(cases[i][0], &u));
        assert_string_equal(u.host, cases[i][1]);
        assert_string_equal(u.name, cases[i][2]);
        assert_string_equal(u.path, cases[i][3]);
        url_parts_free(&u);
    }
}

// --- the instance -----------------------------------------------------------------------------------------------

#define LIST "GET /latest/meta-data/iam/security-credentials/"

static void instance_on(void)
{
    env_set("AWS_EC2_METADATA_DISABLED", "");
    env_set_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
}

static void the_instance(void **state)
{
    (void)state;
    instance_on();
    answer("PUT /latest/api/token ", 200, "S3CR3TIMDS==");
    answer(LIST " ", 200, "my role\n");
    answer(LIST "my%20role ", 200, document(1, 60));
    gets("instance role my role", "ASIAS3CR3T1");
    asked("X-aws-ec2-metadata-token: S3CR3TIMDS==\r\n");
    assert_int_equal(atomic_load(&fake.asked), 3);
    // What has expired and is still served is used on.
    reply_reset();
    answer("PUT /latest/api/token ", 200, "S3CR3TIMDS==");
    answer(LIST " ", 200, "r");
    answer(LIST "r ", 200, document(2, -60));
    gets("instance role r", "ASIAS3CR3T2");
    env_set("AWS_EC2_METADATA_DISABLED", "True");
    reply_reset();
    fails(ERR_DENIED, "switched off");
    assert_int_equal(atomic_load(&fake.asked), 0);
}

static void an_instance_without_credentials(void **state)
{
    (void)state;
    instance_on();
    answer("PUT", 403, "");
    fails(ERR_DENIED, "metadata answered 403");
    asked("X-aws-ec2-metadata-token-ttl-seconds: 21600");
    assert_int_equal(atomic_load(&fake.asked), 1); // once, and no second way without a token
    reply_reset();
    answer("PUT", 200, "S3CR3TIMDS");
    answer(LIST " ", 404, "");
    fails(ERR_DENIED, "metadata answered 404");
    reply_reset();
    answer("PUT", 200, "S3CR3TIMDS");
    answer(LIST " ", 200, "r");
    answer(LIST "r ", 200, "{\"Code\": \"AssumeRoleUnauthorizedAccess\", \"Message\": \"x\"}");
    fails(ERR_DENIED, "role r: code AssumeRoleUnauthorizedAccess");
    reply_reset();
    answer("PUT", 200, "S3CR3TIMDS");
    answer(LIST " ", 200, "r");
    answer(LIST "r ", 200, "{\"Code\": \"Success\", \"AccessKeyId\": [\"S3CR3T\"]}");
    fails(ERR_IO, "without AccessKeyId");
    reply_reset();
    answer("PUT", 200, "S3CR3T\r\nX: y");
    answer(LIST " ", 200, "\r\n/../../etc");
    fails(ERR_DENIED, "names no role");
    reply_reset();
    reply_with((struct reply){.prefix = "PUT", .status = 200, .body = "S3CR3T", .filler = 10 << 20});
    fails(ERR_DENIED, "longer than");
    reply_reset();
    reply_with((struct reply){.prefix = "PUT", .status = 200, .body = "S3CR3T", .delay_ms = 6000});
    int64_t begin = clock_mono_ms();
    fails(ERR_DENIED, "1000 ms");
    assert_true(clock_mono_ms() - begin < 4000);
    env_set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "imds");
    fails(ERR_DENIED, "is no URL");
}

static void never_through_a_proxy(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    env_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/c");
    answer("GET /c ", 200, document(1, 60));
    gets("container", "ASIAS3CR3T1");
    env_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);
    instance_on();
    answer("PUT /latest/api/token ", 200, "S3CR3TIMDS==");
    answer(LIST " ", 200, "r");
    answer(LIST "r ", 200, document(2, 60));
    gets("instance role r", "ASIAS3CR3T2");
    unsetenv("http_proxy");
}

// --- SSO --------------------------------------------------------------------------------------------------------

static void put_login(const char *key, const char *expires)
{
    char hex[41];
    sha1_hex_of(key, strlen(key), hex);
    auto_free char *name = mem_printf(".aws/sso/cache/%s.json", hex);
    auto_free char *text = mem_printf("{\"accessToken\": \"S3CR3TLOGIN\", \"expiresAt\": \"%s\"}", expires);
    put_file(name, text);
}

#define SESSION "[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
#define PROFILE "[default]\nsso_account_id = 123456789012\nsso_role_name = Read&Only\n"

static void sso(void **state)
{
    (void)state;
    env_set_url("AWS_ENDPOINT_URL_SSO", "");
    auto_free char *body = mem_printf("{\"roleCredentials\": {\"accessKeyId\": \"ASIAS3CR3T\", \"secretAccessKey\": "
                                      "\"S3CR3TKEY\", \"sessionToken\": \"S3CR3TTOKEN\", \"expiration\": %lld}}",
                                      (long long)clock_wall_ms() + 3600000);
    answer("GET /federation/credentials?role_name=Read%26Only&account_id=123456789012 ", 200, body);
    config(PROFILE "sso_session = corp\n" SESSION);
    fails(ERR_DENIED, "there is no token of a login; run `aws sso login --profile default`");
    put_login("corp", "2027-01-15T07:59:59Z");
    fails(ERR_DENIED, "its login has expired; run `aws sso login --profile default`");
    put_login("corp", "2027-01-15T09:00:00UTC");
    gets("SSO of profile default (role Read&Only)", "ASIAS3CR3T");
    asked("x-amz-sso_bearer_token: S3CR3TLOGIN\r\n");
    config(PROFILE "sso_start_url = https://y\nsso_region = eu-west-1\n");
    put_login("https://y", "2027-01-15T09:00:00Z");
    gets("SSO of profile default (role Read&Only)", "ASIAS3CR3T");
    reply_reset();
    answer("GET", 401, "S3CR3T");
    fails(ERR_DENIED, "no longer valid; run");
    reply_reset();
    answer("GET", 403, "S3CR3TLOGIN");
    fails(ERR_DENIED, "SSO answered 403 for role Read&Only in account 123456789012");
    static const char wrong[] = "{\"roleCredentials\": {\"accessKeyId\": \"S3CR3T\", \"secretAccessKey\": \"S3CR3T\", "
                                "\"sessionToken\": \"S3CR3T\", \"expiration\": \"S3CR3T\"}}";
    static const char *const bodies[] = {"", "[]", "{\"roleCredentials\": \"S3CR3T\"}", wrong};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        reply_reset();
        answer("GET", 200, bodies[i]);
        fails(ERR_IO, "SSO gave");
    }
}

static void sso_settings(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {PROFILE "sso_session = nobody\n", "sso_session nobody, which is not in the config file"},
        {PROFILE, "lacks sso_start_url"},
        {PROFILE "sso_start_url = x\n", "lacks sso_region"},
        {PROFILE "sso_start_url = x\nsso_region = evil.com/\n", "is no AWS region"},
        {"[default]\nsso_role_name = x\n", "lacks sso_account_id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config(cases[i][0]);
        fails(ERR_DENIED, cases[i][1]);
    }
    put_login("corp", "soon");
    config(PROFILE "sso_session = corp\n" SESSION);
    fails(ERR_DENIED, "there is no token");
}

static void put_renewable(const char *expires, const char *until)
{
    char hex[41];
    sha1_hex_of("corp", 4, hex);
    auto_free char *name = mem_printf(".aws/sso/cache/%s.json", hex);
    auto_free char *text = mem_printf(
        "{\"accessToken\": \"S3CR3TOLD\", \"expiresAt\": \"%s\", \"refreshToken\": \"S3CR3T\\\"RENEW\", \"clientId\": "
        "\"client\", \"clientSecret\": \"S3CR3TCLIENT\", \"registrationExpiresAt\": \"%s\"}", expires, until);
    put_file(name, text);
}

// The login's file as it is now; owned.
static char *login_file(void)
{
    char hex[41];
    struct err err = ERR_INIT;
    struct buf text = {0};
    sha1_hex_of("corp", 4, hex);
    auto_free char *path = mem_printf("%s/.aws/sso/cache/%s.json", tempdir, hex);
    assert_int_equal(file_read(path, 10000, &text, &err), ERR_OK);
    return buf_steal(&text);
}

#define SSO_KEYS "{\"roleCredentials\": {\"accessKeyId\": \"ASIAS3CR3T\", \"secretAccessKey\": \"S3CR3TKEY\", " \
                 "\"sessionToken\": \"S3CR3TTOKEN\", \"expiration\": 1800003600000}}"
#define RENEWED "{\"accessToken\": \"S3CR3TNEW\", \"expiresIn\": 28800, \"refreshToken\": \"S3CR3TNEXT\", \"tokenType\": \"B\"}"

static void renewal_is_answered(int status, const char *body)
{
    reply_reset();
    answer("POST /token ", status, body);
    answer("GET /federation/credentials?", 200, SSO_KEYS);
}

static void sso_is_renewed(void **state)
{
    static const char *const due[] = {"2027-01-15T07:00:00Z", "2027-01-15T08:14:59Z"}; // it is 08:00
    (void)state;
    env_set_url("AWS_ENDPOINT_URL_SSO", "");
    env_set_url("AWS_ENDPOINT_URL_SSO_OIDC", "/");
    config(PROFILE "sso_session = corp\n" SESSION);
    for (size_t i = 0; i < sizeof due / sizeof *due; i++) {
        put_renewable(due[i], "2027-02-01T00:00:00Z");
        renewal_is_answered(200, RENEWED);
        gets("SSO of profile default (role Read&Only)", "ASIAS3CR3T");
        assert_int_equal(atomic_load(&fake.asked), 2);
        asked("x-amz-sso_bearer_token: S3CR3TNEW\r\n");
        auto_free char *text = login_file();
        assert_non_null(strstr(text, "\"S3CR3TNEXT\""));
        assert_non_null(strstr(text, "\"2027-01-15T16:00:00Z\""));
        assert_non_null(strstr(text, "\"https://x.awsapps.com/start\""));
    }
    renewal_is_answered(500, ""); // what was written back is good for hours
    gets("SSO of profile default (role Read&Only)", "ASIAS3CR3T");
    assert_int_equal(atomic_load(&fake.asked), 1);
}

static void sso_is_not_renewed(void **state)
{
    (void)state;
    env_set_url("AWS_ENDPOINT_URL_SSO", "");
    env_set_url("AWS_ENDPOINT_URL_SSO_OIDC", "");
    config(PROFILE "sso_session = corp\n" SESSION);
    // Long before its end, and where the registration of the program that logged in has ended, nobody is asked.
    put_renewable("2027-01-15T08:16:00Z", "2027-02-01T00:00:00Z");
    renewal_is_answered(200, RENEWED);
    gets("SSO of profile default (role Read&Only)", "ASIAS3CR3T");
    asked("S3CR3TOLD");
    put_renewable("2027-01-15T07:00:00Z", "2027-01-15T07:59:59Z");
    renewal_is_answered(200, RENEWED);
    fails(ERR_DENIED, "its login has expired; run `aws sso login --profile default`");
    assert_int_equal(atomic_load(&fake.asked), 0);
    // A token that still holds is used on; one that does not is not.
    static const char *const bad[] = {"", "{}", "{\"accessToken\": \"S3CR3T\"}",
                                      "{\"accessToken\": \"S3CR3T\", \"expiresIn\": 0}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_renewable("2027-01-15T08:05:00Z", "2027-02-01T00:00:00Z");
        renewal_is_answered(200, bad[i]);
        gets("SSO of profile default (role Read&Only)", "ASIAS3CR3T");
        asked("S3CR3TOLD");
        put_renewable("2027-01-15T07:00:00Z", "2027-02-01T00:00:00Z");
        fails(ERR_IO, "the expired SSO login of profile default cannot be renewed: SSO OIDC gave");
    }
    renewal_is_answered(400, "{\"error\": \"invalid_grant\", \"error_description\": \"S3CR3TOLD\"}");
    fails(ERR_DENIED, "expired and cannot be renewed (SSO OIDC answered 400 invalid_grant); run `aws sso login");
    env_set("AWS_ENDPOINT_URL_SSO_OIDC", "http://127.0.0.1:1");
    fails(ERR_UNREACHABLE, "SSO OIDC: no connection");
    auto_free char *text = login_file();
    assert_non_null(strstr(text, "S3CR3TOLD"));
}

// No file may grow: the new one cannot be written, by root neither.
static void sso_is_renewed_without_a_place(void **state)
{
    (void)state;
    struct rlimit before;
    env_set_url("AWS_ENDPOINT_URL_SSO", "");
    env_set_url("AWS_ENDPOINT_URL_SSO_OIDC", "");
    config(PROFILE "sso_session = corp\n" SESSION);
    put_renewable("2027-01-15T07:00:00Z", "2027-02-01T00:00:00Z");
    renewal_is_answered(200, RENEWED);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, before.rlim_max}), 0);
    gets("SSO of profile default (role Read&Only)", "ASIAS3CR3T");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    asked("S3CR3TNEW");
    auto_free char *text = login_file();
    assert_non_null(strstr(text, "S3CR3TOLD"));
}

// `aws login`: refused where botocore would use it; what goes before it there does here.
static void login_sessions(void **state)
{
    (void)state;
    config("[default]\nlogin_session = arn:aws:sts::1:x\ncredential_process = false\n");
    env_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/c");
    answer("GET /c ", 200, document(1, 60));
    fails(ERR_DENIED, "profile default has a login_session (of `aws login`), which is not read here; give");
    put_file(".aws/credentials", "[default]\naws_access_key_id = ASIAS3CR3T2\naws_secret_access_key = S3CR3T\n");
    gets("keys of profile default in the credentials file", "ASIAS3CR3T2");
    put_file(".aws/credentials", "");
    env_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);
    config("");
    fails(ERR_DENIED, "no login_session");
}

// --- shared --------------------------------------------------------------------------------------------------------

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; // -1: none
    } cases[] = {
        {"2027-01-15T08:00:00Z", 1800000000000},
        {"2027-01-15T08:00:00", 1800000000000},
        {"2027-01-15 08:00:00Z", 1800000000000},
        {"2027-01-15T08:00:00UTC", 1800000000000},
        {"2027-01-15T08:00:00.5Z", 1800000000500},
        {"2027-01-15T08:00:00.123456789Z", 1800000000123},
        {"2027-01-15T09:30:00+01:30", 1800000000000},
        {"2027-01-15T03:00:00.250-0500", 1800000000250},
        {"", -1},
        {"soon", -1},
        {"2027-01-15", -1},
        {"2027-13-15T08:00:00Z", -1},
        {"2027-01-15T08:00:00Zx", -1},
        {"2027-01-15T08:00:00+1", -1},
        {"2027-01-15T08:00:00+25:00", -1},
        {"2027-01-15T08:00:00+01:00x", -1},
        {"2027-01-15T08:00:00+-1:00", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        bool ok = creds_parse_time(cases[i].text, &ms);
        if (ok != (cases[i].ms >= 0) || ms != cases[i].ms) {
            fail_msg("%s: %lld", cases[i].text, (long long)ms);
        }
    }
}

static void causes_are_masked(void **state)
{
    (void)state;
    struct look l = {0};
    struct err err = ERR_INIT;
    look_keep_secret(&l, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    look_keep_secret(&l, "pw");
    look_keep_secret(&l, "");
    look_keep_secret(&l, NULL);
    (void)err_set(&err, ERR_IO, "key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY, part FEMI/K7MDENG+b, pw, wJalrXUtn");
    look_scrub(&l, &err);
    assert_string_equal(err.cause, "key ****************************************, part **************, **, wJalrXUtn");
    strv_free(&l.secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_container, each_setup),
        cmocka_unit_test_setup(the_container_is_asked_again, each_setup),
        cmocka_unit_test_setup(answers_of_the_container_that_are_none, each_setup),
        cmocka_unit_test_setup(where_a_container_may_be_asked, each_setup),
        cmocka_unit_test_setup(parts_of_urls, each_setup),
        cmocka_unit_test_setup(the_instance, each_setup),
        cmocka_unit_test_setup(an_instance_without_credentials, each_setup),
        cmocka_unit_test_setup(never_through_a_proxy, each_setup),
        cmocka_unit_test_setup(sso, each_setup),
        cmocka_unit_test_setup(sso_settings, each_setup),
        cmocka_unit_test_setup(sso_is_renewed, each_setup),
        cmocka_unit_test_setup(sso_is_not_renewed, each_setup),
        cmocka_unit_test_setup(sso_is_renewed_without_a_place, each_setup),
        cmocka_unit_test_setup(login_sessions, each_setup),
        cmocka_unit_test_setup(times, each_setup),
        cmocka_unit_test_setup(causes_are_masked, each_setup),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
