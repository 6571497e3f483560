// batch/job_request.h: definitions, submissions and checks. tests/mount/test_batch_requests.py holds them against
// Metaflow's own code; what is here needs no Metaflow.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/py_repr.h"
#include "batch/job_request.h"

static struct job_spec plain_spec(void)
{
    struct job_spec j = {
        .name = mem_strdup("train"), .cpu = 1, .memory = 4096, .shared_memory = -1, .max_swap = -1, .swappiness = -1,
        .tmpfs_tempdir = true, .tmpfs_path = mem_strdup("/metaflow_temp"), .timeout_s = 432000,
    };
    strv_add(&j.command, "python");
    strv_add(&j.command, "train.py");
    return j;
}

static struct batch_settings plain_settings(void)
{
    struct batch_settings s = {
        .user = mem_strdup("golden"), .region = mem_strdup("us-east-1"), .image = mem_strdup("python:3.11"),
        .iam_role = mem_strdup("arn:aws:iam::123456789012:role/metaflow-s3-role"),
    };
    pairs_set(&s.env_first, "METAFLOW_USER", "golden");
    pairs_set(&s.env_last, "METAFLOW_S3_ENDPOINT_URL", "http://s3.test");
    return s;
}

static struct job_code plain_code(void)
{
    return (struct job_code){
        .flow = mem_strdup("HelloFlow"), .run = mem_strdup("17"),
        .metadata = mem_strdup("{\"version\": 0, \"archive_format\": \"tgz\", \"mfcontent_version\": 1}"),
        .sha = mem_strdup("abc"), .url = mem_strdup("s3://bucket/root/HelloFlow/data/ab/abc"), .ds = mem_strdup("s3"),
        .python_version = mem_strdup("3.9"),
    };
}

struct all {
    struct job_spec j;
    struct batch_settings s;
    struct job_code c;
    struct job_definition d;
    struct buf problems;
    struct err err;
};

static int make_all(void **state)
{
    struct all *a = mem_zalloc(sizeof(*a));
    *a = (struct all){.j = plain_spec(), .s = plain_settings(), .c = plain_code()};
    *state = a;
    return 0;
}

static int free_all(void **state)
{
    struct all *a = *state;
    job_spec_free(&a->j);
    batch_settings_free(&a->s);
    job_code_free(&a->c);
    job_definition_free(&a->d);
    buf_free(&a->problems);
    free(a);
    return 0;
}

static errc define(struct all *a, const char *platform, bool with_code)
{
    job_definition_free(&a->d);
    buf_free(&a->problems);
    return job_definition_make(&a->j, &a->s, with_code ? &a->c : NULL, platform, &a->d, &a->problems, &a->err);
}

static void accepted(struct all *a, const char *platform)
{
    errc e = define(a, platform, false);
    if (e) {
        fail_msg("%s", a->problems.data);
    }
}

static void refused(struct all *a, const char *platform, bool with_code, const char *problems)
{
    assert_int_equal(define(a, platform, with_code), ERR_INVALID);
    assert_string_equal(a->problems.data, problems);
    size_t first = strcspn(problems, "\n");
    assert_memory_equal(a->err.cause, problems, first < 400 ? first : 400);
}

// Names and texts as Metaflow 2.19.39 sent them for the same attributes.
static void definitions_have_metaflows_names(void **state)
{
    struct all *a = *state;
    accepted(a, "EC2");
    assert_string_equal(a->d.name, "metaflow_6f6019a1d809320373eb3095483519fc0272de1589f5e14bd9c75564");
    assert_string_equal(
        a->d.preimage,
        "{'type': 'container', 'containerProperties': {'image': 'python:3.11', 'jobRoleArn': "
        "'arn:aws:iam::123456789012:role/metaflow-s3-role', 'command': ['echo', 'hello world'], "
        "'resourceRequirements': [{'value': '1', 'type': 'VCPU'}, {'value': '4096', 'type': 'MEMORY'}], "
        "'linuxParameters': {}}, 'propagateTags': True}");
    assert_string_equal(
        a->d.json,
        "{\"type\":\"container\",\"containerProperties\":{\"image\":\"python:3.11\",\"jobRoleArn\":"
        "\"arn:aws:iam::123456789012:role/metaflow-s3-role\",\"command\":[\"echo\",\"hello world\"],"
        "\"resourceRequirements\":[{\"value\":\"1\",\"type\":\"VCPU\"},{\"value\":\"4096\",\"type\":\"MEMORY\"}],"
        "\"linuxParameters\":{}},\"propagateTags\":true,"
        "\"jobDefinitionName\":\"metaflow_6f6019a1d809320373eb3095483519fc0272de1589f5e14bd9c75564\"}");
    a->j.shared_memory = 64;
    a->j.max_swap = 128;
    a->j.swappiness = 60;
    accepted(a, "SPOT");
    assert_string_equal(a->d.name, "metaflow_6bdd31e10e82347dd5a70d37b8da1e185935bc79260c7df3ed308953");
    a->j.shared_memory = a->j.max_swap = a->j.swappiness = -1;
    a->j.asks_tmpfs = a->j.tmpfs = true;
    a->j.tmpfs_size = 2048;
    strv_add(&a->j.host_volumes, "/mnt/a");
    strv_add(&a->j.efs_volumes, "fs-1234");
    accepted(a, "EC2");
    assert_string_equal(a->d.name, "metaflow_28618f3215c28b89901b93847e682d8b17211edf18f536f4d54948dd");
}

static void fargate_has_its_own_definition(void **state)
{
    struct all *a = *state;
    a->s.execution_role = mem_strdup("arn:aws:iam::123456789012:role/metaflow-fargate-exec");
    accepted(a, "FARGATE");
    assert_string_equal(a->d.name, "metaflow_0908c3cced89f1899cff04d4a138df98b7a832c62143ca15dc1ec206");
    accepted(a, "FARGATE_SPOT");
    assert_string_equal(a->d.name, "metaflow_0908c3cced89f1899cff04d4a138df98b7a832c62143ca15dc1ec206");
    a->j.ephemeral_storage = 40;
    accepted(a, "FARGATE");
    assert_non_null(strstr(a->d.preimage, "'ENABLED'}, 'ephemeralStorage': {'sizeInGiB': 40}}, 'propagateTags'"));
}

static void logs_and_devices_stand_in_metaflows_order(void **state)
{
    struct all *a = *state;
    a->j.log_driver = mem_strdup("awslogs");
    strv_add(&a->j.log_options, "awslogs-group:aws/batch/job");
    strv_add(&a->j.log_options, "awslogs-region:us-east-1");
    accepted(a, "EC2");
    assert_string_equal(a->d.name, "metaflow_55744c4b96506a45cb4181290ecb937c0ab6e7d42d92a8275b84861e");
    a->j.privileged = true;
    a->j.efa = 2;
    a->j.tmpfs = true;
    a->j.tmpfs_size = 1;
    accepted(a, "EC2");
    assert_non_null(strstr(a->d.preimage, "'privileged': True, 'logConfiguration': {"));
    assert_non_null(strstr(a->d.preimage, "'mountOptions': ['defaults']}], 'devices': [{'hostPath': "
                                          "'/dev/infiniband/uverbs0'}]}"));
    a->j.inferentia = 1;
    accepted(a, "EC2");
    assert_non_null(strstr(a->d.preimage, "'linuxParameters': {'devices': [{'containerPath': '/dev/neuron0', "
                                          "'hostPath': '/dev/neuron0', 'permissions': ['READ', 'WRITE']}, "
                                          "{'hostPath': '/dev/infiniband/uverbs0'}], 'tmpfs': ["));
}

static void image_of(struct all *a, bool with_code, const char *expected)
{
    assert_int_equal(define(a, "EC2", with_code), ERR_OK);
    auto_free char *text = mem_printf("{'image': '%s', ", expected);
    assert_non_null(strstr(a->d.preimage, text));
}

static void images_have_defaults_and_a_registry(void **state)
{
    struct all *a = *state;
    a->j.image = mem_strdup("mine/image");
    image_of(a, true, "mine/image");
    a->s.registry = mem_strdup("registry.test/team//");
    image_of(a, true, "registry.test/team/mine/image");
    free(a->j.image);
    a->j.image = mem_strdup("localhost:5000/mine");
    image_of(a, true, "localhost:5000/mine");
    free(steal_ptr(&a->j.image));
    image_of(a, true, "registry.test/team/python:3.11");
    free(steal_ptr(&a->s.image));
    image_of(a, true, "registry.test/team/python:3.9");
    refused(a, "EC2", false,
            "batch.image: no image is named; give one (\"python:3.11\"), or set METAFLOW_BATCH_CONTAINER_IMAGE in "
            "Metaflow's configuration, or name a run with \"code\": its version of Python chooses one\n");
}

static void what_fargate_lacks_is_named_at_once(void **state)
{
    struct all *a = *state;
    free(steal_ptr(&a->s.iam_role));
    a->j.asks_tmpfs = a->j.privileged = true;
    a->j.gpu = a->j.inferentia = a->j.efa = 1;
    a->j.shared_memory = a->j.max_swap = a->j.swappiness = 0;
    a->j.cpu = 3;
    strv_add(&a->j.host_volumes, "/a");
    assert_int_equal(define(a, "FARGATE", false), ERR_INVALID);
    static const char *const keys[] = {"iam_role: No IAM role specified", "execution_role", "use_tmpfs", "gpu",
                                       "shared_memory", "max_swap", "swappiness", "inferentia", "efa", "host_volumes",
                                       "privileged", "cpu"};
    const char *at = a->problems.data;
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        auto_free char *begin = mem_printf("batch.%s", keys[i]);
        assert_memory_equal(at, begin, strlen(begin));
        at = strchr(at, '\n') + 1;
    }
    assert_string_equal(at, "");
    assert_non_null(strstr(a->problems.data, "tmpfs is not available for Fargate compute resources"));
    assert_non_null(strstr(a->err.cause, "(and 11 more)"));
    assert_null(a->d.name);
}

static void fargate_has_pairs(void **state)
{
    struct all *a = *state;
    a->s.execution_role = mem_strdup("arn:aws:iam::123456789012:role/exec");
    static const struct {
        double cpu, memory;
        bool fits;
    } pairs[] = {
        {0.25, 512, true},   {0.25, 1024, true},  {0.25, 2048, true},  {0.25, 1536, false}, {0.25, 4096, false},
        {0.5, 1024, true},   {0.5, 512, false},   {0.5, 4096, true},   {1, 2048, true},     {1, 2048.9, true},
        {1, 1024, false},    {1, 9216, false},    {2, 16384, true},    {4, 30720, true},    {4, 31744, false},
        {8, 61440, true},    {8, 17408, false},   {16, 122880, true},  {16, 40960, true},   {16, 36864, false},
        {3, 8192, false},    {0.1, 512, false},   {1, 1e15, false},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        a->j.cpu = pairs[i].cpu;
        a->j.memory = pairs[i].memory;
        assert_int_equal(define(a, "FARGATE", false), pairs[i].fits ? ERR_OK : ERR_INVALID);
    }
    a->j.cpu = 1;
    a->j.memory = 1000;
    refused(a, "FARGATE", false,
            "batch.memory, resources.memory: Fargate has no 1000 MiB for 1 vCPU; it has 2048 to 8192 MiB in steps of "
            "1024\n");
}

static void fargate_has_three_log_drivers(void **state)
{
    struct all *a = *state;
    a->s.execution_role = mem_strdup("arn:aws:iam::123456789012:role/exec");
    static const char *const drivers[] = {"awslogs", "splunk", "awsfirelens"};
    for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
        free(a->j.log_driver);
        a->j.log_driver = mem_strdup(drivers[i]);
        accepted(a, "FARGATE");
    }
    free(a->j.log_driver);
    a->j.log_driver = mem_strdup("syslog");
    refused(a, "FARGATE", false,
            "batch.log_driver: \"syslog\" is not available for Fargate compute resources; awslogs, splunk and "
            "awsfirelens are\n");
}

static void what_only_fargate_has_is_refused_elsewhere(void **state)
{
    struct all *a = *state;
    a->j.ephemeral_storage = 30;
    assert_int_equal(define(a, "EC2", false), ERR_INVALID);
    assert_non_null(strstr(a->problems.data, "batch.ephemeral_storage: The ephemeral_storage parameter is only "
                                             "available for FARGATE compute environments"));
}

static void ec2_has_whole_vcpus_and_some_memory(void **state)
{
    struct all *a = *state;
    static const struct {
        double cpu;
        bool fits;
    } cpus[] = {{1, true}, {2.0, true}, {96, true}, {999999, true}, {1.0000001, true}, // sent as 1
                {0.5, false}, {2.5, false}, {0.999, false}, {1.25, false}};
    for (size_t i = 0; i < sizeof(cpus) / sizeof(*cpus); i++) {
        a->j.cpu = cpus[i].cpu;
        assert_int_equal(define(a, i % 2 ? "SPOT" : "EC2", false), cpus[i].fits ? ERR_OK : ERR_INVALID);
        assert_int_equal(job_needs_fargate(&a->j), !cpus[i].fits);
    }
    a->j.cpu = 0.5;
    a->j.memory = 1;
    refused(a, "EC2", false,
            "batch.cpu, resources.cpu: EC2 and Spot have no 0.5 vCPU; they have whole numbers of 1 or more; give one, "
            "or name a queue on Fargate with batch.queue\n"
            "batch.memory, resources.memory: AWS Batch has no 1 MiB; it has 4 MiB or more\n");
    a->j.cpu = 1;
    a->j.memory = 4;
    accepted(a, "EC2");
}

static void tags_of_the_configuration(void **state)
{
    struct all *a = *state;
    pairs_set(&a->s.default_tags, "team!", "ml");
    pairs_set(&a->s.default_tags, "cost", "50%");
    pairs_set(&a->s.default_tags, "fine", "a b");
    refused(a, "EC2", false,
            "METAFLOW_BATCH_DEFAULT_TAGS, the tag \"team!\": a tag's name has only letters, digits, spaces and + - = . "
            "_ : / @; correct it in Metaflow's configuration\n"
            "METAFLOW_BATCH_DEFAULT_TAGS, the tag \"cost\": a tag's value has only letters, digits, spaces and + - = . "
            "_ : / @; correct it in Metaflow's configuration\n");
    pairs_free(&a->s.default_tags);
    pairs_set(&a->s.default_tags, "cost", "50%");
    pairs_set(&a->j.tags, "cost", "50"); // in its place
    accepted(a, "EC2");
}

static void sizes_are_bounded(void **state)
{
    struct all *a = *state;
    auto_free char *longest = mem_zalloc(40001);
    memset(longest, 'x', 40000);
    strv_add(&a->j.command, longest);
    assert_int_equal(define(a, "EC2", false), ERR_INVALID);
    assert_non_null(strstr(a->problems.data, "command, environment.vars: the request would be about 4"));
    free(a->j.command.items[--a->j.command.len]);
    a->s.emit_tags = true;
    for (unsigned i = 0; i < 49; i++) { // and Metaflow's own two
        auto_free char *name = mem_printf("tag%u", i);
        pairs_set(i % 2 ? &a->j.tags : &a->s.default_tags, name, "v");
    }
    assert_int_equal(define(a, "EC2", false), ERR_INVALID);
    assert_memory_equal(a->problems.data, "batch.aws_batch_tags: 51 tags", 29);
}

static void code_packages_that_cannot_be_fetched(void **state)
{
    struct all *a = *state;
    static const struct {
        const char *ds, *url, *metadata, *problem;
    } bad[] = {
        {"local", "/root/data/ab/abc", NULL, "where a container cannot fetch it"},
        {"s3", "https://x/y", NULL, "where a container cannot fetch it"},
        {"s3", "s3://bucket", NULL, "names no object"},
        {"s3", "s3:///key", NULL, "names no object"},
        {"s3", "s3://b/k", "{", "line 1"},
        {"s3", "s3://b/k", "{\"archive_format\": \"zip\"}", "in the format \"zip\"; \"tgz\" is known"},
        {"s3", "s3://b/k", "{\"archive_format\": 1}", "in the format \"?\""},
        {"s3", "s3://b/k", "{\"mfcontent_version\": 2}", "layout"},
        {"s3", "s3://b/k", "{\"mfcontent_version\": \"1\"}", "layout"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        job_code_free(&a->c);
        a->c = (struct job_code){.flow = mem_strdup("F"), .run = mem_strdup("1"), .ds = mem_strdup(bad[i].ds),
                                 .url = mem_strdup(bad[i].url), .metadata = mem_strdup(bad[i].metadata)};
        assert_int_equal(define(a, "EC2", true), ERR_INVALID);
        assert_memory_equal(a->problems.data, "code: ", 6);
        assert_non_null(strstr(a->problems.data, bad[i].problem));
    }
}

static void submissions(void **state)
{
    struct all *a = *state;
    strv_add(&a->j.command, "--tmp={tempdir}/{tempdir}");
    pairs_set(&a->j.vars, "HF_HOME", "{tempdir}/hf");
    pairs_set(&a->j.vars, "METAFLOW_TEMPDIR", "/other");
    pairs_set(&a->j.vars, "PLAIN", "$.not.a.path");
    a->j.cpu = 1234567;
    a->j.memory = 8193.7;
    a->j.gpu = 2;
    a->j.tmpfs = a->j.asks_tmpfs = true;
    a->j.attempts = 3;
    pairs_set(&a->s.default_tags, "team", "default");
    pairs_set(&a->s.default_tags, "cost", "centre");
    pairs_set(&a->j.tags, "team", "mine");
    auto_cleanup(strv_free) struct strv ids = {0};
    strv_add(&ids, "id-1");
    const struct job_submission s = {.spec = &a->j, .settings = &a->s, .job_name = "golden-train-0", .queue = "queue",
                                     .definition = "arn", .depends_on = &ids};
    auto_free char *text = job_submission_json(&s);
    assert_string_equal(
        text,
        "{\"jobName\":\"golden-train-0\",\"jobQueue\":\"queue\",\"containerOverrides\":{\"command\":[\"python\","
        "\"train.py\",\"--tmp=/metaflow_temp//metaflow_temp\"],\"resourceRequirements\":[{\"value\":\"1.23457e+06\","
        "\"type\":\"VCPU\"},{\"type\":\"GPU\",\"value\":\"2\"},{\"value\":\"8193\",\"type\":\"MEMORY\"}],"
        "\"environment\":[{\"name\":\"AWS_DEFAULT_REGION\",\"value\":\"us-east-1\"},{\"name\":\"METAFLOW_USER\","
        "\"value\":\"golden\"},{\"name\":\"METAFLOW_TEMPDIR\",\"value\":\"/other\"},{\"name\":"
        "\"METAFLOW_S3_ENDPOINT_URL\",\"value\":\"http://s3.test\"},{\"name\":\"HF_HOME\",\"value\":"
        "\"/metaflow_temp/hf\"},{\"name\":\"PLAIN\",\"value\":\"$.not.a.path\"}]},\"timeout\":"
        "{\"attemptDurationSeconds\":432000},\"jobDefinition\":\"arn\",\"parameters\":{\"metaflow.user\":\"golden\"},"
        "\"tags\":{\"team\":\"mine\"},\"retryStrategy\":{\"attempts\":3},\"dependsOn\":"
        "[{\"jobId\":\"id-1\"}]}");
}

static void submissions_with_code(void **state)
{
    struct all *a = *state;
    a->s.emit_tags = true;
    pairs_set(&a->s.default_tags, "team", "default");
    pairs_set(&a->s.default_tags, "cost", "centre");
    pairs_set(&a->j.tags, "team", "mine");
    free(a->s.user);
    a->s.user = mem_strdup("jos\xc3\xa9 x!");
    a->j.tmpfs_tempdir = false;
    a->j.tmpfs = true;
    const struct job_submission s = {.spec = &a->j, .settings = &a->s, .code = &a->c, .job_name = "n", .queue = "q",
                                     .definition = "arn"};
    auto_free char *text = job_submission_json(&s);
    struct err err = ERR_INIT;
    auto_cleanup(json_freep) struct json *body = NULL;
    assert_int_equal(json_parse(text, strlen(text), "body", &body, &err), ERR_OK);
    const struct json *over = json_get(body, "containerOverrides"), *command = json_get(over, "command");
    assert_int_equal(json_len(command), 6);
    assert_string_equal(json_str(json_at(command, 0)), "bash");
    assert_string_equal(json_str(json_at(command, 4)), "python");
    assert_non_null(strstr(json_str(json_at(command, 2)), "'bucket' 'root/HelloFlow/data/ab/abc' job.tar"));
    const struct json *env = json_get(over, "environment");
    static const char *const names[] = {"AWS_DEFAULT_REGION", "METAFLOW_CODE_METADATA", "METAFLOW_CODE_SHA",
                                        "METAFLOW_CODE_URL", "METAFLOW_CODE_DS", "METAFLOW_USER",
                                        "METAFLOW_S3_ENDPOINT_URL"};
    assert_int_equal(json_len(env), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(json_str(json_get(json_at(env, i), "name")), names[i]);
    }
    const struct json *parameters = json_get(body, "parameters"), *tags = json_get(body, "tags");
    assert_string_equal(json_str(json_get(parameters, "metaflow.flow_name")), "HelloFlow");
    assert_string_equal(json_str(json_get(parameters, "metaflow.run_id")), "17");
    assert_string_equal(json_str(json_get(parameters, "metaflow.user")), "jos\xc3\xa9 x!");
    assert_int_equal(json_len(tags), 6);
    assert_string_equal(json_str(json_get(tags, "team")), "mine");
    assert_string_equal(json_str(json_get(tags, "cost")), "centre");
    assert_string_equal(json_str(json_get(tags, "app")), "metaflow");
    assert_string_equal(json_str(json_get(tags, "metaflow.user")), "jos x");
    assert_int_equal(json_kind(json_get(body, "retryStrategy")), JSON_ABSENT);
    assert_int_equal(json_kind(json_get(body, "dependsOn")), JSON_ABSENT);
}

static void job_names(void **state)
{
    (void)state;
    static const struct {
        const char *user, *name, *begin;
    } names[] = {
        {"ann", "train", "ann-train-"},
        {"first.last", "a b\xc3\xa9.c", "first_last-a_b__c-"},
        {"_x", "n", "u_x-n-"},
        {"\xc3\xa9", "-", "u_---"},
        {"", "", "u--"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        auto_free char *name = job_name_make(names[i].user, names[i].name, "{}", 2, 1);
        assert_memory_equal(name, names[i].begin, strlen(names[i].begin));
        assert_int_equal(strlen(name), strlen(names[i].begin) + 20);
    }
    auto_free char *longest = mem_zalloc(301);
    memset(longest, 'y', 300);
    auto_free char *a = job_name_make(longest, longest, "{}", 2, 1);
    auto_free char *b = job_name_make(longest, longest, "{}", 2, 2);
    auto_free char *c = job_name_make(longest, longest, "{ }", 3, 1);
    auto_free char *d = job_name_make(longest, longest + 1, "{}", 2, 1);
    auto_free char *same = job_name_make(longest, longest, "{}", 2, 1);
    assert_true(strlen(a) <= 128);
    assert_string_not_equal(a, b);
    assert_string_not_equal(a, c);
    assert_string_not_equal(a, d);
    assert_string_equal(a, same);
}

static void requests_show_no_password_of_a_url(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf out = {0};
    const char *submission =
        "{\"command\":[\"load\",\"--from=postgres://me:s1@h/db\"],\"environment\":[{\"name\":\"DB\",\"value\":"
        "\"mysql://me:s2@h\"},{\"name\":\"PGPASSWD\",\"value\":\"s3\"},{\"name\":\"GH_PAT\",\"value\":\"s4\"},"
        "{\"name\":\"A\",\"value\":\"Ã©\\n\\u2028\\\"s3://b/k@1\"}]}";
    assert_int_equal(job_request_show("{}", submission, NULL, &out, &err), ERR_OK);
    assert_null(strstr(out.data, "s1"));
    assert_null(strstr(out.data, "s2"));
    assert_null(strstr(out.data, "\"s3\""));
    assert_null(strstr(out.data, "s4"));
    assert_non_null(strstr(out.data, "\"--from=postgres://***@h/db\""));
    assert_non_null(strstr(out.data, "\"mysql://***@h\""));
    assert_non_null(strstr(out.data, "\\\"s3://b/k@1\""));
}

static void requests_show_no_secret(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf out = {0};
    const char *definition = "{\"containerProperties\":{\"linuxParameters\":{},\"logConfiguration\":{\"options\":"
                             "{\"splunk-token\":\"s1\",\"splunk-url\":\"u\"}},\"privileged\":true}}";
    const char *submission = "{\"containerOverrides\":{\"environment\":[{\"name\":\"METAFLOW_SERVICE_HEADERS\","
                             "\"value\":\"s2\"},{\"value\":\"s3\",\"name\":\"my_api_key\"},{\"name\":\"A\",\"value\":"
                             "\"b\"}]},\"timeout\":{\"attemptDurationSeconds\":60}}";
    assert_int_equal(job_request_show(definition, submission, "nothing was sent", &out, &err), ERR_OK);
    assert_string_equal(out.data, "{\n"
                                  "  \"definition\": {\n"
                                  "    \"containerProperties\": {\n"
                                  "      \"linuxParameters\": {},\n"
                                  "      \"logConfiguration\": {\n"
                                  "        \"options\": {\n"
                                  "          \"splunk-token\": \"***\",\n"
                                  "          \"splunk-url\": \"u\"\n"
                                  "        }\n"
                                  "      },\n"
                                  "      \"privileged\": true\n"
                                  "    }\n"
                                  "  },\n"
                                  "  \"submission\": {\n"
                                  "    \"containerOverrides\": {\n"
                                  "      \"environment\": [\n"
                                  "        {\n"
                                  "          \"name\": \"METAFLOW_SERVICE_HEADERS\",\n"
                                  "          \"value\": \"***\"\n"
                                  "        },\n"
                                  "        {\n"
                                  "          \"value\": \"***\",\n"
                                  "          \"name\": \"my_api_key\"\n"
                                  "        },\n"
                                  "        {\n"
                                  "          \"name\": \"A\",\n"
                                  "          \"value\": \"b\"\n"
                                  "        }\n"
                                  "      ]\n"
                                  "    },\n"
                                  "    \"timeout\": {\n"
                                  "      \"attemptDurationSeconds\": 60\n"
                                  "    }\n"
                                  "  },\n"
                                  "  \"note\": \"nothing was sent\"\n"
                                  "}\n");
    assert_int_equal(job_request_show("{", "{}", NULL, &out, &err), ERR_CORRUPT);
    assert_int_equal(job_request_show("{}", "", NULL, &out, &err), ERR_CORRUPT);
}

// What repr() of Python 3.11 answers.
static void texts_as_python_shows_them(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"", "''"},
        {"plain", "'plain'"},
        {"it's", "\"it's\""},
        {"it's \"so\"", "'it\\'s \"so\"'"},
        {"\"", "'\"'"},
        {"a\\b\n\r\t\x01\x7f", "'a\\\\b\\n\\r\\t\\x01\\x7f'"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "'\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'"},
        {"\xc2\xa0\xe2\x80\x8b\xee\x80\x80\xf3\xa0\x80\x81", "'\\xa0\\u200b\\ue000\\U000e0001'"},
        {"\xff\xc3", "'\\xff\\xc3'"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        auto_cleanup(buf_free) struct buf out = {0};
        py_repr(&out, texts[i][0], strlen(texts[i][0]));
        assert_string_equal(out.data, texts[i][1]);
    }
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, make_all, free_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(definitions_have_metaflows_names),
        WITH(fargate_has_its_own_definition),
        WITH(logs_and_devices_stand_in_metaflows_order),
        WITH(images_have_defaults_and_a_registry),
        WITH(what_fargate_lacks_is_named_at_once),
        WITH(fargate_has_pairs),
        WITH(fargate_has_three_log_drivers),
        WITH(what_only_fargate_has_is_refused_elsewhere),
        WITH(ec2_has_whole_vcpus_and_some_memory),
        WITH(tags_of_the_configuration),
        WITH(sizes_are_bounded),
        WITH(code_packages_that_cannot_be_fetched),
        WITH(submissions),
        WITH(submissions_with_code),
        cmocka_unit_test(job_names),
        cmocka_unit_test(requests_show_no_password_of_a_url),
        cmocka_unit_test(requests_show_no_secret),
        cmocka_unit_test(texts_as_python_shows_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
