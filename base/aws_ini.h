// The format of AWS's shared files: what Python's configparser.RawConfigParser takes, with one level of nested
// settings (botocore/configloader.py). Comments are whole lines; names of settings count in lower case; a line that is
// indented deeper than a setting goes on with its value; a value whose first line is empty and whose lines are
// "name = value" is nested. More than Python: a byte order mark, and sections or settings that come twice (the last
// one counts). Immutable once read; thread-safe.
#ifndef BASE_AWS_INI_H
#define BASE_AWS_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct aws_ini;

// `what` is the file's name for the cause, which tells the line and never its text (a secret may be in it).
// ERR_INVALID for a line that is none of the format's.
errc aws_ini_parse(const char *text, size_t len, const char *what, struct aws_ini **ret, struct err *err)
    ERR_MUST_CHECK;
void aws_ini_free(struct aws_ini *ini); // wipes the values; NULL is fine

// Section names as they are written between the brackets. NULL behind the last.
const char *aws_ini_section(const struct aws_ini *ini, size_t index);
// A setting of section `index`. `nested` is the name inside a nested setting, else NULL. *ret_has (may be NULL) tells
// whether the section has `key` at all, nested or not. Borrowed; NULL when absent or of the other form.
const char *aws_ini_get(const struct aws_ini *ini, size_t index, const char *key, const char *nested, bool *ret_has);

#endif
