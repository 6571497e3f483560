// How S3 is reached: which of several places that say it counts.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/s3_settings.h"
#include "tempdir.h"

static struct options options;
static struct s3_settings settings;
static struct config *config;
static struct err err;

static const char config_text[] = "[default]\nregion = eu-west-1\n"
                                  "[profile dev]\nregion = ap-south-1\nservices = mine\nendpoint_url = http://all\n"
                                  "s3 =\n  addressing_style = path\n"
                                  "[services mine]\ns3 =\n  endpoint_url = http://of-s3\n"
                                  "batch =\n  endpoint_url = http://of-batch\n"
                                  "cloudwatch_logs =\n  endpoint_url = http://of-logs\n"
                                  "[profile plain]\nendpoint_url = http://plain\nignore_configured_endpoint_urls = true\n"
                                  "[profile virtual]\ns3 =\n  addressing_style = virtual\n"
                                  "[profile bundle]\nca_bundle = ~/bundle.pem\n";

static int set_up(void **state)
{
    char argv0[] = "metaflowfs", argv1[] = "mnt", *argv[] = {argv0, argv1};
    clearenv();
    err = (struct err)ERR_INIT;
    if (tempdir_make(state) != 0 || options_parse(2, argv, &options, &err) != ERR_OK) {
        return -1;
    }
    tempdir_put(".aws/config", config_text, strlen(config_text));
    tempdir_put("bundle.pem", "x", 1);
    tempdir_put("other.pem", "x", 1);
    setenv("HOME", tempdir, 1);
    return 0;
}

static int tear_down(void **state)
{
    config_free(config);
    config = NULL;
    s3_settings_free(&settings);
    options_free(&options);
    clearenv();
    return tempdir_remove(state);
}

static errc find(void)
{
    config_free(config);
    config = NULL;
    s3_settings_free(&settings);
    if (config_load(tempdir, &config, &err)) {
        fail_msg("%s", err.cause);
    }
    return s3_settings_find(config, &options, NULL, &settings, &err);
}

static void must_find(void)
{
    if (find()) {
        fail_msg("%s", err.cause);
    }
}

static void defaults(void **state)
{
    (void)state;
    must_find();
    assert_null(settings.endpoint);
    assert_string_equal(settings.endpoint_from, "default");
    assert_string_equal(settings.region, "eu-west-1");
    assert_null(settings.ca_file);
    assert_int_equal(settings.style, S3_STYLE_AUTO);
    assert_int_equal(settings.tries, 8); // METAFLOW_S3_RETRY_COUNT is 7
    assert_false(settings.anonymous);
    assert_true(settings.max_connections == 0 && settings.fetch_bytes == 0);
}

static void endpoint_is(const char *url, const char *from)
{
    must_find();
    if (url) {
        assert_string_equal(settings.endpoint, url);
    } else {
        assert_null(settings.endpoint);
    }
    assert_non_null(strstr(settings.endpoint_from, from));
}

// The same of AWS Batch and its logs, under names of their own.
static void endpoints_of_batch(void **state)
{
    (void)state;
    setenv("AWS_PROFILE", "plain", 1);
    must_find();
    assert_true(settings.batch_endpoint == NULL && settings.logs_endpoint == NULL);
    setenv("AWS_PROFILE", "dev", 1);
    must_find();
    assert_string_equal(settings.batch_endpoint, "http://of-batch");
    assert_string_equal(settings.logs_endpoint, "http://of-logs");
    setenv("AWS_ENDPOINT_URL", "http://for-all/", 1);
    setenv("AWS_ENDPOINT_URL_S3", "http://for-s3", 1);
    must_find();
    assert_string_equal(settings.batch_endpoint, "http://for-all");
    setenv("AWS_ENDPOINT_URL_BATCH", "http://for-batch", 1);
    setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://for-logs", 1);
    options.endpoint_url = mem_strdup("http://s3-alone");
    must_find();
    assert_string_equal(settings.batch_endpoint, "http://for-batch");
    assert_string_equal(settings.logs_endpoint, "http://for-logs");
}

// From the last place that is looked at to the first.
static void endpoints(void **state)
{
    (void)state;
    setenv("AWS_PROFILE", "plain", 1);
    endpoint_is(NULL, "default"); // the profile says to ignore it
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false", 1);
    endpoint_is("http://plain", "profile");
    unsetenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    setenv("AWS_PROFILE", "dev", 1);
    endpoint_is("http://of-s3", "profile");
    setenv("AWS_ENDPOINT_URL", "http://for-all", 1);
    endpoint_is("http://for-all", "AWS_ENDPOINT_URL");
    setenv("AWS_ENDPOINT_URL_S3", "http://for-s3/", 1);
    endpoint_is("http://for-s3", "AWS_ENDPOINT_URL_S3");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True", 1);
    endpoint_is(NULL, "default");
    setenv("METAFLOW_S3_ENDPOINT_URL", "http://of-metaflow", 1); // this one nobody ignores
    endpoint_is("http://of-metaflow", "METAFLOW_S3_ENDPOINT_URL");
    options.endpoint_url = mem_strdup("https://given:9000//");
    endpoint_is("https://given:9000", "--endpoint-url");
}

static void styles(void **state)
{
    (void)state;
    setenv("AWS_PROFILE", "dev", 1);
    must_find();
    assert_int_equal(settings.style, S3_STYLE_PATH);
    options.virtual_host_style = true;
    must_find();
    assert_int_equal(settings.style, S3_STYLE_VIRTUAL);
    options.virtual_host_style = false;
    options.aws_profile = mem_strdup("virtual");
    must_find();
    assert_int_equal(settings.style, S3_STYLE_VIRTUAL);
    options.path_style = true;
    must_find();
    assert_int_equal(settings.style, S3_STYLE_PATH);
}

static void profiles_and_regions(void **state)
{
    (void)state;
    options.aws_profile = mem_strdup("dev");
    setenv("AWS_PROFILE", "plain", 1);
    must_find();
    assert_string_equal(settings.profile, "dev");
    assert_string_equal(settings.region, "ap-south-1");
    setenv("AWS_DEFAULT_REGION", "us-west-2", 1);
    must_find();
    assert_string_equal(settings.region, "us-west-2");
    options.aws_region = mem_strdup("ca-central-1");
    must_find();
    assert_string_equal(settings.region, "ca-central-1");
    free(options.aws_profile);
    options.aws_profile = mem_strdup("nobody");
    assert_int_equal(find(), ERR_INVALID);
    assert_non_null(strstr(err.cause, "nobody"));
    assert_non_null(strstr(err.cause, "--profile"));
    free(options.aws_profile);
    options.aws_profile = NULL;
    setenv("AWS_PROFILE", "none", 1);
    assert_int_equal(find(), ERR_INVALID);
    assert_non_null(strstr(err.cause, "AWS_PROFILE"));
}

static void ca_is(const char *name)
{
    auto_free char *path = mem_printf("%s/%s", tempdir, name);
    must_find();
    assert_string_equal(settings.ca_file, path);
}

static void certificates(void **state)
{
    (void)state;
    setenv("CURL_CA_BUNDLE", "other.pem", 1); // what other programs of this machine trust
    ca_is("other.pem");
    setenv("AWS_PROFILE", "bundle", 1);
    ca_is("bundle.pem");
    auto_free char *other = mem_printf("%s/other.pem", tempdir), *bundle = mem_printf("%s/bundle.pem", tempdir);
    setenv("AWS_CA_BUNDLE", other, 1);
    ca_is("other.pem");
    setenv("METAFLOW_S3_VERIFY_CERTIFICATE", bundle, 1);
    ca_is("bundle.pem");
    setenv("METAFLOW_S3_VERIFY_CERTIFICATE", "true", 1);
    ca_is("other.pem");
    setenv("METAFLOW_S3_VERIFY_CERTIFICATE", "/nowhere.pem", 1);
    assert_int_equal(find(), ERR_INVALID);
    assert_non_null(strstr(err.cause, "/nowhere.pem"));
    static const char *const off[] = {"false", "False", "0", "no"};
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        setenv("METAFLOW_S3_VERIFY_CERTIFICATE", off[i], 1);
        assert_int_equal(find(), ERR_INVALID);
        assert_non_null(strstr(err.cause, "always checked"));
    }
}

static void numbers(void **state)
{
    (void)state;
    setenv("METAFLOW_S3_RETRY_COUNT", "0", 1);
    options.no_sign_request = true;
    options.max_connections = 17;
    options.fetch_bytes = 1 << 20;
    must_find();
    assert_int_equal(settings.tries, 1);
    assert_true(settings.anonymous);
    assert_int_equal(settings.max_connections, 17);
    assert_int_equal(settings.fetch_bytes, 1 << 20);
    setenv("METAFLOW_S3_RETRY_COUNT", "99999999", 1);
    must_find();
    assert_int_equal(settings.tries, 1000);
    setenv("METAFLOW_S3_RETRY_COUNT", "-3", 1);
    must_find();
    assert_int_equal(settings.tries, 1);
}

static void params(const char *text)
{
    setenv("METAFLOW_DATATOOLS_CLIENT_PARAMS", text, 1);
}

// What Metaflow's own client of S3 is given goes before everything but the command line.
static void client_params(void **state)
{
    (void)state;
    setenv("AWS_ENDPOINT_URL_S3", "http://for-s3", 1);
    setenv("AWS_DEFAULT_REGION", "us-west-2", 1);
    setenv("METAFLOW_S3_ENDPOINT_URL", "http://of-metaflow", 1);
    params("{\"region_name\": \"eu-west-3\", \"endpoint_url\": \"http://of-client/\", \"config\": {\"region_name\": "
           "\"sa-east-1\", \"s3\": {\"addressing_style\": \"virtual\"}, \"retries\": {\"mode\": \"standard\"}}}");
    endpoint_is("http://of-client", "METAFLOW_DATATOOLS_CLIENT_PARAMS");
    assert_string_equal(settings.s3_region, "eu-west-3");
    assert_string_equal(settings.region, "us-west-2"); // AWS Batch is another client
    assert_int_equal(settings.style, S3_STYLE_VIRTUAL);
    assert_int_equal(settings.unused.len, 1);
    assert_string_equal(settings.unused.items[0], "config.retries");
    assert_null(settings.keys.access_key);
    params("{\"config\": {\"region_name\": \"sa-east-1\"}, \"region_name\": null}");
    endpoint_is("http://of-metaflow", "METAFLOW_S3_ENDPOINT_URL");
    assert_string_equal(settings.s3_region, "sa-east-1");
    unsetenv("METAFLOW_S3_ENDPOINT_URL");
    params("{\"config\": {\"ignore_configured_endpoint_urls\": true}}");
    endpoint_is(NULL, "default");
    options.endpoint_url = mem_strdup("http://given");
    options.aws_region = mem_strdup("eu-west-1");
    params("{\"region_name\": \"eu-west-3\", \"endpoint_url\": \"http://of-client\"}");
    endpoint_is("http://given", "--endpoint-url");
    assert_string_equal(settings.s3_region, "eu-west-1");
}

static void client_keys(void **state)
{
    (void)state;
    params("{\"aws_access_key_id\": \"AK\", \"aws_secret_access_key\": \"S3CR3T\", \"aws_session_token\": \"T\"}");
    must_find();
    assert_string_equal(settings.keys.access_key, "AK");
    assert_string_equal(settings.keys.secret_key, "S3CR3T");
    assert_string_equal(settings.keys.token, "T");
    options.aws_profile = mem_strdup("dev");
    must_find();
    assert_null(settings.keys.access_key);
}

static void client_certificates(void **state)
{
    (void)state;
    auto_free char *other = mem_printf("%s/other.pem", tempdir);
    auto_free char *text = mem_printf("{\"verify\": \"%s\"}", other);
    params(text);
    ca_is("other.pem");
    auto_free char *bundle = mem_printf("%s/bundle.pem", tempdir);
    setenv("METAFLOW_S3_VERIFY_CERTIFICATE", bundle, 1);
    ca_is("bundle.pem");
    unsetenv("METAFLOW_S3_VERIFY_CERTIFICATE");
    params("{\"verify\": true}");
    must_find();
    assert_null(settings.ca_file);
}

static void refuses(const char *text, const char *cause)
{
    params(text);
    assert_int_equal(find(), ERR_INVALID);
    if (!strstr(err.cause, cause) || !strstr(err.cause, "METAFLOW_DATATOOLS_CLIENT_PARAMS")) {
        fail_msg("%s: %s", text, err.cause);
    }
    assert_null(strstr(err.cause, "S3CR3T"));
}

static void client_refusals(void **state)
{
    static const char *const cases[][2] = {
        {"{\"verify\": false}", "always checked"},
        {"{\"verify\": \"/nowhere.pem\"}", "/nowhere.pem"},
        {"{\"use_ssl\": false}", "use_ssl=false"},
        {"{\"use_ssl\": \"no\"}", "use_ssl has a value that is neither true nor false"},
        {"{\"region_name\": \"us east\"}", "\"us east\" (region_name of"},
        {"{\"endpoint_url\": 1}", "endpoint_url has a value that is no text"},
        {"{\"profile_name\": \"x\"}", "profile_name is no parameter that boto3 takes"},
        {"{\"aws_access_key_id\": \"AK\"}", "aws_secret_access_key is missing"},
        {"{\"aws_secret_access_key\": \"S3CR3T\"}", "aws_access_key_id is missing"},
        {"{\"aws_session_token\": \"S3CR3T\"}", "aws_access_key_id is missing"},
        {"{\"config\": 1}", "config has a value that is no JSON object"},
        {"{\"config\": {\"proxies\": {\"http\": \"x\"}}}", "config.proxies cannot be obeyed"},
        {"{\"config\": {\"colour\": 1}}", "config.colour is no parameter that botocore's Config takes"},
        {"{\"config\": {\"signature_version\": \"s3\"}}", "config.signature_version is not s3v4"},
        {"{\"config\": {\"s3\": {\"use_accelerate_endpoint\": true}}}", "config.s3.use_accelerate_endpoint cannot"},
        {"{\"config\": {\"s3\": {\"addressing_style\": \"x\"}}}", "config.s3.addressing_style is none of"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refuses(cases[i][0], cases[i][1]);
    }
    params("{\"config\": {\"proxies\": {}, \"signature_version\": \"s3v4\", \"s3\": {\"use_accelerate_endpoint\": false}}, "
           "\"use_ssl\": false, \"endpoint_url\": \"http://mine\"}");
    must_find();
}

static void variants_are(bool fips, bool dualstack, bool s3_fips, bool s3_dualstack)
{
    must_find();
    assert_int_equal(settings.variant.fips, fips);
    assert_int_equal(settings.variant.dualstack, dualstack);
    assert_int_equal(settings.s3_variant.fips, s3_fips);
    assert_int_equal(settings.s3_variant.dualstack, s3_dualstack);
}

static void fips_and_dualstack(void **state)
{
    static const char text[] = "[default]\nuse_fips_endpoint = true\ns3 =\n  use_dualstack_endpoint = true\n"
                               "[profile dual]\nuse_dualstack_endpoint = True\n";
    (void)state;
    variants_are(false, false, false, false);
    tempdir_put(".aws/config", text, strlen(text));
    variants_are(true, false, true, true);
    setenv("AWS_USE_FIPS_ENDPOINT", "false", 1);
    variants_are(false, false, false, true);
    params("{\"config\": {\"use_fips_endpoint\": true, \"s3\": {\"use_dualstack_endpoint\": false}}}");
    variants_are(false, false, true, false); // of the client of S3 alone
    unsetenv("METAFLOW_DATATOOLS_CLIENT_PARAMS");
    setenv("AWS_PROFILE", "dual", 1);
    variants_are(false, true, false, true);
    setenv("AWS_DEFAULT_REGION", "cn-north-1", 1);
    setenv("AWS_USE_FIPS_ENDPOINT", "TRUE", 1);
    assert_int_equal(find(), ERR_INVALID);
    assert_non_null(strstr(err.cause, "S3 has none in the region cn-north-1"));
    setenv("METAFLOW_S3_ENDPOINT_URL", "http://mine", 1); // which is asked as it is
    variants_are(true, true, true, true);
}

// The setting is named that has the region, not the endpoint.
static void regions_that_are_none(void **state)
{
    (void)state;
    setenv("AWS_DEFAULT_REGION", "us east", 1);
    assert_int_equal(find(), ERR_INVALID);
    assert_string_equal(err.cause, "\"us east\" (AWS_DEFAULT_REGION) is no region: give one like eu-west-1");
    setenv("AWS_REGION", "x/y", 1);
    assert_int_equal(find(), ERR_INVALID);
    assert_non_null(strstr(err.cause, "\"x/y\" (AWS_REGION)"));
    options.aws_region = mem_strdup("Mine");
    assert_int_equal(find(), ERR_INVALID);
    assert_non_null(strstr(err.cause, "\"Mine\" (--region)"));
}

#define settings_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        settings_test(defaults),     settings_test(endpoints), settings_test(styles), settings_test(profiles_and_regions),
        settings_test(certificates), settings_test(numbers),   settings_test(endpoints_of_batch),
        settings_test(client_params), settings_test(client_keys), settings_test(client_certificates),
        settings_test(client_refusals), settings_test(regions_that_are_none),
        settings_test(fips_and_dualstack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
