// batch/queues.h: what is asked once and then known, and what is wrong with a queue in words.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "batch/queues.h"
#include "fake_batch.h"

static struct err err = ERR_INIT;

#define OK(text) {.status = "200 OK", .body = (text)}
#define QUEUE(name, state, status, env) "{\"jobQueueName\": \"" name "\", \"state\": \"" state "\", \"status\": \"" \
    status "\", \"computeEnvironmentOrder\": [{\"order\": 2, \"computeEnvironment\": \"" env "\"}, {\"order\": 1, " \
    "\"computeEnvironment\": \"second\"}]}"
#define GOOD_QUEUE OK("{\"jobQueues\": [" QUEUE("q", "ENABLED", "VALID", "arn:env") "]}")
#define ENV(type) OK("{\"computeEnvironments\": [{\"computeResources\": {\"type\": \"" type "\"}}]}")

static void a_platform_is_that_of_the_first_environment(void **state)
{
    (void)state;
    static const char *const types[] = {"EC2", "SPOT", "FARGATE", "FARGATE_SPOT"};
    static const struct step envs[] = {ENV("EC2"), ENV("SPOT"), ENV("FARGATE"), ENV("FARGATE_SPOT")};
    for (size_t i = 0; i < 4; i++) {
        struct client *c = client_of(NULL);
        struct queues *q = queues_new(c->api);
        char *platform;
        SCRIPT(GOOD_QUEUE, envs[i]);
        assert_null(queues_platform_known(q, "q"));
        assert_int_equal(queues_platform(q, "q", NULL, &platform, &err), ERR_OK);
        assert_string_equal(platform, types[i]);
        free(platform);
        assert_true(asked_with(0, "POST /v1/describejobqueues "));
        assert_true(asked_with(0, "\r\n\r\n{\"jobQueues\":[\"q\"]}"));
        assert_true(asked_with(1, "POST /v1/describecomputeenvironments "));
        assert_true(asked_with(1, "\r\n\r\n{\"computeEnvironments\":[\"arn:env\"]}"));
        assert_int_equal(queues_platform(q, "q", NULL, &platform, &err), ERR_OK); // known
        free(platform);
        platform = queues_platform_known(q, "q");
        assert_string_equal(platform, types[i]);
        free(platform);
        assert_int_equal(fake_asked(), 2);
        queues_free(q);
        client_free(c);
    }
    queues_free(NULL);
}

static void a_queue_that_cannot_be_used_says_why(void **state)
{
    (void)state;
    static const struct {
        struct step first, second;
        const char *cause;
    } cases[] = {
        {OK("{\"jobQueues\": []}"),
         OK("{\"jobQueues\": [" QUEUE("a", "ENABLED", "VALID", "e") ", " QUEUE("b", "DISABLED", "VALID", "e") "]}"),
         "no job queue \"q\"; those that take jobs: a"},
        {OK("{\"jobQueues\": []}"), OK("{\"jobQueues\": []}"), "those that take jobs: none"},
        {OK("{\"jobQueues\": []}"), {.status = "403 X"}, "no job queue \"q\""},
        {OK("{\"jobQueues\": [" QUEUE("q", "DISABLED", "VALID", "e") "]}"), OK("{}"), "it is DISABLED and VALID"},
        {OK("{\"jobQueues\": [" QUEUE("q", "ENABLED", "INVALID", "e") "]}"), OK("{}"), "it is ENABLED and INVALID"},
        {OK("{\"jobQueues\": [{\"state\": \"ENABLED\", \"status\": \"VALID\"}]}"), OK("{}"), "no compute environment"},
        {GOOD_QUEUE, OK("{\"computeEnvironments\": []}"), "\"arn:env\" cannot be found"},
        {GOOD_QUEUE, OK("{\"computeEnvironments\": [{\"type\": \"UNMANAGED\"}]}"), "\"arn:env\" is unmanaged"},
        {GOOD_QUEUE, OK("{\"computeEnvironments\": [{\"eksConfiguration\": {}, \"computeResources\": {\"type\": "
                        "\"EKS\"}}]}"), "\"arn:env\" is of EKS"},
        {GOOD_QUEUE, ENV("NEW"), "of a type that is not known here"},
        {{.status = "400 X", .body = "{\"message\": \"bad arn\", \"code\": \"ClientException\"}"}, OK("{}"), "bad arn"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client *c = client_of(NULL);
        struct queues *q = queues_new(c->api);
        char *platform = NULL;
        SCRIPT(cases[i].first, cases[i].second);
        errc e = queues_platform(q, "q", NULL, &platform, &err);
        if (e != ERR_INVALID || !strstr(err.cause, cases[i].cause) || platform) {
            fail_msg("case %zu: %d %s", i, (int)e, err.cause);
        }
        SCRIPT(GOOD_QUEUE, ENV("EC2")); // a failure is not kept
        assert_int_equal(queues_platform(q, "q", NULL, &platform, &err), ERR_OK);
        free(platform);
        queues_free(q);
        client_free(c);
    }
}

static void active_queues_come_in_pages(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct queues *q = queues_new(c->api);
    struct strv names = {0};
    SCRIPT(OK("{\"jobQueues\": [" QUEUE("a", "ENABLED", "VALID", "e") ", " QUEUE("b", "ENABLED", "UPDATING", "e")
              "], \"nextToken\": \"t\\\"1\"}"),
           {.status = "500 X"},
           OK("{\"jobQueues\": [" QUEUE("d", "DISABLED", "VALID", "e") "], \"nextToken\": \"t2\"}"),
           OK("{\"jobQueues\": [" QUEUE("c", "ENABLED", "VALID", "e") "]}"));
    assert_int_equal(queues_active(q, NULL, &names, &err), ERR_OK);
    assert_int_equal(names.len, 2);
    assert_string_equal(names.items[0], "a");
    assert_string_equal(names.items[1], "c");
    strv_free(&names);
    assert_true(asked_with(2, "\"nextToken\":\"t\\\"1\""));
    assert_true(asked_with(3, "\"nextToken\":\"t2\""));
    assert_int_equal(queues_active(q, NULL, &names, &err), ERR_OK); // known
    assert_int_equal(names.len, 2);
    strv_free(&names);
    assert_int_equal(fake_asked(), 4);
    queues_free(q);
    client_free(c);
}

static void pages_without_end_are_an_error(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct queues *q = queues_new(c->api);
    struct strv names = {0};
    struct step steps[FAKE_MAX];
    for (int i = 0; i < FAKE_MAX; i++) {
        steps[i] = (struct step)OK("{\"jobQueues\": [], \"nextToken\": \"again\"}");
    }
    fake_script(steps, FAKE_MAX);
    struct cancel cancel = {.deadline_ms = clock_mono_ms() + 60000};
    assert_int_equal(queues_active(q, &cancel, &names, &err), ERR_LIMIT);
    assert_int_equal(names.len, 0);
    queues_free(q);
    client_free(c);
}

static int64_t moved_ms;
static int64_t later(void)
{
    return moved_ms;
}

static void what_is_known_grows_old(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct queues *q = queues_new(c->api);
    struct strv names = {0};
    char *platform;
    SCRIPT(GOOD_QUEUE, ENV("EC2"), GOOD_QUEUE, GOOD_QUEUE, ENV("SPOT"));
    moved_ms = clock_mono_ms();
    int64_t begin = moved_ms;
    clock_set_fake(NULL, later);
    assert_int_equal(queues_platform(q, "q", NULL, &platform, &err), ERR_OK);
    free(platform);
    moved_ms = begin + 599000;
    assert_int_equal(queues_platform(q, "q", NULL, &platform, &err), ERR_OK);
    free(platform);
    assert_int_equal(fake_asked(), 2);
    assert_int_equal(queues_active(q, NULL, &names, &err), ERR_OK);
    strv_free(&names);
    moved_ms = begin + 601000;
    assert_int_equal(queues_platform(q, "q", NULL, &platform, &err), ERR_OK);
    assert_int_equal(fake_asked(), 5);
    assert_string_equal(platform, "SPOT");
    free(platform);
    clock_set_fake(NULL, NULL);
    queues_free(q);
    client_free(c);
}

static void a_definition_is_found_or_registered(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct queues *q = queues_new(c->api);
    char *arn;
    SCRIPT(OK("{\"jobDefinitions\": [{\"jobDefinitionArn\": \"arn:2\"}, {\"jobDefinitionArn\": \"arn:1\"}]}"),
           OK("{\"jobDefinitions\": []}"), OK("{\"jobDefinitionArn\": \"arn:new\"}"),
           OK("{\"jobDefinitions\": [{\"jobDefinitionArn\": \"arn:3\"}]}"));
    assert_int_equal(queues_definition(q, "metaflow_a", "{\"x\":1}", NULL, &arn, &err), ERR_OK);
    assert_string_equal(arn, "arn:2");
    free(arn);
    assert_true(asked_with(0, "\r\n\r\n{\"jobDefinitionName\":\"metaflow_a\",\"status\":\"ACTIVE\"}"));
    assert_int_equal(queues_definition(q, "metaflow_b", "{\"x\":1}", NULL, &arn, &err), ERR_OK);
    assert_string_equal(arn, "arn:new");
    free(arn);
    assert_true(asked_with(2, "POST /v1/registerjobdefinition "));
    assert_true(asked_with(2, "\r\n\r\n{\"x\":1}"));
    assert_int_equal(queues_definition(q, "metaflow_a", "{\"x\":1}", NULL, &arn, &err), ERR_OK); // known
    free(arn);
    assert_int_equal(fake_asked(), 3);
    queues_definition_gone(q, "metaflow_a");
    queues_definition_gone(q, "never heard of");
    assert_int_equal(queues_definition(q, "metaflow_a", "{\"x\":1}", NULL, &arn, &err), ERR_OK);
    assert_string_equal(arn, "arn:3");
    free(arn);
    SCRIPT(OK("{\"jobDefinitions\": []}"), OK("{}"));
    assert_int_equal(queues_definition(q, "metaflow_c", "{}", NULL, &arn, &err), ERR_CORRUPT);
    queues_free(q);
    client_free(c);
}

struct caller {
    pthread_t thread;
    struct queues *queues;
    char *arn;
};

static void *ask(void *arg)
{
    struct caller *c = arg;
    struct err mine = ERR_INIT;
    if (queues_definition(c->queues, "metaflow_a", "{}", NULL, &c->arn, &mine)) {
        c->arn = NULL;
    }
    return NULL;
}

static void one_asks_while_the_others_wait(void **state)
{
    (void)state;
    struct client *c = client_of(NULL);
    struct queues *q = queues_new(c->api);
    struct caller callers[8];
    SCRIPT({.status = "200 OK", .body = "{\"jobDefinitions\": []}", .wait_ms = 100},
           {.status = "200 OK", .body = "{\"jobDefinitionArn\": \"arn:new\"}", .wait_ms = 100});
    for (int i = 0; i < 8; i++) {
        callers[i] = (struct caller){.queues = q};
        pthread_create(&callers[i].thread, NULL, ask, &callers[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_string_equal(callers[i].arn, "arn:new");
        free(callers[i].arn);
    }
    assert_int_equal(fake_asked(), 2);
    queues_free(q);
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_platform_is_that_of_the_first_environment),
        cmocka_unit_test(a_queue_that_cannot_be_used_says_why),
        cmocka_unit_test(active_queues_come_in_pages),
        cmocka_unit_test(pages_without_end_are_an_error),
        cmocka_unit_test(what_is_known_grows_old),
        cmocka_unit_test(a_definition_is_found_or_registered),
        cmocka_unit_test(one_asks_while_the_others_wait),
    };
    return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
