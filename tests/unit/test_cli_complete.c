// The completion's own lists of options hold what there is.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "fs/cli_complete.h"
#include "fs/options.h"

static void own_options_are_no_others(void **state)
{
    (void)state;
    for (const struct complete_own *c = complete_own; c->name != NULL; c++) {
        const char *name = c->name + strspn(c->name, "-");
        assert_null(option_find(name, strlen(name)));
        assert_non_null(c->help);
    }
}

static void options_of_a_mount_exist(void **state)
{
    (void)state;
    assert_non_null(complete_of_mount[0]);
    for (const char *const *name = complete_of_mount; *name != NULL; name++) {
        assert_non_null(option_find(*name, strlen(*name)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_options_are_no_others),
        cmocka_unit_test(options_of_a_mount_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
