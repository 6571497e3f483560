// base/memory_limit.h
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory_limit.h"
#include "tempdir.h"

static void put(const char *path, const char *text)
{
    tempdir_put(path, text, strlen(text));
}

static void the_machine_has_some(void **state)
{
    (void)state;
    assert_true(memory_limit("") >= 1 << 20);
    assert_true(memory_limit("/nowhere") >= memory_limit(""));
}

static void groups_say_less(void **state)
{
    (void)state;
    put("a/proc/self/cgroup", "0::/jobs/mine\n");
    put("a/sys/fs/cgroup/jobs/mine/memory.max", "max\n");
    assert_true(memory_limit(tempdir) == memory_limit("/nowhere"));
    char root[100];
    snprintf(root, sizeof(root), "%s/a", tempdir);
    assert_true(memory_limit(root) == memory_limit("/nowhere"));
    put("a/sys/fs/cgroup/jobs/memory.max", "5000000\n");
    assert_int_equal(memory_limit(root), 5000000);
    put("a/sys/fs/cgroup/jobs/mine/memory.max", "4000000\n");
    assert_int_equal(memory_limit(root), 4000000);
    put("a/sys/fs/cgroup/memory.max", "3000000\n"); // as a container sees its own
    assert_int_equal(memory_limit(root), 3000000);
}

static void version_1_too(void **state)
{
    (void)state;
    char root[100];
    snprintf(root, sizeof(root), "%s/b", tempdir);
    put("b/proc/self/cgroup", "4:memory:/x\n1:name=systemd:/x\n");
    put("b/sys/fs/cgroup/memory/memory.limit_in_bytes", "7000000\n");
    assert_int_equal(memory_limit(root), 7000000);
    put("b/proc/self/cgroup", "1:name=systemd:/y\n4:cpu,memory:/x/job\n0::/\n");
    put("b/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "6000000\n");
    assert_int_equal(memory_limit(root), 6000000);
    put("b/sys/fs/cgroup/memory/x/job/memory.limit_in_bytes", "5000000\n");
    put("b/sys/fs/cgroup/memory/y/memory.limit_in_bytes", "1000\n"); // another controller's group
    assert_int_equal(memory_limit(root), 5000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_has_some),
        cmocka_unit_test(groups_say_less),
        cmocka_unit_test(version_1_too),
    };
    return cmocka_run_group_tests(tests, tempdir_make, tempdir_remove);
}
