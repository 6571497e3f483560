// The folder of s3/staging.h below METAFLOW_TEMPDIR.
#include "s3/staging_i.h"
#include "small_fs.h"
#include "staging_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

static void bad_tempdir_is_refused(void **state)
{
    (void)state;
    struct staging *st = NULL;
    struct err err = ERR_INIT;
    struct staging_conf conf = {.tempdir = "/nonexistent/for sure", .pool = pool};
    assert_int_equal(staging_new(&conf, &st, &err), ERR_INVALID);
    assert_non_null(strstr(err.cause, "METAFLOW_TEMPDIR"));
    conf.tempdir = "/etc/passwd";
    assert_int_equal(staging_new(&conf, &st, &err), ERR_INVALID);
}

static void what_cannot_be_written_is_told_apart(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(staging_check("/proc", &err), ERR_TEMPDIR);
    assert_non_null(strstr(err.cause, "METAFLOW_TEMPDIR"));
    assert_non_null(strstr(err.cause, "/proc"));
    assert_int_equal(staging_check("/nonexistent/for sure", &err), ERR_OK);
    auto_free char *dir = mem_printf("%s/removed", tempdir);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(staging_check(dir, &err), ERR_OK);
    struct staging_root root;
    assert_int_equal(staging_root_init(&root, dir, &err), ERR_OK);
    assert_int_equal(rmdir(dir), 0); // nothing was left in it
    int fd;
    assert_int_equal(staging_root_file(&root, &fd, &err), ERR_TEMPDIR);
    assert_non_null(strstr(err.cause, "No such file"));
    // It comes back, and goes again once the root is there.
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(staging_root_file(&root, &fd, &err), ERR_OK);
    close(fd);
    auto_free char *lock = mem_printf("%s/.metaflowfs.lock", root.path);
    assert_int_equal(unlink(lock) | rmdir(root.path) | rmdir(dir), 0);
    assert_int_equal(staging_root_file(&root, &fd, &err), ERR_TEMPDIR);
    staging_root_close(&root);
    free(root.tempdir);
    free(root.path);
}

static int look_at_one_without_a_limit(void)
{
    struct err err = ERR_INIT;
    struct staging_root root;
    uint64_t total;
    if (staging_root_init(&root, tempdir, &err)) {
        return 1;
    }
    return staging_root_free_bytes(&root, &total) == UINT64_MAX && total == UINT64_MAX ? 0 : 2;
}

static void one_without_a_limit_is_not_full(void **state)
{
    (void)state;
    int code = small_fs_run("size=0", look_at_one_without_a_limit);
    if (code == 77)
        fail_msg("no tmpfs can be mounted here: it takes CAP_SYS_ADMIN or a user namespace");
    assert_int_equal(code, 0);
}

static int stage_on_a_full_one(void)
{
    struct err err = ERR_INIT;
    struct staging_root root;
    int fd;
    if (staging_check(tempdir, &err) || staging_root_init(&root, tempdir, &err)) {
        return 1;
    }
    return staging_root_file(&root, &fd, &err) == ERR_NO_SPACE ? 0 : 2;
}

static void a_full_one_is_no_space(void **state)
{
    (void)state;
    int code = small_fs_run("nr_inodes=1", stage_on_a_full_one);
    if (code == 77)
        fail_msg("no tmpfs can be mounted here: it takes CAP_SYS_ADMIN or a user namespace");
    assert_int_equal(code, 0);
}

static bool exists(const char *name)
{
    char path[256];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", tempdir, name);
    return stat(path, &st) == 0;
}

static void dead_roots_are_swept(void **state)
{
    (void)state;
    tempdir_put("metaflow.s3.dead0001/.metaflowfs.lock", "", 0);
    tempdir_put("metaflow.s3.dead0001/staged.AAAAAAAA", "x", 1);
    tempdir_put("metaflow.s3.live0001/.metaflowfs.lock", "", 0);
    tempdir_put("metaflow.s3.theirs01/metaflow.s3.one_file.x", "x", 1);
    tempdir_put("metaflow.s3.dead0001.not/.metaflowfs.lock", "", 0);
    char path[256];
    snprintf(path, sizeof path, "%s/metaflow.s3.live0001/.metaflowfs.lock", tempdir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    struct staging *one = area((struct staging_conf){0}), *two = area((struct staging_conf){0});
    assert_non_null(staging_root(one));
    assert_non_null(staging_root(two));
    assert_string_not_equal(staging_root(one), staging_root(two));
    assert_false(exists("metaflow.s3.dead0001"));
    assert_true(exists("metaflow.s3.live0001"));
    assert_true(exists("metaflow.s3.theirs01/metaflow.s3.one_file.x"));
    assert_true(exists("metaflow.s3.dead0001.not"));
    struct stat st;
    assert_int_equal(stat(staging_root(one), &st), 0);
    close(fd);
    staging_free(one);
    staging_free(two);
}

static void killed_process_leaves_what_is_swept(void **state)
{
    (void)state;
    int tube[2];
    assert_int_equal(pipe(tube), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct staging *st = area((struct staging_conf){0});
        const char *root = staging_root(st);
        ssize_t n = write(tube[1], root, strlen(root) + 1);
        raise(n > 0 ? SIGKILL : SIGTERM);
    }
    char root[256] = "";
    assert_true(read(tube[0], root, sizeof root) > 0);
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    struct stat st;
    assert_int_equal(stat(root, &st), 0);
    struct staging *next = area((struct staging_conf){0});
    assert_non_null(staging_root(next));
    assert_int_equal(stat(root, &st), -1);
    staging_free(next);
    close(tube[0]);
    close(tube[1]);
}

static void root_comes_back(void **state)
{
    (void)state;
    struct staging *st = area((struct staging_conf){0});
    stage_whole(st, "first", 100000);
    auto_free char *root = mem_strdup(staging_root(st));
    auto_free char *lock = mem_printf("%s/.metaflowfs.lock", root);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(rmdir(root), 0);
    stage_whole(st, "second", 100000);
    assert_true(is_cached(st, "first", 100000));
    struct stat s;
    assert_int_equal(stat(root, &s), 0);
    staging_free(st);
    assert_int_equal(stat(root, &s), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        // First, since a forked child has none of its parent's threads.
        cmocka_unit_test(killed_process_leaves_what_is_swept),
        cmocka_unit_test(a_full_one_is_no_space),
        cmocka_unit_test(one_without_a_limit_is_not_full),
        cmocka_unit_test(bad_tempdir_is_refused),
        cmocka_unit_test(what_cannot_be_written_is_told_apart),
        cmocka_unit_test(dead_roots_are_swept),
        cmocka_unit_test(root_comes_back),
    };
    return cmocka_run_group_tests(tests, tempdir_make, end_pool);
}
