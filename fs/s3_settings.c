#include "fs/s3_settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/creds.h"
#include "base/mem.h"

#define TRIES_MAX 1000

struct finding {
    const struct config *c;
    const struct options *o;
    aws_env_fn env;
    const struct aws_files *files;
    const char *profile; // whose settings count
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

// Endpoints that are configured for AWS's tools; botocore can be told to ignore these.
static const char *aws_endpoint(const struct finding *f, const char *variable, const char *service,
                                const char **ret_from)
{
    const char *url;
    if (is_true(aws_env_get(f->env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) ||
        (aws_env_get(f->env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == NULL &&
         is_true(of_profile(f, NULL, "ignore_configured_endpoint_urls")))) {
        return NULL;
    }
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
    s->batch_endpoint = without_slashes(aws_endpoint(f, "AWS_ENDPOINT_URL_BATCH", "batch", &from));
    s->logs_endpoint =
        without_slashes(aws_endpoint(f, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "cloudwatch_logs", &from));
}

static void find_endpoint(const struct finding *f, struct s3_settings *s)
{
    const char *from = "default", *url = f->o->endpoint_url;
    if (url != NULL) {
        from = "--endpoint-url";
    } else if ((url = configured(f, "S3_ENDPOINT_URL")) != NULL) {
        from = "METAFLOW_S3_ENDPOINT_URL";
    } else {
        url = aws_endpoint(f, "AWS_ENDPOINT_URL_S3", "s3", &from);
    }
    s->endpoint = without_slashes(url);
    s->endpoint_from = mem_strdup(from);
}

static void find_style(const struct finding *f, struct s3_settings *s)
{
    const char *style = of_profile(f, "s3", "addressing_style");
    s->style = f->o->path_style                                     ? S3_STYLE_PATH
               : f->o->virtual_host_style                           ? S3_STYLE_VIRTUAL
               : style != NULL && strcasecmp(style, "path") == 0    ? S3_STYLE_PATH
               : style != NULL && strcasecmp(style, "virtual") == 0 ? S3_STYLE_VIRTUAL
                                                                    : S3_STYLE_AUTO;
}

// Metaflow hands the value to boto3, for which "false" is the path of a file; what is meant is refused all the same.
static errc find_certificates(const struct finding *f, struct s3_settings *s, struct err *err)
{
    const char *verify = configured(f, "S3_VERIFY_CERTIFICATE");
    if (verify != NULL && (strcasecmp(verify, "false") == 0 || strcmp(verify, "0") == 0 ||
                           strcasecmp(verify, "no") == 0)) {
        return err_set(err, ERR_INVALID,
                       "METAFLOW_S3_VERIFY_CERTIFICATE=%s asks not to check certificates, but they are always checked: "
                       "set it to the path of the bundle that the endpoint's certificate is signed by",
                       verify);
    }
    bool is_path = verify != NULL && strcasecmp(verify, "true") != 0 && strcmp(verify, "1") != 0;
    const char *bundle = is_path ? verify : aws_env_get(f->env, "AWS_CA_BUNDLE");
    const char *from = is_path ? "METAFLOW_S3_VERIFY_CERTIFICATE" : "AWS_CA_BUNDLE";
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

static unsigned find_tries(const struct finding *f)
{
    const char *text = configured(f, "S3_RETRY_COUNT");
    long n = text != NULL ? strtol(text, NULL, 10) : 7;
    return n < 0 ? 1 : n >= TRIES_MAX ? TRIES_MAX : (unsigned)n + 1;
}

static errc find(const struct finding *f, struct s3_settings *s, struct err *err)
{
    errc e = check_profile(f, err);
    if (!e) {
        e = find_certificates(f, s, err);
    }
    if (e) {
        return e;
    }
    find_endpoint(f, s);
    find_batch_endpoints(f, s);
    find_style(f, s);
    s->profile = mem_strdup(f->o->aws_profile);
    s->region = f->o->aws_region != NULL ? mem_strdup(f->o->aws_region) : creds_region(f->env, f->o->aws_profile);
    s->anonymous = f->o->no_sign_request;
    s->tries = find_tries(f);
    s->max_connections = (unsigned)f->o->max_connections;
    s->fetch_bytes = (size_t)f->o->fetch_bytes;
    return ERR_OK;
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
    errc e = aws_files_load(env, &files, err);
    if (e) {
        return e;
    }
    struct finding f = {c, o, env, files, aws_profile_name(env, o->aws_profile)};
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
    free(s->endpoint);
    free(s->endpoint_from);
    free(s->batch_endpoint);
    free(s->logs_endpoint);
    free(s->ca_file);
    *s = (struct s3_settings){0};
}
