// The files of the local metadata provider: the bytes are taken as each kind of file in turn. What
// parses is written back as a run's file, which must parse to the same.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/meta_local.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

static void same_tags(const struct strv *a, const struct strv *b)
{
    check(a->len == b->len);
    for (size_t i = 0; i < a->len; i++)
        check(strcmp(a->items[i], b->items[i]) == 0);
}

static void fuzz_object(const char *text, size_t size)
{
    struct err err = ERR_INIT;
    struct meta_object *o = mem_zalloc(sizeof *o);
    struct meta_object *again = mem_zalloc(sizeof *again);
    if (meta_local_parse_object(text, size, "fuzz", o, &err) == ERR_OK) {
        auto_free char *written = meta_local_run_text("F", "1", o->user, &o->tags, &o->system_tags, 7);
        check(meta_local_parse_object(written, strlen(written), "again", again, &err) == ERR_OK);
        check(again->created_ms == 7 && (o->user ? strcmp(o->user, again->user) == 0 : !again->user));
        same_tags(&o->tags, &again->tags);
        same_tags(&o->system_tags, &again->system_tags);
    } else {
        check(err.code == ERR_CORRUPT && err.cause[0]);
    }
    meta_object_free(o);
    meta_object_free(again);
}

static void fuzz_record(const char *text, size_t size)
{
    struct err err = ERR_INIT;
    struct meta_record record;
    if (meta_local_parse_record(text, size, "fuzz", &record, &err) != ERR_OK)
        return;
    check(record.field && record.value && record.attempt >= -1);
    free(record.field);
    free(record.type);
    free(record.value);
}

static void fuzz_artifact(const char *text, size_t size)
{
    struct err err = ERR_INIT;
    struct meta_artifacts artifacts = {.items = mem_zalloc(sizeof *artifacts.items), .cap = 1};
    if (meta_local_parse_artifact(text, size, "fuzz", "x", 3, artifacts.items, &err) == ERR_OK)
        artifacts.len = 1;
    check(!artifacts.len || artifacts.items->sha);
    meta_artifacts_free(&artifacts);
}

static void fuzz_names(const char *text, size_t size)
{
    auto_free char *name = mem_strndup(text, size);
    auto_free char *artifact = NULL;
    struct err err = ERR_INIT;
    int attempt;
    if (meta_local_artifact_file(name, &attempt, &artifact)) {
        auto_free char *back = mem_printf("%d_artifact_%s.json", attempt, artifact);
        check(strcmp(back, name) == 0);
    }
    if (meta_local_check_tag(name, &err) == ERR_OK)
        check(name[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // A copy of exactly this size, so that a read past its end is seen.
    char *text = malloc(size ? size : 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    fuzz_object(text, size);
    fuzz_record(text, size);
    fuzz_artifact(text, size);
    fuzz_names(text, size);
    free(text);
    return 0;
}
