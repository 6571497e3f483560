#include "fs/s3_settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/creds.h"
#include "base/endpoint.h"
#include "base/mem.h"
#include "base/str.h"
#include "fs/s3_params.h"

#define TRIES_MAX 1000

struct finding {
    const struct config *c;
    const struct options *o;
    aws_env_fn env;
    const struct aws_files *files;
    const char *profile; // whose settings count
    const struct s3_params *params; // of the client of S3 alone
};

static const char *configured(const struct finding *f, const char *name)
{
    const char *value = config_get(f->c, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *of_profile(const struct finding *f, const char *section, const char *key)
{
    const char *value = aws_profile_get(f->files, f->profile, section, key);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static errc check_profile(const struct finding *f, struct err *err)
{
    if (strcmp(f->profile, "default") == 0 || aws_profile_exists(f->files, f->profile)) {
        return ERR_OK;
    }
    return err_set(err, ERR_INVALID,
                   "the AWS profile \"%.200s\" (%s) is neither in ~/.aws/config nor in ~/.aws/credentials, nor where "
                   "AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE say",
                   f->profile, f->o->aws_profile != NULL ? "--profile" : "AWS_PROFILE");
}

static bool is_true(const char *text)
{
    return text != NULL && strcasecmp(text, "true") == 0;
}

static bool ignores_endpoints(const struct finding *f)
{
    return aws_is_wanted(f->env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", f->files, f->profile,
                         "ignore_configured_endpoint_urls");
}

// Endpoints that are configured for AWS's tools; botocore can be told to ignore these.
static const char *aws_endpoint(const struct finding *f, const char *variable, const char *service,
                                const char **ret_from)
{
    const char *url;
    if ((url = aws_env_get(f->env, variable)) != NULL) {
        *ret_from = variable;
    } else if ((url = aws_env_get(f->env, "AWS_ENDPOINT_URL")) != NULL) {
        *ret_from = "AWS_ENDPOINT_URL";
    } else if ((url = aws_service_get(f->files, f->profile, service, "endpoint_url")) != NULL ||
               (url = of_profile(f, NULL, "endpoint_url")) != NULL) {
        *ret_from = "endpoint_url of the AWS profile";
    }
    return url;
}

// What is appended to it begins with a slash. Owned; NULL for none.
static char *without_slashes(const char *url)
{
    size_t len = url != NULL ? strlen(url) : 0;
    while (len > 1 && url[len - 1] == '/') {
        len--;
    }
    return len > 0 ? mem_strndup(url, len) : NULL;
}

static void find_batch_endpoints(const struct finding *f, struct s3_settings *s)
{
    const char *from = NULL;
    if (ignores_endpoints(f)) {
        return;
    }
    s->batch_endpoint = without_slashes(aws_endpoint(f, "AWS_ENDPOINT_URL_BATCH", "batch", &from));
    s->logs_endpoint =
        without_slashes(aws_endpoint(f, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "cloudwatch_logs", &from));
}

static void find_endpoint(const struct finding *f, struct s3_settings *s)
{
    const char *from = "default", *url = f->o->endpoint_url;
    enum s3_param_flag ignore = f->params->ignore_endpoints;
    if (url != NULL) {
        from = "--endpoint-url";
    } else if ((url = f->params->endpoint_url) != NULL) {
        from = str_same(url, configured(f, "S3_ENDPOINT_URL")) ? "METAFLOW_S3_ENDPOINT_URL" : S3_PARAMS_NAME;
    } else if (ignore == S3_PARAM_FALSE || (ignore == S3_PARAM_UNSET && !ignores_endpoints(f))) {
        url = aws_endpoint(f, "AWS_ENDPOINT_URL_S3", "s3", &from);
    }
    s->endpoint = without_slashes(url);
    s->endpoint_from = mem_strdup(from);
}

// botocore: what the client is given, then the profile's s3 section (dual-stack alone), then what is for all services.
static errc find_variants(const struct finding *f, struct s3_settings *s, struct err *err)
{
    const struct s3_params *p = f->params;
    struct aws_variant v = aws_variant_get(f->env, f->files, f->profile);
    bool of_section = is_true(of_profile(f, "s3", "use_dualstack_endpoint"));
    s->variant = v;
    s->s3_variant.fips = p->fips != S3_PARAM_UNSET ? p->fips == S3_PARAM_TRUE : v.fips;
    s->s3_variant.dualstack =
        p->dualstack != S3_PARAM_UNSET ? p->dualstack == S3_PARAM_TRUE : of_section || v.dualstack;
    if (s->s3_variant.fips && s->endpoint == NULL && s->s3_region != NULL && !aws_s3_has_fips(s->s3_region)) {
        return err_set(err, ERR_INVALID, "FIPS endpoints are asked for (AWS_USE_FIPS_ENDPOINT, use_fips_endpoint), but "
                                         "S3 has none in the region %s: take it out, or give another region",
                       s->s3_region);
    }
    return ERR_OK;
}

static void find_style(const struct finding *f, struct s3_settings *s)
{
    const char *style = f->params->addressing_style;
    style = style != NULL ? style : of_profile(f, "s3", "addressing_style");
    s->style = f->o->path_style                                     ? S3_STYLE_PATH
               : f->o->virtual_host_style                           ? S3_STYLE_VIRTUAL
               : style != NULL && strcasecmp(style, "path") == 0    ? S3_STYLE_PATH
               : style != NULL && strcasecmp(style, "virtual") == 0 ? S3_STYLE_VIRTUAL
                                                                    : S3_STYLE_AUTO;
}

static bool asks_not_to_check(const struct s3_params *p)
{
    return p->checks == S3_PARAM_FALSE || (p->verify != NULL && (strcasecmp(p->verify, "false") == 0 ||
                                                                 strcmp(p->verify, "0") == 0 ||
                                                                 strcasecmp(p->verify, "no") == 0));
}

// Metaflow hands the value to boto3, for which "false" is the path of a file; what is meant is refused all the same.
static errc find_certificates(const struct finding *f, struct s3_settings *s, struct err *err)
{
    const char *verify = f->params->verify;
    const char *setting = configured(f, "S3_VERIFY_CERTIFICATE") != NULL ? "METAFLOW_S3_VERIFY_CERTIFICATE"
                                                                         : "verify of " S3_PARAMS_NAME;
    if (asks_not_to_check(f->params)) {
        return err_set(err, ERR_INVALID,
                       "%s=%s asks not to check certificates, but they are always checked: "
                       "set it to the path of the bundle that the endpoint's certificate is signed by",
                       setting, verify != NULL ? verify : "false");
    }
    bool is_path = verify != NULL && strcasecmp(verify, "true") != 0 && strcmp(verify, "1") != 0;
    const char *bundle = is_path ? verify : aws_env_get(f->env, "AWS_CA_BUNDLE");
    const char *from = is_path ? setting : "AWS_CA_BUNDLE";
    if (bundle == NULL) {
        bundle = of_profile(f, NULL, "ca_bundle");
        from = "ca_bundle of the AWS profile";
    }
    if (bundle == NULL) {
        s->ca_file = config_ca_file(f->c);
        return ERR_OK;
    }
    // The daemon changes its directory.
    auto_free char *path = aws_path_expand(f->env, bundle);
    s->ca_file = realpath(path, NULL);
    if (s->ca_file == NULL || access(s->ca_file, R_OK) != 0) {
        return err_set(err, ERR_INVALID, "the bundle of certificates %.200s (%s) cannot be read", path, from);
    }
    return ERR_OK;
}

static errc check_region(const char *region, const char *from, struct err *err)
{
    return region == NULL || aws_region_is_usable(region)
               ? ERR_OK
               : err_set(err, ERR_INVALID, "\"%.60s\" (%s) is no region: give one like eu-west-1", region, from);
}

static const char *region_setting(const struct finding *f)
{
    return f->o->aws_region != NULL                             ? "--region"
           : aws_env_get(f->env, "AWS_REGION") != NULL          ? "AWS_REGION"
           : aws_env_get(f->env, "AWS_DEFAULT_REGION") != NULL ? "AWS_DEFAULT_REGION"
                                                                : "region of the AWS profile";
}

static errc find_region(const struct finding *f, struct s3_settings *s, struct err *err)
{
    const char *given = f->o->aws_region, *of_client = given != NULL ? NULL : f->params->region;
    s->region = given != NULL ? mem_strdup(given) : creds_region(f->env, f->o->aws_profile);
    s->s3_region = mem_strdup(of_client != NULL ? of_client : s->region);
    errc e = check_region(of_client, "region_name of " S3_PARAMS_NAME, err);
    return e ? e : check_region(s->region, region_setting(f), err);
}

static errc find_client(const struct finding *f, struct s3_settings *s, struct err *err)
{
    const struct s3_params *p = f->params;
    if (p->use_ssl == S3_PARAM_FALSE && s->endpoint == NULL) {
        return err_set(err, ERR_INVALID, "%s: use_ssl=false asks for AWS without TLS, which is not done: take it out, "
                                         "or give the endpoint_url of another S3", S3_PARAMS_NAME);
    }
    if (f->o->aws_profile == NULL) { // an option goes before all that is configured
        s->keys = (struct creds_value){mem_strdup(p->access_key), mem_strdup(p->secret_key), mem_strdup(p->token),
                                       -1, 0};
    }
    strv_copy(&s->unused, &p->unused);
    return ERR_OK;
}

static unsigned find_tries(const struct finding *f)
{
    const char *text = configured(f, "S3_RETRY_COUNT");
    long n = text != NULL ? strtol(text, NULL, 10) : 7;
    return n < 0 ? 1 : n >= TRIES_MAX ? TRIES_MAX : (unsigned)n + 1;
}

static errc find(const struct finding *f, struct s3_settings *s, struct err *err)
{
    errc e = check_profile(f, err);
    e = e ? e : find_certificates(f, s, err);
    e = e ? e : find_region(f, s, err);
    if (e) {
        return e;
    }
    find_endpoint(f, s);
    find_batch_endpoints(f, s);
    find_style(f, s);
    s->profile = mem_strdup(f->o->aws_profile);
    s->anonymous = f->o->no_sign_request;
    s->tries = find_tries(f);
    s->max_connections = (unsigned)f->o->max_connections;
    s->fetch_bytes = (size_t)f->o->fetch_bytes;
    e = find_variants(f, s, err);
    return e ? e : find_client(f, s, err);
}

static const char *real_env(const char *name)
{
    return getenv(name); // NOLINT(concurrency-mt-unsafe): nothing here sets variables
}

errc s3_settings_find(const struct config *c, const struct options *o, aws_env_fn env, struct s3_settings *ret,
                      struct err *err)
{
    env = env != NULL ? env : real_env;
    struct aws_files *files;
    auto_cleanup(s3_params_free) struct s3_params params = {0};
    errc e = s3_params_read(config_get(c, "DATATOOLS_CLIENT_PARAMS"), &params, err);
    e = e ? e : aws_files_load(env, &files, err);
    if (e) {
        return e;
    }
    struct finding f = {c, o, env, files, aws_profile_name(env, o->aws_profile), &params};
    struct s3_settings s = {0};
    e = find(&f, &s, err);
    aws_files_free(files);
    if (e) {
        s3_settings_free(&s);
        return e;
    }
    *ret = s;
    return ERR_OK;
}

void s3_settings_free(struct s3_settings *s)
{
    free(s->profile);
    free(s->region);
    free(s->s3_region);
    creds_value_free(&s->keys);
    strv_free(&s->unused);
    free(s->endpoint);
    free(s->endpoint_from);
    free(s->batch_endpoint);
    free(s->logs_endpoint);
    free(s->ca_file);
    *s = (struct s3_settings){0};
}
