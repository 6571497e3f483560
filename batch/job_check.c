#include <string.h>

#include "base/mem.h"
#include "batch/job_read_i.h"
#include "batch/job_tag.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define VOLUME_NAME_MAX 255

static bool only_of(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

static bool has_space_or_control(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f) {
            return true;
        }
    }
    return false;
}

bool job_path_is_mountpoint(const char *path)
{
    bool names_something = false;
    if (path[0] != '/') {
        return false;
    }
    for (const char *part = path; *part != '\0';) {
        part += strspn(part, "/");
        size_t n = strcspn(part, "/");
        if ((n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0)) {
            return false;
        }
        names_something = names_something || n > 0;
        part += n;
    }
    for (const char *c = path; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == ':') {
            return false;
        }
    }
    return names_something;
}

static bool is_run(const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL || slash == text || slash[1] == '\0' || strchr(slash + 1, '/') != NULL) {
        return false;
    }
    return only_of(text, LETTERS DIGITS "_-.:/") && strcmp(slash + 1, ".") != 0 && strcmp(slash + 1, "..") != 0 &&
           strchr(DIGITS "-.:", text[0]) == NULL;
}

static bool is_log_driver(const char *text)
{
    static const char *const drivers[] = {"json-file", "syslog",  "journald", "gelf",
                                          "fluentd",   "awslogs", "splunk",   "awsfirelens"};
    for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
        if (strcmp(text, drivers[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool text_fits(enum job_key_id id, const char *text)
{
    size_t len = strlen(text);
    switch (id) {
    case K_NAME:
        return len > 0 && len <= 128 && only_of(text, LETTERS DIGITS "-_") && text[0] != '-' && text[0] != '_';
    case K_CODE:
        return is_run(text);
    case K_IMAGE:
        return len > 0 && len <= 255 && only_of(text, LETTERS DIGITS "-_:./@#");
    case K_QUEUE:
        return len > 0 && only_of(text, LETTERS DIGITS "-_:/");
    case K_IAM_ROLE:
    case K_EXECUTION_ROLE:
        return len > 0 && !has_space_or_control(text);
    case K_TMPFS_PATH:
        return job_path_is_mountpoint(text);
    case K_LOG_DRIVER:
        return is_log_driver(text);
    default:
        return true;
    }
}

void job_check_text(struct job_reader *r, enum job_key_id id, const char *text)
{
    if (!text_fits(id, text)) {
        auto_free char *shown = job_show(text);
        job_problem_of(r, id, "%s is not accepted; it takes %s", *text != '\0' ? shown : "an empty text",
                       job_key(id)->accepted);
    }
}

// HOST[:CONTAINER] or ID[:CONTAINER]; the name that Metaflow gives the volume is of AWS's letters.
static bool volume_fits(enum job_key_id id, const char *text)
{
    size_t n = strcspn(text, ":");
    auto_free char *source = mem_strndup(text, n);
    if (text[n] == ':' && !job_path_is_mountpoint(text + n + 1)) {
        return false;
    }
    if (id == K_EFS_VOLUMES) {
        return n > 0 && n + strlen("efs_") <= VOLUME_NAME_MAX && only_of(source, LETTERS DIGITS "-_");
    }
    return source[0] == '/' && n <= VOLUME_NAME_MAX && only_of(source, LETTERS DIGITS "-_./") &&
           (text[n] == ':' || job_path_is_mountpoint(source));
}

void job_check_item(struct job_reader *r, enum job_key_id id, const char *text)
{
    const char *colon = strchr(text, ':');
    bool fits = true;
    switch (id) {
    case K_DEPENDS_ON:
        fits = *text != '\0' && strlen(text) <= 255 && strchr(text, '/') == NULL && text[0] != '.';
        break;
    case K_HOST_VOLUMES:
    case K_EFS_VOLUMES:
        fits = volume_fits(id, text);
        break;
    case K_LOG_OPTIONS:
        if (colon == NULL || colon == text) { // not shown: a value may be a secret
            job_problem_of(r, id, "an option has no name or no colon; it takes %s", job_key(id)->accepted);
        }
        break;
    default:
        break;
    }
    if (!fits) {
        auto_free char *shown = job_show(text);
        job_problem_of(r, id, "%s is not accepted; it takes %s", *text != '\0' ? shown : "an empty text",
                       job_key(id)->accepted);
    }
}

static const char *text_of(struct job_reader *r, enum job_key_id id, const char *shown, const struct json *value)
{
    const char *text = json_str(value);
    if (text == NULL && json_kind(value) == JSON_STR) {
        job_problem(r, "%s.%s: the text has a NUL (\\u0000) inside", job_key(id)->name, shown);
    } else if (text == NULL) {
        job_problem(r, "%s.%s: is no text; put its value in double quotes", job_key(id)->name, shown);
    }
    r->refused[id] = r->refused[id] || text == NULL;
    return text;
}

void job_check_var(struct job_reader *r, const char *name, const struct json *value)
{
    auto_free char *shown = job_show(name);
    const char *problem = NULL;
    if (*name == '\0') {
        problem = "a variable needs a name";
    } else if (strchr(name, '=') != NULL || has_space_or_control(name)) {
        problem = "a variable's name has no = and no white space";
    } else if (strncmp(name, "AWS_BATCH", strlen("AWS_BATCH")) == 0) {
        problem = "names that begin with AWS_BATCH are AWS Batch's own; give it another name";
    }
    if (problem != NULL) {
        job_problem(r, "environment.vars.%s: %s", shown, problem);
        r->refused[K_VARS] = true;
    }
    text_of(r, K_VARS, shown, value);
}

void job_check_tag(struct job_reader *r, const char *name, const struct json *value)
{
    auto_free char *shown = job_show(name);
    const char *text = text_of(r, K_TAGS, shown, value), *problem = job_tag_problem(name, text != NULL ? text : "");
    if (problem != NULL) {
        job_problem(r, "batch.aws_batch_tags.%s: %s", shown, problem);
        r->refused[K_TAGS] = true;
    }
}
