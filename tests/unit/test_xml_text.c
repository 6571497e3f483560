// base/xml_text.h.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/xml_text.h"

static void finds(const char *xml, const char *path, const char *expected)
{
    struct err err = ERR_INIT;
    auto_free char *got = NULL;
    if (xml_text(xml, strlen(xml), path, &got, &err) != ERR_OK || strcmp(got, expected) != 0) {
        fail_msg("%s in %s: %s%s", path, xml, got ? got : "", err.cause);
    }
}

static void lacks(const char *xml, const char *path, errc code)
{
    struct err err = ERR_INIT;
    auto_free char *got = NULL;
    errc e = xml_text(xml, strlen(xml), path, &got, &err);
    if (e != code || got || err.cause[0] == '\0' || strstr(err.cause, "S3CR3T")) {
        fail_msg("%s in %s: %s %s", path, xml, got ? got : "", err.cause);
    }
}

static void texts_of_elements(void **state)
{
    (void)state;
    finds("<E><Code>x</Code></E>", "Code", "x");
    finds("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<E xmlns=\"u\">\n <Code>x</Code>\n</E>\n", "Code", "x");
    finds("<E><A><Code>1</Code></A><Code>2</Code></E>", "Code", "2");
    finds("<E><A><Code>1</Code></A><Code>2</Code></E>", "A/Code", "1");
    finds("<E><Code>1</Code><Code>2</Code></E>", "Code", "1");
    finds("<E><A><B>1</B></A><A><C>2</C></A></E>", "A/C", "2");
    finds("<A><A><A>x</A></A></A>", "A/A", "x");
    finds("<E><Code>a<!-- c -->&amp;<![CDATA[<b>]]><in>no</in>d&#x41;</Code></E>", "Code", "a&<b>dA");
    finds("<E><Code/></E>", "Code", "");
    finds("<s:E xmlns:s=\"u\"><s:Code>x</s:Code></s:E>", "Code", "x");
    finds("<E>text<Code>x</Code>text</E>", "Code", "x");
}

static void what_is_not_there(void **state)
{
    (void)state;
    lacks("<Code>S3CR3T</Code>", "Code", ERR_NOT_FOUND); // the root is not below itself
    lacks("<E><code>S3CR3T</code></E>", "Code", ERR_NOT_FOUND);
    lacks("<E><B><A><Code>1</Code></A></B></E>", "A/Code", ERR_NOT_FOUND);
    lacks("<E><A>1</A></E>", "A/Code", ERR_NOT_FOUND);
}

static void what_is_no_answer(void **state)
{
    (void)state;
    lacks("", "Code", ERR_CORRUPT);
    lacks("S3CR3T", "Code", ERR_CORRUPT);
    lacks("<E><Code>S3CR3T</Code>", "Code", ERR_CORRUPT);
    lacks("<E><Code>S3CR3T</Kode></E>", "Code", ERR_CORRUPT);
    lacks("<E><Code>&unknown;</Code></E>", "Code", ERR_CORRUPT);
    lacks("<!DOCTYPE E [<!ENTITY a \"S3CR3T\">]><E><Code>&a;</Code></E>", "Code", ERR_CORRUPT);
    lacks("<!DOCTYPE E SYSTEM \"file:///etc/passwd\"><E><Code>x</Code></E>", "Code", ERR_CORRUPT);
    struct buf deep = {0};
    for (int i = 0; i < 100000; i++) {
        buf_puts(&deep, "<a>");
    }
    lacks(deep.data, "Code", ERR_CORRUPT);
    buf_free(&deep);
    buf_puts(&deep, "<E><Code>");
    for (int i = 0; i < 70000; i++) {
        buf_putc(&deep, 'x');
    }
    buf_puts(&deep, "</Code></E>");
    lacks(deep.data, "Code", ERR_CORRUPT);
    finds("<E><Code>x</Code></E>", "Code", "x");
    buf_free(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_elements),
        cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(what_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
