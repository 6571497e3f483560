#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/mem.h"
#include "batch/job_read_i.h"

// AWS Batch takes a SubmitJob of at most 30 KiB (its service quotas).
#define REQUEST_MAX (30 * 1024)
#define TIMEOUT_DEFAULT_S (5 * 24 * 3600)
#define TWICE_MAX 100

static void check_number(struct job_reader *r, enum job_key_id id, const struct json *value)
{
    const struct job_key *key = job_key(id);
    double number = 0;
    if (!json_real(value, &number)) {
        job_problem_kind(r, id, value);
        return;
    }
    auto_cleanup(buf_free) struct buf shown = {0};
    json_dump(value, &shown);
    if (key->type == JOB_T_WHOLE && number > floor(number)) {
        job_problem_of(r, id, "%s is no whole number; it takes %s", shown.data, key->accepted);
    } else if (number < key->min || (key->type == JOB_T_NUMBER && number <= key->min)) {
        job_problem_of(r, id, "%s is too small; it takes %s", shown.data, key->accepted);
    } else if (number > key->max && key->max > 1000) {
        job_problem_of(r, id, "%s is too large; it takes %s, at most %.0f", shown.data, key->accepted, key->max);
    } else if (number > key->max) {
        job_problem_of(r, id, "%s is too large; it takes %s", shown.data, key->accepted);
    }
}

// The items of a list: texts, each as its key asks.
static void check_list(struct job_reader *r, enum job_key_id id, const struct json *list)
{
    const struct job_key *key = job_key(id);
    if (key->max > 0 && (double)json_len(list) > key->max) {
        job_problem_of(r, id, "%zu items are too many; it takes %s, at most %.0f", json_len(list), key->accepted,
                       key->max);
    }
    for (size_t i = 0; i < json_len(list); i++) {
        const char *text = json_str(json_at(list, i));
        if (text != NULL) {
            job_check_item(r, id, text);
        } else if (json_kind(json_at(list, i)) == JSON_STR) {
            job_problem_of(r, id, "item %zu has a NUL (\\u0000) inside", i + 1);
        } else {
            job_problem_of(r, id, "item %zu is no text; put it in double quotes", i + 1);
        }
    }
}

static bool see_pair(void *arg, const char *name, const struct json *value)
{
    struct job_reader *r = arg;
    bool is_var = strcmp(r->level, "environment.vars.") == 0;
    auto_free char *full = mem_printf("%s%s", r->level, name);
    if (strv_has(&r->twice, full)) {
        auto_free char *shown = job_show(name);
        job_problem(r, "%s%s: is there twice; each name may be given once", r->level, shown);
        r->refused[is_var ? K_VARS : K_TAGS] = true;
    }
    if (is_var) {
        job_check_var(r, name, value);
    } else {
        job_check_tag(r, name, value);
    }
    return true;
}

static void check_pairs(struct job_reader *r, enum job_key_id id, const struct json *object)
{
    const struct job_key *key = job_key(id);
    const char *level = r->level;
    if (key->max > 0 && (double)json_len(object) > key->max) {
        job_problem_of(r, id, "%zu are too many; it takes %s, at most %.0f", json_len(object), key->accepted,
                       key->max);
    }
    r->level = id == K_VARS ? "environment.vars." : "batch.aws_batch_tags.";
    json_each(object, see_pair, r);
    r->level = level;
}

static bool see_member(void *arg, const char *name, const struct json *value);

static void check_object(struct job_reader *r, enum job_key_id id, const struct json *object)
{
    static const struct {
        enum job_key_id id;
        const char *level;
    } levels[] = {{K_RESOURCES, "resources."},
                  {K_BATCH, "batch."},
                  {K_ENVIRONMENT, "environment."},
                  {K_TIMEOUT, "timeout."},
                  {K_RETRY, "retry."}};
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        if (levels[i].id == id) {
            r->level = levels[i].level;
        }
    }
    json_each(object, see_member, r);
    r->level = "";
}

static void check_value(struct job_reader *r, enum job_key_id id, const struct json *value)
{
    const struct job_key *key = job_key(id);
    enum json_kind kind = json_kind(value);
    const char *text = json_str(value);
    bool list = key->type == JOB_T_LIST || key->type == JOB_T_TEXTS;
    if (key->type == JOB_T_REFUSED) {
        job_problem_of(r, id, "is refused: %s", key->meaning);
    } else if (key->type == JOB_T_WHOLE || key->type == JOB_T_NUMBER) {
        check_number(r, id, value);
    } else if (key->type == JOB_T_OBJECT && kind == JSON_OBJECT) {
        check_object(r, id, value);
    } else if (key->type == JOB_T_PAIRS && kind == JSON_OBJECT) {
        check_pairs(r, id, value);
    } else if (list && kind == JSON_ARRAY) {
        check_list(r, id, value);
    } else if (key->type == JOB_T_TEXTS && text != NULL) {
        job_check_item(r, id, text);
    } else if (key->type == JOB_T_TEXT && text != NULL) {
        job_check_text(r, id, text);
    } else if (key->type != JOB_T_ANYTHING && !(key->type == JOB_T_BOOL && kind == JSON_BOOL)) {
        job_problem_kind(r, id, value);
    }
}

static enum job_key_id id_of(const struct job_key *key)
{
    return (enum job_key_id)(key - job_key((enum job_key_id)0));
}

static bool see_member(void *arg, const char *name, const struct json *value)
{
    struct job_reader *r = arg;
    auto_free char *full = mem_printf("%s%s", r->level, name);
    const struct job_key *key = strchr(name, '.') == NULL ? job_key_find(full) : NULL;
    if (key == NULL) {
        job_problem_unknown(r, r->level, name);
        return true;
    }
    enum job_key_id id = id_of(key);
    if (strv_has(&r->twice, full)) {
        job_problem_of(r, id, "is there twice; give it once");
    }
    if (json_kind(value) == JSON_NULL && key->null_is_absent) {
        return true;
    }
    check_value(r, id, value);
    r->value[id] = r->refused[id] ? NULL : value;
    return true;
}

static int64_t whole(const struct job_reader *r, enum job_key_id id, int64_t fallback)
{
    double number = 0;
    return r->value[id] != NULL && json_real(r->value[id], &number) ? (int64_t)number : fallback;
}

static bool truth(const struct job_reader *r, enum job_key_id id, bool fallback)
{
    json_bool(r->value[id], &fallback);
    return fallback;
}

static char *text_of(const struct job_reader *r, enum job_key_id id)
{
    return mem_strdup(json_str(r->value[id]));
}

// @resources and @batch together as Metaflow has it (plugins/aws/aws_utils.py, compute_resource_attributes): where
// @resources is given, its own default counts too.
static double larger(const struct job_reader *r, enum job_key_id resources, enum job_key_id batch, double fallback,
                     bool resources_default)
{
    double a = fallback, b = fallback;
    bool has_a = json_real(r->value[resources], &a), has_b = json_real(r->value[batch], &b);
    has_a = has_a || (resources_default && r->value[K_RESOURCES] != NULL);
    return has_a && has_b ? fmax(a, b) : has_a ? a : b;
}

static void take_list(const struct job_reader *r, enum job_key_id id, struct strv *to)
{
    const struct json *value = r->value[id];
    if (json_str(value) != NULL) {
        strv_add(to, json_str(value));
    }
    for (size_t i = 0; i < json_len(value); i++) {
        strv_add(to, json_str(json_at(value, i)));
    }
}

static bool take_pair(void *arg, const char *name, const struct json *value)
{
    pairs_set(arg, name, json_str(value));
    return true;
}

static void take_command(struct job_reader *r, struct job_spec *j)
{
    const struct json *value = r->value[K_COMMAND];
    if (value == NULL && !r->refused[K_COMMAND]) {
        job_problem_of(r, K_COMMAND, "is missing; it takes %s", job_key(K_COMMAND)->accepted);
        return;
    }
    const char *script = json_str(value);
    const char *first = script != NULL ? script : json_str(json_at(value, 0));
    if (value != NULL && (first == NULL || first[strspn(first, " \t\r\n")] == '\0')) {
        job_problem_of(r, K_COMMAND, "is empty; it takes %s", job_key(K_COMMAND)->accepted);
        return;
    }
    if (script != NULL) {
        strv_add(&j->command, "sh");
        strv_add(&j->command, "-c");
    }
    take_list(r, K_COMMAND, &j->command);
}

static void take_timeout(struct job_reader *r, struct job_spec *j)
{
    j->timeout_s = TIMEOUT_DEFAULT_S;
    if (r->value[K_TIMEOUT] == NULL || r->refused[K_SECONDS] || r->refused[K_MINUTES] || r->refused[K_HOURS]) {
        return;
    }
    int64_t sum = whole(r, K_SECONDS, 0) + 60 * whole(r, K_MINUTES, 0) + 3600 * whole(r, K_HOURS, 0);
    if (sum == 0) {
        job_problem_of(r, K_TIMEOUT, "no duration is given; it takes seconds, minutes and hours, together at least 60 "
                       "seconds");
    } else if (sum < 60 || sum > INT32_MAX) {
        job_problem_of(r, K_TIMEOUT, "%" PRId64 " seconds are too %s; AWS Batch takes 60 to %d seconds", sum,
                       sum < 60 ? "few" : "many", INT32_MAX);
    }
    j->timeout_s = sum;
}

static void take_tmpfs(struct job_reader *r, struct job_spec *j)
{
    int64_t size = whole(r, K_TMPFS_SIZE, 0), memory = (int64_t)j->memory;
    bool memory_known = !r->refused[K_MEMORY] && !r->refused[K_RES_MEMORY];
    j->asks_tmpfs = truth(r, K_USE_TMPFS, false) || size > 0;
    j->tmpfs = j->asks_tmpfs;
    j->tmpfs_tempdir = truth(r, K_TMPFS_TEMPDIR, true);
    j->tmpfs_path = r->value[K_TMPFS_PATH] != NULL ? text_of(r, K_TMPFS_PATH) : mem_strdup("/metaflow_temp");
    j->tmpfs_size = !j->tmpfs ? 0 : size > 0 ? size : memory / 2;
    if (!memory_known || r->refused[K_TMPFS_SIZE]) {
        return;
    }
    if (size > memory) {
        job_problem_of(r, K_TMPFS_SIZE, "%" PRId64 " MiB are more than the job's memory of %" PRId64 " MiB, which the "
                       "tmpfs is part of; make it smaller or give more memory", size, memory);
    } else if (j->tmpfs && j->tmpfs_size == 0) {
        job_problem_of(r, K_USE_TMPFS, "half of the job's memory of 1 MiB is nothing; give tmpfs_size");
    }
}

// Two mounts in one place, or two volumes of one name, which AWS does not take.
static void add_mount(struct job_reader *r, enum job_key_id id, struct strv *names, struct strv *places,
                      const char *volume)
{
    size_t n = strcspn(volume, ":");
    auto_free char *source = mem_strndup(volume, n);
    char *name = id == K_EFS_VOLUMES ? mem_printf("efs_%s", source) : mem_strdup(source);
    char *place = volume[n] == ':'       ? mem_strdup(volume + n + 1)
                  : id == K_EFS_VOLUMES ? mem_printf("/mnt/%s", source)
                                        : mem_strdup(source);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' || *c == '.' ? '_' : *c; // as Metaflow names it
    }
    for (size_t len = strlen(place); len > 1 && place[len - 1] == '/'; len--) {
        place[len - 1] = '\0';
    }
    auto_free char *shown = job_show(volume);
    if (strv_has(names, name)) {
        job_problem_of(r, id, "%s: another volume has the same name for AWS, %s; mount one of the two", shown, name);
    } else if (strv_has(places, place)) {
        job_problem_of(r, id, "%s: something else is mounted at its path; give it another, as SOURCE:PATH", shown);
    }
    strv_take(names, name);
    strv_take(places, place);
}

static void check_mounts(struct job_reader *r, const struct job_spec *j)
{
    auto_cleanup(strv_free) struct strv names = {0}, places = {0};
    if (j->tmpfs) {
        strv_add(&places, j->tmpfs_path);
    }
    for (size_t i = 0; i < j->host_volumes.len && r->count < TWICE_MAX; i++) {
        add_mount(r, K_HOST_VOLUMES, &names, &places, j->host_volumes.items[i]);
    }
    for (size_t i = 0; i < j->efs_volumes.len && r->count < TWICE_MAX; i++) {
        add_mount(r, K_EFS_VOLUMES, &names, &places, j->efs_volumes.items[i]);
    }
}

static void take_batch(struct job_reader *r, struct job_spec *j)
{
    j->cpu = larger(r, K_RES_CPU, K_CPU, 1, true);
    j->memory = trunc(larger(r, K_RES_MEMORY, K_MEMORY, 4096, true));
    j->gpu = larger(r, K_RES_GPU, K_GPU, 0, false);
    j->shared_memory = (int64_t)larger(r, K_RES_SHARED_MEMORY, K_SHARED_MEMORY, -1, false);
    j->image = text_of(r, K_IMAGE);
    j->queue = text_of(r, K_QUEUE);
    j->iam_role = text_of(r, K_IAM_ROLE);
    j->execution_role = text_of(r, K_EXECUTION_ROLE);
    j->max_swap = whole(r, K_MAX_SWAP, -1);
    j->swappiness = whole(r, K_SWAPPINESS, -1);
    j->inferentia = whole(r, K_INFERENTIA, whole(r, K_TRAINIUM, 0));
    j->efa = whole(r, K_EFA, 0);
    j->ephemeral_storage = whole(r, K_EPHEMERAL_STORAGE, 0);
    take_list(r, K_HOST_VOLUMES, &j->host_volumes);
    take_list(r, K_EFS_VOLUMES, &j->efs_volumes);
    take_list(r, K_LOG_OPTIONS, &j->log_options);
    j->log_driver = text_of(r, K_LOG_DRIVER);
    j->privileged = truth(r, K_PRIVILEGED, false);
    json_each(r->value[K_TAGS], take_pair, &j->tags);
    if (r->value[K_INFERENTIA] != NULL && r->value[K_TRAINIUM] != NULL) {
        job_problem_of(r, K_TRAINIUM, "is another name of batch.inferentia; give only one of the two");
    }
    if (j->log_options.len > 0 && j->log_driver == NULL && !r->refused[K_LOG_DRIVER]) {
        job_problem_of(r, K_LOG_OPTIONS, "needs batch.log_driver beside it; it takes %s",
                       job_key(K_LOG_DRIVER)->accepted);
    }
    take_tmpfs(r, j);
    check_mounts(r, j);
}

static void check_size(struct job_reader *r, const struct job_spec *j)
{
    size_t size = 0;
    for (size_t i = 0; i < j->command.len; i++) {
        size += strlen(j->command.items[i]);
    }
    for (size_t i = 0; i < j->vars.len; i++) {
        size += strlen(j->vars.at[i].name) + strlen(j->vars.at[i].value);
    }
    if (size > REQUEST_MAX) {
        job_problem_of(r, K_COMMAND, "with environment.vars it has %zu bytes; AWS Batch takes jobs of at most %d in "
                       "all: put the long part into a file in S3 or in the image", size, REQUEST_MAX);
    }
}

static void take_all(struct job_reader *r, struct job_spec *j)
{
    take_command(r, j);
    j->name = r->value[K_NAME] != NULL ? text_of(r, K_NAME) : mem_strdup(r->name);
    j->code = text_of(r, K_CODE);
    take_list(r, K_DEPENDS_ON, &j->depends_on);
    if (strv_has(&j->depends_on, r->name)) {
        job_problem_of(r, K_DEPENDS_ON, "a job cannot wait for itself; take its own name out");
    }
    j->dry_run = truth(r, K_DRY_RUN, false);
    take_batch(r, j);
    json_each(r->value[K_VARS], take_pair, &j->vars);
    take_timeout(r, j);
    j->attempts = r->value[K_RETRY] != NULL ? (unsigned)whole(r, K_TIMES, 3) + 1 : 0;
    check_size(r, j);
}

static bool see_flaw(void *arg, enum json_flaw flaw, const char *path)
{
    struct job_reader *r = arg;
    auto_free char *shown = job_show(path);
    if (flaw == JSON_FLAW_TWICE && r->twice.len < TWICE_MAX) {
        strv_add(&r->twice, path);
    } else if (flaw == JSON_FLAW_TOO_LARGE) {
        job_problem(r, "%s: a number is too large for anything", shown);
    } else if (flaw == JSON_FLAW_SURROGATE) {
        job_problem(r, "%s: a \\ud800 to \\udfff alone is half of a character; write both halves, or the character",
                    shown);
    } else if (flaw == JSON_FLAW_NUL_KEY) {
        job_problem(r, "%s: a key with a NUL (\\u0000) inside is not known", *path != '\0' ? shown : "the file");
    }
    return true;
}

// What stands in the way of looking at the members at all.
static struct json *parse(struct job_reader *r, const char *text, size_t len)
{
    struct json_scan_place place;
    struct json *root = NULL;
    struct err err = ERR_INIT;
    if (len > JOB_TEXT_MAX) {
        job_problem(r, "the file has %zu bytes; a job file has at most %d", len, JOB_TEXT_MAX);
        return NULL;
    }
    enum json_scan_state state = json_scan(text, len, &place);
    if (state == JSON_SCAN_EMPTY) {
        job_problem(r, "the file is empty; a job file is a JSON object, { ... }");
        return NULL;
    }
    if (state != JSON_SCAN_COMPLETE) {
        job_problem(r, "line %zu, column %zu: %s", place.line, place.column, place.what);
        return NULL;
    }
    json_flaws(text, len, see_flaw, r);
    if (r->count == 0 && json_parse(text, len, "the file", &root, &err) != ERR_OK) {
        job_problem(r, "the file cannot be read as JSON"); // without the parser's words, which show its text
    }
    return root;
}

errc job_spec_read(const char *text, size_t len, const char *name, struct job_spec *ret, struct buf *problems,
                   struct err *err)
{
    struct job_reader r = {.name = name, .problems = problems, .level = ""};
    struct job_spec job = {0};
    auto_cleanup(json_freep) struct json *root = parse(&r, text, len);
    if (root != NULL) {
        json_each(root, see_member, &r);
        take_all(&r, &job);
    }
    job_problems_end(&r);
    strv_free(&r.twice);
    auto_free char *first = r.first;
    if (r.count == 0 && root != NULL) {
        *ret = job;
        return ERR_OK;
    }
    job_spec_free(&job);
    if (r.count == 1) {
        return err_set(err, ERR_INVALID, "%s", first);
    }
    return err_set(err, ERR_INVALID, "%.520s (and %zu more)", first, r.count - 1);
}
