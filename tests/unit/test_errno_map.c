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
        {ERR_READ_ONLY, EROFS}, {ERR_EXISTS, EEXIST},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_their_errno),
        cmocka_unit_test(every_kind_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
