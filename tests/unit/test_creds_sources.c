// The sources of base/creds.h: what each asks, what it makes of the answer, and what of a bad one.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>

#include "base/creds_i.h"
#include "fake_creds.h"
#include "fake_creds_asserts.h"

// --- STS ------------------------------------------------------------------------------------------------------

static void web_identity(void **state)
{
    (void)state;
    env_set_url("AWS_ENDPOINT_URL_STS", "/");
    put_file("token", "S3CR3T+WEB/TOKEN=\n");
    auto_free char *token = in_tempdir("@/token");
    env_set("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    fails(ERR_DENIED, "neither AWS_ROLE_ARN nor a role_arn");
    env_set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x");
    answer("POST / ", 200, sts_answer("AssumeRoleWithWebIdentity", 1, 60));
    gets("web identity (role arn:aws:iam::123456789012:role/x)", "ASIAS3CR3T1");
    asked("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx&");
    asked("&RoleSessionName=metaflowfs-1800000000&");
    asked("&WebIdentityToken=S3CR3T%2BWEB%2FTOKEN%3D");
    asked("Content-Type: application/x-www-form-urlencoded");
    not_asked("Authorization:");
    put_file("token", "S3CR3T-2");
    env_set("AWS_ROLE_SESSION_NAME", "me");
    gets("web identity (role arn:aws:iam::123456789012:role/x)", "ASIAS3CR3T1");
    asked("&RoleSessionName=me&");
    asked("&WebIdentityToken=S3CR3T-2");
    env_set("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token");
    fails(ERR_DENIED, "web identity token cannot be read: cannot open /nowhere/token");
    env_set("AWS_WEB_IDENTITY_TOKEN_FILE", NULL);
    env_set("AWS_ROLE_ARN", NULL);
    config("[default]\nrole_arn = arn:p\nweb_identity_token_file = ~/token\nrole_session_name = of-profile\n");
    env_set("AWS_ROLE_SESSION_NAME", NULL);
    gets("web identity (role arn:p)", "ASIAS3CR3T1");
    asked("&RoleArn=arn%3Ap&RoleSessionName=of-profile&");
    put_file("token", " \n");
    fails(ERR_DENIED, "holds no token");
}

static void roles(void **state)
{
    (void)state;
    env_set_url("AWS_ENDPOINT_URL", "/sts/");
    put_file(".aws/credentials", "[base]\naws_access_key_id = AKIDS3CR3TBASE\naws_secret_access_key = S3CR3TKEY\n");
    config("[default]\nrole_arn = arn:one\nsource_profile = base\nexternal_id = a&b\nduration_seconds = 900\n"
           "role_session_name = me\nregion = eu-west-1\n");
    answer("POST /sts ", 200, sts_answer("AssumeRole", 1, 60));
    gets("profile default (role arn:one)", "ASIAS3CR3T1");
    asked("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aone&RoleSessionName=me&ExternalId=a%26b&DurationSeconds=900");
    asked("Authorization: AWS4-HMAC-SHA256 Credential=AKIDS3CR3TBASE/20270115/eu-west-1/sts/aws4_request, "
          "SignedHeaders=content-type;host;x-amz-date, Signature=");
    not_asked("X-Amz-Security-Token");
    // From role to role: the second is signed with the keys of the first.
    config("[default]\nrole_arn = arn:two\nsource_profile = middle\n"
           "[profile middle]\nrole_arn = arn:one\nsource_profile = base\nduration_seconds = soon\n");
    gets("profile default (role arn:two)", "ASIAS3CR3T1");
    asked("Credential=ASIAS3CR3T1/20270115/us-east-1/sts/aws4_request");
    asked("X-Amz-Security-Token: S3CR3TTOKEN1");
    assert_int_equal(atomic_load(&fake.asked), 3);
    // A profile may name itself when it has keys.
    put_file(".aws/credentials", "[default]\naws_access_key_id = OWN\naws_secret_access_key = S3CR3TKEY\n");
    config("[default]\nrole_arn = arn:self\nsource_profile = default\n");
    gets("profile default (role arn:self)", "ASIAS3CR3T1");
    asked("Credential=OWN/");
    env_set("AWS_ACCESS_KEY_ID", "");
    config("[default]\nrole_arn = arn:x\ncredential_source = Environment\n");
    fails(ERR_DENIED, "the role of profile default: the environment has no AWS_ACCESS_KEY_ID");
    config("[default]\nrole_arn = arn:x\ncredential_source = ecscontainer\n"); // botocore minds the case
    env_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/c");
    answer("GET /c ", 200, document(7, 60));
    gets("profile default (role arn:x)", "ASIAS3CR3T1");
    asked("Credential=ASIAS3CR3T7/");
}

static void roles_that_cannot_be(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"role_arn = a\n", "neither source_profile nor credential_source"},
        {"role_arn = a\nsource_profile = b\ncredential_source = Environment\n", "both"},
        {"role_arn = a\nsource_profile = nobody\n", "source_profile nobody, which is in neither"},
        {"role_arn = a\ncredential_source = Moon\n", "a credential_source other than"},
        {"role_arn = a\nsource_profile = b\nmfa_serial = c\n", "asks for an MFA code"},
        {"role_arn = a\nsource_profile = default\n", "leads back to profile default"},
        {"role_arn = a\nsource_profile = b\n[profile b]\nrole_arn = c\nsource_profile = default\n",
         "leads back to profile default"},
        {"role_arn = a\nsource_profile = b\n[profile b]\nregion = x\n", "profile b has no keys"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        auto_free char *text = mem_printf("[default]\n%s", cases[i][0]);
        config(text);
        fails(ERR_DENIED, cases[i][1]);
    }
    struct buf chain = {0};
    buf_puts(&chain, "[default]\nrole_arn = a\nsource_profile = p0\n");
    for (int i = 0; i < 1000; i++) {
        buf_printf(&chain, "[profile p%d]\nrole_arn = a\nsource_profile = p%d\n", i, i + 1);
    }
    config(chain.data);
    buf_free(&chain);
    fails(ERR_DENIED, "more than 16 profiles");
    assert_int_equal(atomic_load(&fake.asked), 0);
    put_file(".aws/credentials", "[b]\naws_access_key_id = K\naws_secret_access_key = S3CR3TKEY\n");
    config("[default]\nrole_arn = a\nsource_profile = b\nregion = evil.com/\n");
    fails(ERR_DENIED, "no AWS region has");
    config("[default]\nrole_arn = a\nsource_profile = b\nendpoint_url = ftp://x/\n");
    fails(ERR_DENIED, "endpoint of STS");
}

static void what_sts_refuses(void **state)
{
    (void)state;
    env_set_url("AWS_ENDPOINT_URL_STS", "");
    put_file(".aws/credentials", "[b]\naws_access_key_id = AKIDS3CR3TBASE\naws_secret_access_key = S3CR3TKEYKEY\n"
                                 "aws_session_token = S3CR3TTOKENOFB\n");
    config("[default]\nrole_arn = arn:r\nsource_profile = b\n");
    answer("POST", 403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:u is not "
                        "authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>");
    fails(ERR_DENIED, "answered AssumeRole for arn:r with 403 AccessDenied: User: arn:u is not authorized");
    assert_int_equal(atomic_load(&fake.asked), 1);
    reply_reset();
    answer("POST", 403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>you AKIDS3CR3TBASE sent "
                        "S3CR3TKEYKEY and S3CR3TTOKENOFB\nx-amz-security-token:S3CR3TTOKENOFB</Message></Error>"
                        "</ErrorResponse>");
    fails(ERR_DENIED, "SignatureDoesNotMatch: you ************** sent ************ and **************");
    fails_without("x-amz-security-token");
    reply_reset();
    answer("POST", 503, "busy");
    fails(ERR_IO, "503 no code");
    assert_int_equal(atomic_load(&fake.asked), 3);
    reply_reset();
    reply_with((struct reply){.prefix = "POST", .status = 500, .body = "", .times = 2});
    answer("POST", 200, sts_answer("AssumeRole", 1, 60));
    gets("profile default (role arn:r)", "ASIAS3CR3T1");
    reply_reset();
    answer("POST", 400, "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate</Message></Error></ErrorResponse>");
    fails(ERR_THROTTLED, "Throttling");
    env_set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    fails(ERR_UNREACHABLE, "AssumeRole for arn:r: no connection to 127.0.0.1:1");
}

static void answers_of_sts_that_are_none(void **state)
{
    (void)state;
    static const char no_time[] =
        "<R><AssumeRoleResult><Credentials><AccessKeyId>S3CR3TA</AccessKeyId><SecretAccessKey>S3CR3TB</SecretAccessKey>"
        "<SessionToken>S3CR3TC</SessionToken><Expiration>S3CR3TD</Expiration></Credentials></AssumeRoleResult></R>";
    static const char *const bodies[] = {
        "", "hello", "<AssumeRoleResponse>", "{}", "<a/>",
        "<!DOCTYPE a [<!ENTITY x \"S3CR3T\">]><a>&x;</a>",
        "<R><AssumeRoleResult><Credentials><AccessKeyId>S3CR3TA</AccessKeyId></Credentials></AssumeRoleResult></R>",
        no_time,
    };
    env_set_url("AWS_ENDPOINT_URL_STS", "");
    put_file(".aws/credentials", "[b]\naws_access_key_id = K\naws_secret_access_key = S3CR3TKEY\n");
    config("[default]\nrole_arn = arn:r\nsource_profile = b\n");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        reply_reset();
        answer("POST", 200, bodies[i]);
        fails(ERR_IO, "answered AssumeRole with");
    }
    reply_reset();
    reply_with((struct reply){.prefix = "POST", .status = 200, .body = "<a>", .filler = 10 << 20});
    fails(ERR_LIMIT, "longer than");
    reply_reset();
    answer("POST", 200, sts_answer("AssumeRole", 1, -1));
    fails(ERR_DENIED, "expired already, at 2027-01-15T07:59:00");
}

// --- credential_process ------------------------------------------------------------------------------------------

static void programs(void **state)
{
    (void)state;
    auto_free char *script = in_tempdir("[ -e /proc/$$/fd/77 ] && exit 9; echo '{\"Version\": 1, \"AccessKeyId\": \"'$1'\", \"SecretAccessKey\": "
                                        "\"S3CR3TKEY\", \"SessionToken\": \"\", \"Expiration\": "
                                        "\"2027-01-15T10:00:00+01:00\"}'; cat; printf %s \"$2\" >@/args; "
                                        "sleep 300 & exit 0\n");
    put_file("p.sh", script);
    config("[default]\ncredential_process = sh \"@/p.sh\" KEY 'two  $words; `x`'\n");
    int64_t begin = clock_mono_ms();
    assert_int_equal(dup2(STDERR_FILENO, 77), 77); // not for the program
    gets("credential_process of profile default", "KEY");
    close(77);
    assert_true(clock_mono_ms() - begin < 5000); // what it left behind is not waited for
    auto_free char *path = in_tempdir("@/args");
    char text[100] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "two  $words; `x`");
}

static void programs_that_fail(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"echo S3CR3T; echo first >&2; echo 'please log in' >&2; exit 3", "exit code 3: please log in"},
        {"exit 1", "exit code 1: it said nothing"},
        {"kill -9 $$", "exit code 137"},
        {"echo S3CR3T; echo warning >&2", "not JSON"},
        {"true", "not JSON"},
        {"echo '[1]'", "no \"Version\": 1"},
        {"echo '{\"Version\": 2, \"AccessKeyId\": \"S3CR3T\"}'", "no \"Version\": 1"},
        {"echo '{\"Version\": \"1\", \"AccessKeyId\": \"S3CR3T\"}'", "no \"Version\": 1"},
        {"echo '{\"Version\": 1, \"AccessKeyId\": \"S3CR3T\"}'", "without SecretAccessKey"},
        {"echo '{\"Version\": 1, \"AccessKeyId\": 5, \"SecretAccessKey\": \"S3CR3T\"}'", "without AccessKeyId"},
        {"echo '{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"S3CR3T\", \"SessionToken\": []}'",
         "without SessionToken"},
        {"echo '{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"S3CR3T\", \"Expiration\": \"S3CR3T\"}'",
         "no time"},
        {"echo '{\"Version\": 1, \"AccessKeyId\": \"A b\", \"SecretAccessKey\": \"S3CR3T\"}'", "no key has"},
        {"echo '{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"S3CR3T\", "
         "\"Expiration\": \"2027-01-15T07:00:00Z\"}'", "expired already"},
        {"while :; do echo S3CR3TS3CR3TS3CR3TS3CR3TS3CR3TS3CR3TS3CR3TS3CR3TS3CR3TS3CR3TS3CR3T; done", "more than 65536"},
    };
    config("[default]\ncredential_process = sh @/p.sh\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct creds_value v;
        struct err err = ERR_INIT;
        put_file("p.sh", cases[i][0]);
        struct creds *c = creds_of(NULL);
        if (creds_get(c, NULL, &v, &err) == ERR_OK || !strstr(err.cause, cases[i][1]) || strstr(err.cause, "S3CR3T")) {
            fail_msg("%s: %s", cases[i][0], err.cause);
        }
        creds_free(c);
    }
    config("[default]\ncredential_process = @/nothing\n");
    fails(ERR_DENIED, "cannot run");
    config("[default]\ncredential_process = \"open\n");
    fails(ERR_DENIED, "quote");
    config("[default]\ncredential_process = ''\n");
    fails(ERR_DENIED, "cannot run");
}

static void *cancel_soon(void *arg)
{
    loopback_pause(300);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void a_program_is_ended_with_its_children(void **state)
{
    (void)state;
    auto_free char *script = in_tempdir("sleep 300 & echo $! $$ >@/pids; wait\n");
    put_file("p.sh", script);
    config("[default]\ncredential_process = sh @/p.sh\n");
    struct cancel cancel = {0};
    struct creds_value v;
    struct err err = ERR_INIT;
    struct creds *c = creds_of(NULL);
    pthread_t thread;
    int64_t begin = clock_mono_ms();
    pthread_create(&thread, NULL, cancel_soon, &cancel.set);
    errc e = creds_get(c, &cancel, &v, &err);
    int64_t took = clock_mono_ms() - begin;
    pthread_join(thread, NULL);
    creds_free(c);
    assert_int_equal(e, ERR_INTERRUPTED);
    assert_true(took < 2000);
    auto_free char *path = in_tempdir("@/pids");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    int child = 0, shell = 0;
    assert_int_equal(fscanf(f, "%d %d", &child, &shell), 2);
    fclose(f);
    assert_int_equal(kill(shell, 0), -1); // waited for, so not even a zombie
    for (int i = 0; i < 100 && kill(child, 0) == 0; i++) {
        auto_free char *stat = mem_printf("/proc/%d/stat", child);
        char text[300] = "";
        FILE *s = fopen(stat, "r");
        bool zombie = s && fgets(text, sizeof text, s) && strstr(text, ") Z ");
        if (s) {
            fclose(s);
        }
        if (zombie) {
            return; // somebody else's to wait for
        }
        loopback_pause(10);
    }
    assert_int_equal(kill(child, 0), -1);
}

// Nothing is reached: the cause names the host.
static void fips_and_dualstack(void **state)
{
    (void)state;
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    env_set("AWS_REGION", "eu-west-1");
    env_set("AWS_PROFILE", "r");
    config("[profile r]\nsource_profile = s\nrole_arn = arn:aws:iam::123456789012:role/r\nuse_fips_endpoint = true\n"
           "[profile s]\naws_access_key_id = ASIAS3CR3T\naws_secret_access_key = S3CR3T\n");
    fails(ERR_UNREACHABLE, "no connection to sts-fips.eu-west-1.amazonaws.com:443");
    env_set("AWS_USE_DUALSTACK_ENDPOINT", "true");
    fails(ERR_UNREACHABLE, "no connection to sts-fips.eu-west-1.api.aws:443");
    env_set("AWS_USE_FIPS_ENDPOINT", "false");
    env_set("AWS_REGION", NULL);
    fails(ERR_UNREACHABLE, "no connection to sts.us-east-1.api.aws:443");
    unsetenv("https_proxy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(web_identity, each_setup),
        cmocka_unit_test_setup(fips_and_dualstack, each_setup),
        cmocka_unit_test_setup(roles, each_setup),
        cmocka_unit_test_setup(roles_that_cannot_be, each_setup),
        cmocka_unit_test_setup(what_sts_refuses, each_setup),
        cmocka_unit_test_setup(answers_of_sts_that_are_none, each_setup),
        cmocka_unit_test_setup(programs, each_setup),
        cmocka_unit_test_setup(programs_that_fail, each_setup),
        cmocka_unit_test_setup(a_program_is_ended_with_its_children, each_setup),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
