// batch/job_spec.h: what a job file is read as, by the rules of Metaflow's decorators and of AWS.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "batch/job_spec.h"

static struct job_spec good(const char *text)
{
    struct job_spec job;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf problems = {0};
    if (job_spec_read(text, strlen(text), "train", &job, &problems, &err) != ERR_OK) {
        fail_msg("%s: %s", text, err.cause);
    }
    assert_int_equal(problems.len, 0);
    return job;
}

// The job of {"command": "x", MORE}.
static struct job_spec good_with(const char *more)
{
    auto_free char *text = mem_printf("{\"command\": \"x\", %s}", more);
    return good(text);
}

static void defaults(void **state)
{
    (void)state;
    auto_cleanup(job_spec_free) struct job_spec j = good("{\"command\": [\"python\", \"train.py\", \"\"]}");
    assert_int_equal(j.command.len, 3);
    assert_string_equal(j.command.items[1], "train.py");
    assert_string_equal(j.name, "train");
    assert_null(j.code);
    assert_int_equal(j.depends_on.len, 0);
    assert_false(j.dry_run);
    assert_true(j.cpu == 1 && j.memory == 4096 && j.gpu == 0);
    assert_true(j.image == NULL && j.queue == NULL && j.iam_role == NULL && j.execution_role == NULL);
    assert_true(j.shared_memory == -1 && j.max_swap == -1 && j.swappiness == -1);
    assert_true(j.inferentia == 0 && j.efa == 0 && j.ephemeral_storage == 0);
    assert_true(j.host_volumes.len == 0 && j.efs_volumes.len == 0 && j.log_options.len == 0 && j.log_driver == NULL);
    assert_false(j.privileged || j.asks_tmpfs || j.tmpfs);
    assert_true(j.tmpfs_tempdir && j.tmpfs_size == 0);
    assert_string_equal(j.tmpfs_path, "/metaflow_temp");
    assert_string_equal(job_spec_tempdir(&j), ".");
    assert_true(j.vars.len == 0 && j.tags.len == 0 && j.timeout_s == 432000 && j.attempts == 0);
}

static void everything(void **state)
{
    (void)state;
    auto_cleanup(job_spec_free) struct job_spec j = good(
        "{\"command\": \"python train.py\", \"name\": \"big-1_a\", \"code\": \"HelloFlow/1795373817325255\","
        "\"depends_on\": [\"prepare\", \"6bd0ff5e-1c9c-4a5a-8b5f-000000000000\"], \"dry_run\": true,"
        "\"resources\": {\"cpu\": 8, \"memory\": 100000, \"gpu\": 1, \"disk\": 5000, \"shared_memory\": 64},"
        "\"batch\": {\"cpu\": 0.25, \"memory\": 2000.0, \"gpu\": 2, \"shared_memory\": 128, \"image\": "
        "\"r.io/a/b@sha256:0f\", \"queue\": \"arn:aws:batch:us-east-1:1:job-queue/q\", \"iam_role\": "
        "\"arn:aws:iam::1:role/r\", \"execution_role\": \"arn:aws:iam::1:role/e\", \"max_swap\": 0, \"swappiness\": 100,"
        "\"trainium\": 2, \"efa\": 1, \"ephemeral_storage\": 21, \"host_volumes\": \"/mnt/a\", \"efs_volumes\": "
        "[\"fs-1\", \"fs-2:/data\"], \"log_driver\": \"awslogs\", \"log_options\": [\"awslogs-group:a:b\"],"
        "\"privileged\": true, \"aws_batch_tags\": {\"app\": \"a b+c=1\", \"empty\": \"\", \"\xc3\xbc\": \"x\"}},"
        "\"environment\": {\"vars\": {\"B\": \"{tempdir}/x\", \"A\": \"\"}},"
        "\"timeout\": {\"hours\": 2, \"minutes\": 1.0, \"seconds\": 5}, \"retry\": {\"times\": 1, "
        "\"minutes_between_retries\": 0}}");
    assert_string_equal(j.command.items[0], "sh");
    assert_string_equal(j.command.items[1], "-c");
    assert_string_equal(j.command.items[2], "python train.py");
    assert_string_equal(j.name, "big-1_a");
    assert_string_equal(j.code, "HelloFlow/1795373817325255");
    assert_true(j.depends_on.len == 2 && j.dry_run);
    assert_true(j.cpu == 8 && j.memory == 100000 && j.gpu == 2 && j.shared_memory == 128);
    assert_string_equal(j.image, "r.io/a/b@sha256:0f");
    assert_string_equal(j.queue, "arn:aws:batch:us-east-1:1:job-queue/q");
    assert_string_equal(j.iam_role, "arn:aws:iam::1:role/r");
    assert_string_equal(j.execution_role, "arn:aws:iam::1:role/e");
    assert_true(j.max_swap == 0 && j.swappiness == 100 && j.inferentia == 2 && j.efa == 1);
    assert_int_equal(j.ephemeral_storage, 21);
    assert_string_equal(j.host_volumes.items[0], "/mnt/a");
    assert_string_equal(j.efs_volumes.items[1], "fs-2:/data");
    assert_string_equal(j.log_driver, "awslogs");
    assert_string_equal(j.log_options.items[0], "awslogs-group:a:b");
    assert_true(j.privileged && j.tags.len == 3 && j.vars.len == 2);
    assert_string_equal(pairs_get(&j.tags, "app"), "a b+c=1");
    assert_string_equal(j.vars.at[0].name, "B");
    assert_string_equal(j.vars.at[0].value, "{tempdir}/x");
    assert_true(j.timeout_s == 7265 && j.attempts == 2);
}

static void tmpfs(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        bool tmpfs, tempdir;
        int64_t size;
        const char *path, *stands_for;
    } cases[] = {
        {"\"batch\": {\"memory\": 100000, \"use_tmpfs\": true}", true, true, 50000, "/metaflow_temp", "/metaflow_temp"},
        {"\"batch\": {\"memory\": 100000, \"tmpfs_size\": 100000}", true, true, 100000, "/metaflow_temp",
         "/metaflow_temp"},
        {"\"batch\": {\"memory\": 100000, \"tmpfs_size\": 10000, \"tmpfs_path\": \"/data\", \"tmpfs_tempdir\": false}",
         true, false, 10000, "/data", "/data"},
        {"\"resources\": {\"cpu\": 8, \"memory\": 100000}, \"batch\": {\"use_tmpfs\": true}", true, true, 50000,
         "/metaflow_temp", "/metaflow_temp"},
        {"\"resources\": {\"cpu\": 2, \"memory\": 8193}, \"batch\": {\"use_tmpfs\": true, \"memory\": 2000}", true, true,
         4096, "/metaflow_temp", "/metaflow_temp"},
        {"\"resources\": {\"gpu\": 1}, \"batch\": {\"tmpfs_size\": 3000, \"memory\": 2000}", true, true, 3000,
         "/metaflow_temp", "/metaflow_temp"},
        {"\"batch\": {\"memory\": 4097, \"use_tmpfs\": true}", true, true, 2048, "/metaflow_temp", "/metaflow_temp"},
        {"\"batch\": {\"memory\": 2, \"use_tmpfs\": true}", true, true, 1, "/metaflow_temp", "/metaflow_temp"},
        {"\"batch\": {\"use_tmpfs\": false, \"tmpfs_size\": 5.0}", true, true, 5, "/metaflow_temp", "/metaflow_temp"},
        {"\"batch\": {\"tmpfs_path\": \"/data\", \"tmpfs_tempdir\": true, \"tmpfs_size\": null}", false, true, 0, "/data",
         "."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        auto_cleanup(job_spec_free) struct job_spec j = good_with(cases[i].more);
        assert_int_equal(j.tmpfs, cases[i].tmpfs);
        assert_int_equal(j.asks_tmpfs, cases[i].tmpfs);
        assert_int_equal(j.tmpfs_tempdir, cases[i].tempdir);
        assert_int_equal(j.tmpfs_size, cases[i].size);
        assert_string_equal(j.tmpfs_path, cases[i].path);
        assert_string_equal(job_spec_tempdir(&j), cases[i].stands_for);
    }
}

// @resources' own defaults count where it is given, as in Metaflow's compute_resource_attributes.
static void resources(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        double cpu, memory, gpu;
        int64_t shared_memory;
    } cases[] = {
        {"\"batch\": {\"cpu\": 0.5, \"memory\": 2000}", 0.5, 2000, 0, -1},
        {"\"resources\": {}, \"batch\": {\"cpu\": 0.5, \"memory\": 2000}", 1, 4096, 0, -1},
        {"\"resources\": {\"memory\": 100, \"cpu\": 0.1}", 0.1, 100, 0, -1},
        {"\"resources\": null, \"batch\": {\"memory\": 100}", 1, 100, 0, -1},
        {"\"resources\": {\"gpu\": 0, \"shared_memory\": 8}, \"batch\": {\"gpu\": null}", 1, 4096, 0, 8},
        {"\"resources\": {\"gpu\": 3, \"shared_memory\": 8}, \"batch\": {\"gpu\": 1, \"shared_memory\": 4}", 1, 4096, 3, 8},
        {"\"batch\": {\"cpu\": null, \"memory\": 4096.0, \"image\": null, \"queue\": null, \"swappiness\": null}", 1, 4096,
         0, -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        auto_cleanup(job_spec_free) struct job_spec j = good_with(cases[i].more);
        assert_true(j.cpu == cases[i].cpu);
        assert_true(j.memory == cases[i].memory);
        assert_true(j.gpu == cases[i].gpu);
        assert_int_equal(j.shared_memory, cases[i].shared_memory);
    }
}

static void small_ones(void **state)
{
    (void)state;
    auto_cleanup(job_spec_free) struct job_spec retry = good_with("\"retry\": {}");
    assert_int_equal(retry.attempts, 4);
    auto_cleanup(job_spec_free) struct job_spec never = good_with("\"retry\": {\"times\": 0}, \"timeout\": null");
    assert_int_equal(never.attempts, 1);
    auto_cleanup(job_spec_free) struct job_spec minute =
        good_with("\"timeout\": {\"seconds\": 60}, \"name\": null, \"code\": null, \"depends_on\": null, "
                  "\"environment\": {}, \"batch\": {\"executable\": null, \"inferentia\": 3, \"trainium\": null}");
    assert_int_equal(minute.timeout_s, 60);
    assert_int_equal(minute.inferentia, 3);
    assert_string_equal(minute.name, "train");
    auto_cleanup(job_spec_free) struct job_spec volumes =
        good_with("\"batch\": {\"host_volumes\": [\"/\\u002fa.b:/x\", \"/b/\"], \"efs_volumes\": \"fs-1:/y\", "
                  "\"log_driver\": \"awslogs\", \"log_options\": \"a:\", \"aws_batch_tags\": {}}");
    assert_int_equal(volumes.host_volumes.len, 2);
}

static void refused_all(const char *text, size_t len, const char *const *parts, size_t n)
{
    struct job_spec job = {.cpu = 77};
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf problems = {0};
    auto_free char *exact = malloc(len > 0 ? len : 1);
    memcpy(exact, text, len);
    if (job_spec_read(exact, len, "train", &job, &problems, &err) != ERR_INVALID) {
        fail_msg("accepted: %.200s", text);
    }
    assert_true(job.cpu == 77); // *ret is written on success only
    const char *at = problems.data;
    for (size_t i = 0; i < n; i++) {
        const char *found = strstr(at, parts[i]);
        if (found == NULL) {
            fail_msg("%.300s: no \"%s\" in: %s", text, parts[i], problems.data);
        }
        at = found + strlen(parts[i]);
    }
    assert_non_null(strstr(problems.data, "\n"));
    assert_true(strlen(err.cause) > 0);
}

// One problem alone, in one line that begins with the key and has the part.
static void refused(const char *text, const char *key, const char *part)
{
    struct job_spec job;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf problems = {0};
    if (job_spec_read(text, strlen(text), "train", &job, &problems, &err) != ERR_INVALID) {
        fail_msg("accepted: %s", text);
    }
    size_t n = strlen(key);
    bool one_line = problems.len > 0 && strchr(problems.data, '\n') == problems.data + problems.len - 1;
    if (!one_line || strncmp(problems.data, key, n) != 0 || strncmp(problems.data + n, ": ", 2) != 0 ||
        strstr(problems.data, part) == NULL) {
        fail_msg("%s: expected %s: ... %s; got: %s", text, key, part, problems.data);
    }
    problems.data[problems.len - 1] = '\0';
    assert_string_equal(err.cause, problems.data);
}

struct refusal {
    const char *more, *key, *part;
};

static void refusals(const struct refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        auto_free char *text = mem_printf("{\"command\": \"x\", %s}", cases[i].more);
        refused(text, cases[i].key, cases[i].part);
    }
}

static void numbers(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"\"batch\": {\"memory\": \"4096\"}", "batch.memory", "\"4096\" is text; write 4096 without quotes"},
        {"\"batch\": {\"memory\": \"4 GB\"}", "batch.memory", "\"4 GB\" is text; it takes a whole number of MiB above 0"},
        {"\"batch\": {\"memory\": 0}", "batch.memory", "0 is too small"},
        {"\"batch\": {\"memory\": -1}", "batch.memory", "-1 is too small"},
        {"\"batch\": {\"memory\": -0}", "batch.memory", "too small"},
        {"\"batch\": {\"memory\": 4096.5}", "batch.memory", "4096.5 is no whole number"},
        {"\"batch\": {\"memory\": true}", "batch.memory", "true is a truth value"},
        {"\"batch\": {\"memory\": [4096]}", "batch.memory", "a list is not what it takes"},
        {"\"batch\": {\"memory\": {}}", "batch.memory", "an object is not what it takes"},
        {"\"batch\": {\"memory\": 9223372036854775808}", "batch.memory", "too large"},
        {"\"batch\": {\"memory\": 9223372036854775807}", "batch.memory", "at most 2147483647"},
        {"\"batch\": {\"memory\": 2147483648}", "batch.memory", "at most 2147483647"},
        {"\"batch\": {\"memory\": 1e308}", "batch.memory", "too large"},
        {"\"batch\": {\"memory\": 1e999}", "batch.memory", "too large"},
        {"\"batch\": {\"cpu\": 0}", "batch.cpu", "a number above 0"},
        {"\"batch\": {\"cpu\": 1e6}", "batch.cpu", "at most 999999"},
        {"\"batch\": {\"gpu\": 0.5}", "batch.gpu", "no whole number"},
        {"\"batch\": {\"gpu\": -1}", "batch.gpu", "a whole number of 0 or more"},
        {"\"resources\": {\"cpu\": null}", "resources.cpu", "null is not accepted; leave the key out"},
        {"\"resources\": {\"cpu\": \"2\"}", "resources.cpu", "write 2 without quotes"},
        {"\"resources\": {\"shared_memory\": 0}", "resources.shared_memory", "above 0"},
        {"\"batch\": {\"shared_memory\": 0}", "batch.shared_memory", "above 0"},
        {"\"batch\": {\"max_swap\": -1}", "batch.max_swap", "of 0 or more"},
        {"\"batch\": {\"swappiness\": 101}", "batch.swappiness", "from 0 to 100"},
        {"\"batch\": {\"ephemeral_storage\": 20}", "batch.ephemeral_storage", "from 21 to 200"},
        {"\"batch\": {\"ephemeral_storage\": 201}", "batch.ephemeral_storage", "from 21 to 200"},
        {"\"batch\": {\"inferentia\": 1000000}", "batch.inferentia", "from 0 to 256"},
        {"\"batch\": {\"efa\": true}", "batch.efa", "truth value"},
        {"\"batch\": {\"inferentia\": 0, \"trainium\": 0}", "batch.trainium", "only one of the two"},
        {"\"timeout\": {}", "timeout", "no duration is given"},
        {"\"timeout\": {\"hours\": 0, \"seconds\": 0}", "timeout", "no duration is given"},
        {"\"timeout\": {\"seconds\": 59}", "timeout", "59 seconds are too few; AWS Batch takes 60 to 2147483647"},
        {"\"timeout\": {\"hours\": 600000}", "timeout", "2160000000 seconds are too many"},
        {"\"timeout\": {\"hours\": 0.5}", "timeout.hours", "no whole number"},
        {"\"timeout\": {\"minutes\": -1}", "timeout.minutes", "too small"},
        {"\"timeout\": {\"minutes\": null}", "timeout.minutes", "null is not accepted"},
        {"\"timeout\": 3600", "timeout", "an object, such as {\"hours\": 2}"},
        {"\"retry\": 3", "retry", "an object, such as {\"times\": 1}"},
        {"\"retry\": {\"times\": 5}", "retry.times", "from 0 to 4"},
        {"\"retry\": {\"times\": -1}", "retry.times", "from 0 to 4"},
        {"\"retry\": {\"minutes_between_retries\": 2}", "retry.minutes_between_retries", "AWS Batch retries at once"},
    };
    refusals(cases, sizeof(cases) / sizeof(*cases));
}

static void tmpfs_refused(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"\"batch\": {\"use_tmpfs\": \"true\"}", "batch.use_tmpfs", "\"true\" is text; write true without quotes"},
        {"\"batch\": {\"use_tmpfs\": \"True\"}", "batch.use_tmpfs", "write true without quotes"},
        {"\"batch\": {\"use_tmpfs\": 1}", "batch.use_tmpfs", "1 is a number; it takes true or false"},
        {"\"batch\": {\"use_tmpfs\": null}", "batch.use_tmpfs", "null is not accepted"},
        {"\"batch\": {\"tmpfs_tempdir\": null}", "batch.tmpfs_tempdir", "null is not accepted"},
        {"\"batch\": {\"tmpfs_size\": 0}", "batch.tmpfs_size", "0 is too small; it takes a whole number of MiB above 0"},
        {"\"batch\": {\"tmpfs_size\": -5}", "batch.tmpfs_size", "-5 is too small"},
        {"\"batch\": {\"tmpfs_size\": \"10000\"}", "batch.tmpfs_size", "write 10000 without quotes"},
        {"\"batch\": {\"tmpfs_size\": 10000.7, \"memory\": 20000}", "batch.tmpfs_size", "no whole number"},
        {"\"batch\": {\"tmpfs_size\": 4097}", "batch.tmpfs_size", "4097 MiB are more than the job's memory of 4096 MiB"},
        {"\"batch\": {\"tmpfs_size\": 4097, \"memory\": 4096}, \"resources\": {\"memory\": 100}", "batch.tmpfs_size",
         "more than the job's memory"},
        {"\"batch\": {\"memory\": 1, \"use_tmpfs\": true}", "batch.use_tmpfs", "give tmpfs_size"},
        {"\"batch\": {\"memory\": 0, \"tmpfs_size\": 100}", "batch.memory", "too small"},
        {"\"batch\": {\"tmpfs_path\": \"data\"}", "batch.tmpfs_path", "data is not accepted; it takes an absolute path"},
        {"\"batch\": {\"tmpfs_path\": \"/\"}", "batch.tmpfs_path", "an absolute path other than /"},
        {"\"batch\": {\"tmpfs_path\": \"///\"}", "batch.tmpfs_path", "an absolute path other than /"},
        {"\"batch\": {\"tmpfs_path\": \"/a/..\"}", "batch.tmpfs_path", "an absolute path"},
        {"\"batch\": {\"tmpfs_path\": \"/data:x\"}", "batch.tmpfs_path", "without : and control characters"},
        {"\"batch\": {\"tmpfs_path\": \"/data/../x\"}", "batch.tmpfs_path", "with no part . or .."},
        {"\"batch\": {\"tmpfs_path\": \"/./\"}", "batch.tmpfs_path", "an absolute path"},
        {"\"batch\": {\"tmpfs_path\": \"/a\\nb\"}", "batch.tmpfs_path", "\"/a\\nb\" is not accepted"},
        {"\"batch\": {\"tmpfs_path\": \"\"}", "batch.tmpfs_path", "an empty text is not accepted"},
        {"\"batch\": {\"tmpfs_path\": \"/a\\u0000b\"}", "batch.tmpfs_path", "NUL"},
        {"\"batch\": {\"use_tmpfs\": true, \"tmpfs_path\": \"/data\", \"host_volumes\": \"/x:/data/\"}",
         "batch.host_volumes", "something else is mounted"},
    };
    refusals(cases, sizeof(cases) / sizeof(*cases));
}

static void texts(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"\"name\": \"\"", "name", "an empty text"},
        {"\"name\": \"a/b\"", "name", "letters, digits, - and _"},
        {"\"name\": \"-a\"", "name", "the first a letter or digit"},
        {"\"name\": \"..\"", "name", ".. is not accepted"},
        {"\"name\": 5", "name", "5 is a number"},
        {"\"code\": \"HelloFlow\"", "code", "a run, FLOW/RUN"},
        {"\"code\": \"HelloFlow/1/start\"", "code", "a run, FLOW/RUN"},
        {"\"code\": \"HelloFlow/..\"", "code", "a run, FLOW/RUN"},
        {"\"code\": \"/1\"", "code", "a run, FLOW/RUN"},
        {"\"dry_run\": null", "dry_run", "null is not accepted"},
        {"\"dry_run\": \"yes\"", "dry_run", "yes\" is text; it takes true or false"},
        {"\"depends_on\": \"prepare\"", "depends_on", "a list of at most 20"},
        {"\"depends_on\": [\"a/b\"]", "depends_on", "a/b is not accepted"},
        {"\"depends_on\": [\"\"]", "depends_on", "an empty text"},
        {"\"depends_on\": [1]", "depends_on", "item 1 is no text"},
        {"\"depends_on\": [\"train\"]", "depends_on", "cannot wait for itself"},
        {"\"depends_on\": [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\","
         "\"15\",\"16\",\"17\",\"18\",\"19\",\"20\",\"21\"]", "depends_on", "21 items are too many"},
        {"\"batch\": {\"image\": \"\"}", "batch.image", "an empty text"},
        {"\"batch\": {\"image\": \"a b\"}", "batch.image", "\"a b\" is not accepted"},
        {"\"batch\": {\"queue\": \"\"}", "batch.queue", "an empty text"},
        {"\"batch\": {\"iam_role\": \"a b\"}", "batch.iam_role", "the ARN of a role"},
        {"\"batch\": {\"execution_role\": false}", "batch.execution_role", "false is a truth value"},
        {"\"batch\": {\"log_driver\": \"AWSLOGS\"}", "batch.log_driver", "awslogs, splunk or awsfirelens"},
        {"\"batch\": {\"log_driver\": \"gelf\", \"log_options\": \"abc\"}", "batch.log_options", "NAME:VALUE"},
        {"\"batch\": {\"log_options\": [\"a:b\"]}", "batch.log_options", "needs batch.log_driver"},
        {"\"batch\": {\"privileged\": 0}", "batch.privileged", "0 is a number"},
        {"\"batch\": {\"host_volumes\": \"data\"}", "batch.host_volumes", "absolute paths"},
        {"\"batch\": {\"host_volumes\": \"/a:b\"}", "batch.host_volumes", "/a:b is not accepted"},
        {"\"batch\": {\"host_volumes\": \"/a:/b:ro\"}", "batch.host_volumes", "/a:/b:ro is not accepted"},
        {"\"batch\": {\"host_volumes\": \"/a:/b:ro\"}", "batch.host_volumes", "without : and control characters"},
        {"\"batch\": {\"efs_volumes\": [\"fs-1:/b/..\"]}", "batch.efs_volumes", "with no part . or .."},
        {"\"batch\": {\"host_volumes\": \"/a b\"}", "batch.host_volumes", "HOST of letters"},
        {"\"batch\": {\"host_volumes\": \"/\"}", "batch.host_volumes", "/ is not accepted"},
        {"\"batch\": {\"host_volumes\": [\"/mnt/a\", \"/mnt.a\"]}", "batch.host_volumes", "same name for AWS, _mnt_a"},
        {"\"batch\": {\"host_volumes\": [\"/a:/x\", \"/b:/x/\"]}", "batch.host_volumes", "something else is mounted"},
        {"\"batch\": {\"host_volumes\": [\"/a\", 5]}", "batch.host_volumes", "item 2 is no text"},
        {"\"batch\": {\"efs_volumes\": [\"fs 1\"]}", "batch.efs_volumes", "ID of letters"},
        {"\"batch\": {\"efs_volumes\": [\"fs-1:data\"]}", "batch.efs_volumes", "CONTAINER an absolute path"},
        {"\"batch\": {\"efs_volumes\": {}}", "batch.efs_volumes", "an object is not what it takes"},
    };
    refusals(cases, sizeof(cases) / sizeof(*cases));
    refused("{}", "command", "is missing; it takes a list of words, or a text for sh -c");
    refused("{\"command\": null}", "command", "null is not accepted");
    refused("{\"command\": []}", "command", "is empty");
    refused("{\"command\": [\"\"]}", "command", "is empty");
    refused("{\"command\": \" \\n\"}", "command", "is empty");
    refused("{\"command\": [\"sleep\", 5]}", "command", "item 2 is no text; put it in double quotes");
    refused("{\"command\": [\"sleep\", \"a\\u0000\"]}", "command", "item 2 has a NUL");
    refused("{\"command\": 5}", "command", "5 is a number");
    refused("{\"command\": [\"\\ud800\"]}", "command", "half of a character");
}

static void names_and_values(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"\"environment\": {\"vars\": {\"A\": 5}}", "environment.vars.A", "is no text; put its value in double quotes"},
        {"\"environment\": {\"vars\": {\"A\": null}}", "environment.vars.A", "double quotes"},
        {"\"environment\": {\"vars\": {\"A\": \"x\\u0000\"}}", "environment.vars.A", "NUL"},
        {"\"environment\": {\"vars\": {\"A=B\": \"x\"}}", "environment.vars.\"A=B\"", "no = and no white space"},
        {"\"environment\": {\"vars\": {\"\": \"x\"}}", "environment.vars.\"\"", "needs a name"},
        {"\"environment\": {\"vars\": {\"A B\": \"x\"}}", "environment.vars.\"A B\"", "white space"},
        {"\"environment\": {\"vars\": {\"AWS_BATCH_X\": \"x\"}}", "environment.vars.AWS_BATCH_X", "AWS Batch's own"},
        {"\"environment\": {\"vars\": {\"A\": \"x\", \"B\": \"x\", \"A\": \"y\"}}", "environment.vars.A", "twice"},
        {"\"environment\": {\"vars\": [\"A=5\"]}", "environment.vars", "a list is not what it takes"},
        {"\"environment\": {\"vars\": null}", "environment.vars", "null is not accepted"},
        {"\"environment\": {\"HF_HOME\": \"x\"}", "environment.HF_HOME", "variables are written"},
        {"\"environment\": [\"A\"]", "environment", "an object, such as"},
        {"\"batch\": {\"aws_batch_tags\": {\"a!\": \"x\"}}", "batch.aws_batch_tags.\"a!\"", "a tag's name has only letters"},
        {"\"batch\": {\"aws_batch_tags\": {\"!a\": \"x\"}}", "batch.aws_batch_tags.\"!a\"", "a tag's name has only letters"},
        {"\"batch\": {\"aws_batch_tags\": {\"a\": \"x\\ty\"}}", "batch.aws_batch_tags.a", "a tag's value has only"},
        {"\"batch\": {\"aws_batch_tags\": {\"a\": \"\xe2\x82\xac\"}}", "batch.aws_batch_tags.a", "a tag's value has only"},
        {"\"batch\": {\"aws_batch_tags\": {\"\": \"x\"}}", "batch.aws_batch_tags.\"\"", "1 to 128 characters"},
        {"\"batch\": {\"aws_batch_tags\": {\"AWS:a\": \"x\"}}", "batch.aws_batch_tags.AWS:a", "begins with aws:"},
        {"\"batch\": {\"aws_batch_tags\": {\"a\": \"aws:x\"}}", "batch.aws_batch_tags.a", "begins with aws:"},
        {"\"batch\": {\"aws_batch_tags\": {\"a\": true}}", "batch.aws_batch_tags.a", "is no text"},
        {"\"batch\": {\"aws_batch_tags\": {\"a\": \"x\", \"a\": \"y\"}}", "batch.aws_batch_tags.a", "twice"},
        {"\"batch\": {\"aws_batch_tags\": [\"a=b\"]}", "batch.aws_batch_tags", "a list is not what it takes"},
    };
    refusals(cases, sizeof(cases) / sizeof(*cases));
    char long_text[300];
    memset(long_text, 'a', 257);
    long_text[257] = '\0';
    auto_free char *value = mem_printf("{\"command\":\"x\",\"batch\":{\"aws_batch_tags\":{\"a\":\"%s\"}}}", long_text);
    refused(value, "batch.aws_batch_tags.a", "at most 256 characters");
    auto_free char *fits = mem_printf("\"batch\":{\"aws_batch_tags\":{\"%s\":\"%s\"}}", long_text + 257 - 128,
                                      long_text + 1);
    auto_cleanup(job_spec_free) struct job_spec j = good_with(fits);
    assert_int_equal(strlen(j.tags.at[0].value), 256);
    auto_cleanup(buf_free) struct buf many = {0};
    buf_puts(&many, "{\"command\":\"x\",\"batch\":{\"aws_batch_tags\":{");
    for (int i = 0; i < 51; i++) {
        buf_printf(&many, "%s\"t%d\":\"\"", i > 0 ? "," : "", i);
    }
    buf_puts(&many, "}}}");
    refused(many.data, "batch.aws_batch_tags", "51 are too many");
}

static void unknown_keys(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"\"comand\": \"x\"", "comand", "did you mean command?"},
        {"\"batch\": {\"memroy\": 5}", "batch.memroy", "did you mean batch.memory?"},
        {"\"batch\": {\"tmpfs-size\": 5}", "batch.tmpfs-size", "did you mean batch.tmpfs_size?"},
        {"\"@batch\": {}", "@batch", "did you mean batch?"},
        {"\"memory\": 5", "memory", "it belongs into \"batch\": {\"memory\": ...}"},
        {"\"vars\": {}", "vars", "it belongs into \"environment\": {\"vars\": ...}"},
        {"\"batch.memory\": 5", "batch.memory", "it belongs into \"batch\": {\"memory\": ...}"},
        {"\"batch\": {\"hours\": 5}", "batch.hours", "it belongs into \"timeout\": {\"hours\": ...}"},
        {"\"batch\": {\"command\": 5}", "batch.command", "stands in the outermost object"},
        {"\"resources\": {\"use_tmpfs\": true}", "resources.use_tmpfs", "it belongs into \"batch\""},
        {"\"conda\": {}", "conda", "known here: command, name, code, depends_on, dry_run, resources, batch, environment"},
        {"\"retry\": {\"foobar\": 1}", "retry.foobar", "known here: times, minutes_between_retries"},
        {"\"\": 1", "\"\"", "is not known"},
        {"\"a\\u001b[31mb\": 1", "\"a\\u001b[31mb\"", "is not known"},
        {"\"num_parallel\": 2", "num_parallel", "@parallel"},
        {"\"batch\": {\"executable\": \"python\"}", "batch.executable", "the command says what runs"},
        {"\"batch\": {\"num_parallel\": 2}", "batch.num_parallel", "@parallel"},
        {"\"batch\": {\"cpu\": 1, \"cpu\": 2}", "batch.cpu", "twice"},
        {"\"dry_run\": true, \"dry_run\": false", "dry_run", "twice"},
        {"\"batch\": []", "batch", "an object, such as {\"use_tmpfs\": true}"},
    };
    refusals(cases, sizeof(cases) / sizeof(*cases));
}

static void all_at_once(void **state)
{
    (void)state;
    const char *text = "{\"comand\": [\"x\"],\n \"batch\": {\"memory\": \"4096\", \"use_tmpfs\": 1, \"tmpfs_size\": -1,\n"
                       "\"cpu\": 0, \"foo\": 1}, \"timeout\": {\"hours\": \"2\"}, \"environment\": {\"vars\": {\"A\": 1}}}";
    static const char *const parts[] = {"comand: ",           "batch.memory: ",  "batch.use_tmpfs: ",
                                        "batch.tmpfs_size: ", "batch.cpu: ",     "batch.foo: ",
                                        "timeout.hours: ",    "environment.vars.A: ", "command: is missing"};
    refused_all(text, strlen(text), parts, sizeof(parts) / sizeof(*parts));
    struct job_spec job;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf problems = {0};
    assert_int_equal(job_spec_read(text, strlen(text), "train", &job, &problems, &err), ERR_INVALID);
    assert_string_equal(err.cause, "comand: is not known; did you mean command? (and 8 more)");
}

static void no_json(void **state)
{
    (void)state;
    refused("{\"command\":\n \"x\",}", "line 2, column 6", "one too many");
    refused("{\"command\": \"x\"", "line 1, column 16", "the text ends here");
    struct err err = ERR_INIT;
    struct job_spec job;
    auto_cleanup(buf_free) struct buf problems = {0};
    assert_int_equal(job_spec_read(" \n", 2, "train", &job, &problems, &err), ERR_INVALID);
    assert_string_equal(problems.data, "the file is empty; a job file is a JSON object, { ... }\n");
}

// Nothing of the file's values, which may be secrets, in what is told of them.
static void keeps_secrets(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"command\": [\"x\", \"--password=hunter2\", 5], \"environment\": {\"vars\": {\"TOKEN\": [\"hunter2\"]}}}",
        "{\"command\": \"hunter2\\u0000\", \"environment\": {\"vars\": {\"A\": \"hunter2\\u0000\"}}}",
        "{\"command\": \"hunter2\", \"environment\": {\"vars\": {\"A=hunter\": \"hunter2\"}}, \"x\": 1e999}",
        "{\"command\": \"hunter2\nhunter2\"}", "{\"x\": [\"hunter2\", 1e999]}", "{\"command\": {\"a\": \"hunter2\"}}",
        "{\"environment\": {\"vars\": \"hunter2\", \"A\": \"hunter2\"}}", "{\"environment\": \"hunter2\"}",
        "{\"batch\": {\"log_driver\": \"splunk\", \"log_options\": [\"hunter2\", \":hunter2\"]}}",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = ERR_INIT;
        struct job_spec job;
        auto_cleanup(buf_free) struct buf problems = {0};
        assert_int_equal(job_spec_read(cases[i], strlen(cases[i]), "train", &job, &problems, &err), ERR_INVALID);
        if (strstr(problems.data, "hunter2") != NULL || strstr(err.cause, "hunter2") != NULL) {
            fail_msg("%s", problems.data);
        }
    }
}

// `unit` again and again, and a number and `after` behind each unless that is NULL.
static void fill(struct buf *text, const char *begin, const char *unit, const char *after, const char *end)
{
    buf_puts(text, begin);
    for (unsigned i = 0; text->len < JOB_TEXT_MAX - 60; i++) {
        buf_puts(text, unit);
        if (after != NULL) {
            buf_printf(text, "%u%s", i, after);
        }
    }
    buf_puts(text, end);
}

static void hostile(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *unit, *after, *end, *part;
    } cases[] = {
        {"{\"command\":\"x\"", ",\"k", "\":1", "}", "more problems"},
        {"{\"command\":\"x\"", ",\"batch\":", "", "}", "batch: "},
        {"{\"command\":\"x\",\"environment\":{\"vars\":{\"a\":\"\"", ",\"v", "\":\"\"", "}}}", "too many"},
        {"{\"command\":\"x\",\"batch\":{\"host_volumes\":[\"/a\"", ",\"/v", "\"", "]}}", "too many"},
        {"{\"command\":\"x\",\"batch\":{\"aws_batch_tags\":{\"a\":\"\"", ",\"v", "\":\"\"", "}}}", "too many"},
        {"{\"command\":[\"x\"", ",\"", "\"", "]}", "AWS Batch takes jobs of at most 30720"},
        {"{\"command\":\"x", "abcd", NULL, "\"}", "AWS Batch takes jobs of at most 30720"},
        {"{\"command\":\"x\",\"", "abcd", NULL, "\":1}", "is not known"},
        {"{\"command\":\"x\",\"batch\":{\"cpu\":", "0000", NULL, "1}}", "does not begin with 0"},
        {"{\"command\":\"x\",\"batch\":{\"cpu\":", "1111", NULL, "1}}", "too large"},
        {"{\"command\":\"x\",\"batch\":{\"cpu\":1.", "1111", NULL, "1,\"gpu\":-1}}", "batch.gpu"},
        {"", "[", NULL, "", "a JSON object"},
        {"{\"a\":", "[", NULL, "", "nested deeper"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        auto_cleanup(buf_free) struct buf text = {0};
        fill(&text, cases[i].begin, cases[i].unit, cases[i].after, cases[i].end);
        refused_all(text.data, text.len, &cases[i].part, 1);
    }
    auto_cleanup(buf_free) struct buf text = {0}, problems = {0};
    fill(&text, "{\"command\":\"x\"}", "          ", NULL,
         "                                                                                ");
    struct err err = ERR_INIT;
    struct job_spec job;
    assert_true(text.len > JOB_TEXT_MAX);
    assert_int_equal(job_spec_read(text.data, text.len, "train", &job, &problems, &err), ERR_INVALID);
    assert_non_null(strstr(err.cause, "a job file has at most 262144"));
    problems.len = 0;
    assert_int_equal(job_spec_read(text.data, JOB_TEXT_MAX, "train", &job, &problems, &err), ERR_OK);
    job_spec_free(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),      cmocka_unit_test(everything), cmocka_unit_test(tmpfs),
        cmocka_unit_test(resources),     cmocka_unit_test(small_ones), cmocka_unit_test(numbers),
        cmocka_unit_test(tmpfs_refused), cmocka_unit_test(texts),      cmocka_unit_test(names_and_values),
        cmocka_unit_test(unknown_keys),  cmocka_unit_test(all_at_once), cmocka_unit_test(no_json),
        cmocka_unit_test(keeps_secrets), cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
