// credential_process: a program that prints credentials (AWS SDKs and Tools Reference Guide, "Process credential
// provider").
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/creds_i.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/shell_words.h"

#define MAX_OUT (64 * 1024)
#define TIMEOUT_MS 60000

static errc read_output(struct look *l, const struct child_result *r, struct creds_value *ret, struct err *err)
{
    static const struct creds_names names = {.access_key = "AccessKeyId", .secret_key = "SecretAccessKey",
                                             .token = "SessionToken", .expires = "Expiration"};
    auto_cleanup(json_freep) struct json *json = NULL;
    int64_t version = 0;
    if (r->exit_code != 0) {
        return err_set(err, ERR_DENIED, "it ended with exit code %d: %s", r->exit_code,
                       r->last_words.len ? r->last_words.data : "it said nothing on its standard error");
    }
    errc e = creds_parse_json(&r->out, "it", &json, err);
    if (e) {
        return e;
    }
    if (!json_int(json_get(json, "Version"), &version) || version != 1) {
        return err_set(err, ERR_DENIED, "it gave no \"Version\": 1, the only version there is");
    }
    return creds_from_json(l, json, &names, "it", ret, err);
}

errc creds_from_process(struct look *l, const char *profile, struct found *ret, struct err *err)
{
    const char *command = aws_profile_get(l->files, profile, NULL, "credential_process");
    if (!command || !*command) {
        return err_set(err, ERR_NOT_FOUND, "profile %.60s has no credential_process", profile);
    }
    struct strv words = {0};
    struct child_result r = {0};
    struct creds_value v = {0};
    errc e = shell_words(command, &words)
                 ? child_run(&words, MAX_OUT, TIMEOUT_MS, l->cancel, &r, err)
                 : err_set(err, ERR_DENIED, "it has a quote that is not closed or ends with a backslash");
    e = e ? e : read_output(l, &r, &v, err);
    child_result_free(&r);
    strv_free(&words);
    if (e) {
        (void)err_prefix(err, "credential_process of profile %.60s", profile);
        err->code = e == ERR_NOT_FOUND || e == ERR_INVALID ? ERR_DENIED : e; // a program that is not there
        return err->code;
    }
    *ret = (struct found){.value = v, .source = mem_printf("credential_process of profile %s", profile)};
    return ERR_OK;
}
