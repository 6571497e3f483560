// Names whose values are not shown, and URLs without their user part.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/secret.h"

static void names(void **state)
{
    (void)state;
    static const char *const secret[] = {
        "API_KEY", "aws_Secret_access", "token", "DB_PASSWORD", "PGPASSWD", "SSH_PASSPHRASE", "GOOGLE_CREDENTIALS",
        "HTTP_AUTHORIZATION", "METAFLOW_SERVICE_HEADERS", "GITHUB_PAT", "azure_pat",
    };
    static const char *const plain[] = {"USER", "PATH", "PYTHONPATH", "GITHUB_PATH", "_PATCH", "SPAT", "PAT", ""};
    for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++) {
        if (!secret_is_name(secret[i])) {
            fail_msg("%s is shown", secret[i]);
        }
    }
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        if (secret_is_name(plain[i])) {
            fail_msg("%s is not shown", plain[i]);
        }
    }
}

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"postgres://me:pw@host:5432/db", "postgres://***@host:5432/db"},
        {"git clone https://ghp_1@github.com/a/b x", "git clone https://***@github.com/a/b x"},
        {"a://u:p@ss@h b://v:q@h?x=y@z", "a://***@h b://***@h?x=y@z"},
        {"https://host/p@th", "https://host/p@th"},
        {"curl https://host\nmail me@host", "curl https://host\nmail me@host"},
        {"://@h", "://@h"}, {"://", "://"}, {"no:one@here", "no:one@here"}, {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        auto_cleanup(buf_free) struct buf out = {0};
        secret_put_text(&out, cases[i].text);
        buf_putc(&out, '\0');
        assert_string_equal(out.data, cases[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(urls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
