// --check: what would be mounted, from where, and what stands in the way.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/mount.h"
#include "fs/stack_s3.h"
#include "fs/stack_service.h"

#define CHECK_MS 30000

static int problem(enum exit_code code, const struct err *err)
{
    printf("problem      %s\n", err->cause);
    return code;
}

static bool count_flow(void *arg, const char *name, enum kind kind, const struct tattr *attr)
{
    (void)kind;
    (void)attr;
    size_t *n = arg;
    if (++*n <= 3) {
        printf("flow         %s\n", name);
    }
    return true;
}

static void print_lines(const char *label, const char *text)
{
    for (const char *end; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
        end = strchrnul(text, '\n');
        printf("%-12s %.*s\n", label, (int)(end - text), text);
    }
}

static void print_cache(struct cache *cache)
{
    struct cache_stats stats;
    cache_stats(cache, &stats);
    printf("cache        %s: %llu items, %llu bytes\n", cache_where(cache), (unsigned long long)stats.items,
           (unsigned long long)stats.bytes);
}

// The service itself is asked, whatever the cache knows; a mount may do with what the cache knows.
static int check_service(struct stack *stack)
{
    struct err err = ERR_INIT;
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + CHECK_MS};
    size_t flows;
    print_cache(stack->cache);
    int64_t start = clock_mono_ms();
    if (stack_service_ask(stack, &cancel, &flows, &err)) {
        printf("service      does not answer\n");
        return problem(EXIT_SERVICE, &err);
    }
    auto_free char *traits = service_traits_text(stack->service);
    printf("service      answers, %zu flows in %lld ms\n", flows, (long long)(clock_mono_ms() - start));
    print_lines("service can", traits);
    return EXIT_OK;
}

static int check_s3(struct stack *stack)
{
    struct err err = ERR_INIT;
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + CHECK_MS};
    auto_cleanup(buf_free) struct buf text = {0};
    int64_t start = clock_mono_ms();
    errc e = stack_s3_check(stack, &cancel, &err);
    stack_s3_describe(stack, 12, &text);
    fputs(text.data != NULL ? text.data : "", stdout);
    if (e) {
        printf("bucket       cannot be read\n");
        return problem(EXIT_DATASTORE, &err);
    }
    printf("bucket       answers, in %lld ms\n", (long long)(clock_mono_ms() - start));
    return EXIT_OK;
}

// As a mount does: what it only warns of is no problem.
static int check_staging(const struct stack *stack)
{
    struct err err = ERR_INIT;
    errc e = staging_check(stack->tempdir, &err);
    if (e && stack->s3_root != NULL) {
        return problem(EXIT_CONFIG, &err);
    }
    if (e) {
        printf("warning      %s\n", err.cause);
    }
    return EXIT_OK;
}

static int list_flows(struct stack *stack, const struct options *o)
{
    struct err err = ERR_INIT;
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + CHECK_MS};
    enum exit_code code;
    struct tref root;
    size_t n = 0;
    tref_init_root(&root);
    if (stack_build(stack, o, NULL, &code, &err)) {
        return problem(code, &err);
    }
    int result = check_staging(stack);
    if (result == EXIT_OK && stack->service != NULL) {
        result = check_service(stack);
    }
    if (result == EXIT_OK && stack->s3_root != NULL) {
        result = check_s3(stack);
    }
    if (result == EXIT_OK && tree_list(stack->tree, &root, &cancel, count_flow, &n, &err)) {
        result = problem(stack_unread(stack), &err);
    }
    if (result == EXIT_OK) {
        printf("flows        %zu\n", n);
    }
    return result;
}

static void print_found(const struct stack *stack, const struct options *o)
{
    static const char *const sources[] = {
        [CONFIG_DEFAULT] = "default", [CONFIG_GLOBAL_FILE] = "global config.json",
        [CONFIG_PROJECT_FILE] = "project config.json", [CONFIG_ENV] = "environment", [CONFIG_OPTION] = "option"};
    bool there = stack->s3_root != NULL || access(stack->root, F_OK) == 0;
    printf("datastore    %s%s\n", stack_datastore(stack), there ? "" : " (not there yet)");
    if (stack->service_shown != NULL) {
        printf("metadata     %s (METAFLOW_SERVICE_URL: %s)\n", stack->service_shown,
               sources[config_source(stack->config, "SERVICE_URL")]);
    } else {
        printf("metadata     local%s%s (METAFLOW_DEFAULT_METADATA: %s)\n",
               stack->s3_root != NULL ? ", in " : "", stack->s3_root != NULL ? stack->root : "",
               sources[config_source(stack->config, "DEFAULT_METADATA")]);
    }
    printf("namespace    %s\n", o->ns != NULL ? o->ns : "(all)");
    printf("staging      %s (METAFLOW_TEMPDIR: %s)\n", stack->tempdir,
           sources[config_source(stack->config, "TEMPDIR")]);
}

static int check_mountpoint(const struct options *o, const struct stack *stack)
{
    struct err err = ERR_INIT;
    enum exit_code code;
    auto_free char *mountpoint = NULL;
    if (o->mountpoint != NULL) {
        if (mountpoint_check(o, stack, &mountpoint, &code, &err)) {
            return problem(code, &err);
        }
        printf("mountpoint   %s\n", mountpoint);
    }
    if (fuse_check(o, &code, &err)) {
        return problem(code, &err);
    }
    printf("fuse         ready\n");
    return EXIT_OK;
}

int check_run(const struct options *o)
{
    struct stack stack = {0};
    struct err err = ERR_INIT;
    enum exit_code code = EXIT_OTHER;
    auto_free char *cwd = getcwd(NULL, 0);
    errc e = cwd == NULL ? err_set_errno(&err, errno, "the working directory")
                         : stack_find(&stack, o, cwd, &code, &err);
    int result = e ? problem(code, &err) : EXIT_OK;
    if (!e) {
        print_found(&stack, o);
        result = list_flows(&stack, o);
    }
    if (result == EXIT_OK) {
        result = check_mountpoint(o, &stack);
    }
    if (result == EXIT_OK) {
        printf("ready\n");
    }
    stack_free(&stack);
    return result;
}
