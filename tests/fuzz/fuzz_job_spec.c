// batch/job_spec.h: any bytes are a job within its limits, or problems: a line each, printable, the first of them the
// cause.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/mem.h"
#include "batch/job_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_job(const struct job_spec *j)
{
    need(j->command.len > 0 && j->name != NULL && j->tmpfs_path != NULL && j->tmpfs_path[0] == '/');
    need(j->cpu > 0 && j->cpu < 1e6 && j->memory >= 1 && j->memory < 2147483648.0 && j->gpu >= 0);
    need(j->tmpfs == j->asks_tmpfs && (j->tmpfs ? j->tmpfs_size >= 1 : j->tmpfs_size == 0));
    need((double)j->tmpfs_size <= j->memory);
    need(j->timeout_s >= 60 && j->timeout_s <= INT32_MAX && j->attempts <= 5 && j->depends_on.len <= 20);
    need(j->shared_memory != 0 && j->max_swap >= -1 && j->swappiness >= -1 && j->swappiness <= 100);
    need(j->inferentia >= 0 && j->inferentia <= 256 && j->efa >= 0 && j->tags.len <= 50);
    need(j->ephemeral_storage == 0 || (j->ephemeral_storage >= 21 && j->ephemeral_storage <= 200));
    need(j->log_options.len == 0 || j->log_driver != NULL);
    for (size_t i = 0; i < j->vars.len; i++) {
        need(j->vars.at[i].name[0] != '\0' && strncmp(j->vars.at[i].name, "AWS_BATCH", 9) != 0);
    }
    need(job_spec_tempdir(j)[0] == (j->tmpfs ? '/' : '.'));
}

static void check_problems(const struct buf *problems, const struct err *err)
{
    need(err->code == ERR_INVALID && err->cause[0] != '\0' && problems->len > 0);
    need(problems->data[problems->len - 1] == '\n');
    for (size_t i = 0; i < problems->len; i++) {
        need((unsigned char)problems->data[i] >= 0x20 || problems->data[i] == '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct job_spec job;
    auto_cleanup(buf_free) struct buf problems = {0};
    struct json_scan_place place;
    auto_free char *text = malloc(size > 0 ? size : 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    if (job_spec_read(text, size, "train", &job, &problems, &err) == ERR_OK) {
        need(problems.len == 0 && json_scan(text, size, &place) == JSON_SCAN_COMPLETE);
        check_job(&job);
        job_spec_free(&job);
    } else {
        check_problems(&problems, &err);
    }
    return 0;
}
