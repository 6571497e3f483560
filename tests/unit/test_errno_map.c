// Every kind of failure has the errno that the design gives it, and advice.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "fs/errno_map.h"

static void kinds_have_their_errno(void **state)
{
    (void)state;
    static const struct {
        errc code;
        int number;
    } expected[] = {
        {ERR_OK, 0}, {ERR_NOT_FOUND, ENOENT}, {ERR_DENIED, EACCES}, {ERR_TIMEOUT, ETIMEDOUT},
        {ERR_UNREACHABLE, EHOSTDOWN}, {ERR_THROTTLED, EAGAIN}, {ERR_TOO_MANY, EAGAIN},
        {ERR_CORRUPT, EIO}, {ERR_NO_SPACE, ENOSPC}, {ERR_INTERRUPTED, EINTR}, {ERR_INVALID, EINVAL},
        {ERR_BUSY, EBUSY}, {ERR_ARCHIVED, ENODATA}, {ERR_NO_FORM, ENOTSUP}, {ERR_NOT_PERMITTED, EPERM},
        {ERR_READ_ONLY, EROFS}, {ERR_EXISTS, EEXIST}, {ERR_TEMPDIR, EIO},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(errno_of(expected[i].code)->number, expected[i].number);
    }
}

static void every_kind_has_a_row(void **state)
{
    (void)state;
    for (int code = ERR_OK; code <= ERR_NO_MEMORY; code++) {
        assert_null(strstr(errno_of((errc)code)->advice, "report it"));
        assert_true(code == ERR_OK || errno_of((errc)code)->number > 0);
    }
    assert_int_equal(errno_of((errc)12345)->number, EIO);
    assert_int_equal(errno_of((errc)-1)->number, EIO);
}

static void advice_is_that_of_the_place(void **state)
{
    (void)state;
    static const errc others[] = {ERR_DENIED, ERR_TIMEOUT, ERR_UNREACHABLE, ERR_CORRUPT, ERR_IO, ERR_NO_SPACE, ERR_BUSY,
                                  ERR_NOT_PERMITTED, ERR_LIMIT};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const char *batch = errno_advice(others[i], ".batch/train.json"), *data = errno_advice(others[i], "F/1/a/1/x");
        assert_string_not_equal(batch, data);
        assert_string_equal(batch, errno_advice(others[i], ".batch"));
        assert_string_equal(data, errno_advice(others[i], ".batches/x"));
        assert_string_equal(data, errno_advice(others[i], ""));
        assert_string_equal(data, errno_of(others[i])->advice);
        assert_null(strstr(batch, "METAFLOW_SERVICE"));
        assert_null(strstr(batch, ".pickle"));
        assert_null(strstr(batch, "--staging-size"));
    }
    assert_string_equal(errno_advice(ERR_INVALID, ".batch/a.json"), errno_advice(ERR_INVALID, "F"));
    assert_non_null(strstr(errno_advice(ERR_NO_SPACE, ".batch/a.json"), "XDG_STATE_HOME"));
    assert_non_null(strstr(errno_advice(ERR_UNREACHABLE, ".batch/a.json"), "is not repeated by itself"));
    assert_non_null(strstr(errno_advice(ERR_DENIED, ".batch/a.json"), "AWS credentials"));
    // Data is in S3, too, and a limit is not always that of an artifact.
    assert_non_null(strstr(errno_advice(ERR_DENIED, "F"), "AWS credentials"));
    assert_non_null(strstr(errno_advice(ERR_UNREACHABLE, "F"), "METAFLOW_S3_ENDPOINT_URL"));
    assert_non_null(strstr(errno_advice(ERR_LIMIT, "F"), "of an artifact or a code package"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_their_errno),
        cmocka_unit_test(every_kind_has_a_row),
        cmocka_unit_test(advice_is_that_of_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
