#include "batch/job_tag.h"

#include <stdbool.h>
#include <string.h>

#define NAME_MAX_CHARS 128
#define VALUE_MAX_CHARS 256
#define CHARSET "letters, digits, spaces and + - = . _ : / @"

// Characters beyond ASCII that are no letters and no digits, as far as they have blocks of their own; AWS has the last
// word.
static bool is_no_letter(unsigned c)
{
    return c < 0xaa || (c > 0xaa && c < 0xc0 && c != 0xb2 && c != 0xb3 && c != 0xb5 && c != 0xb9 && c != 0xba) ||
           c == 0xd7 || c == 0xf7 || (c >= 0x2000 && c < 0x2c00) || (c >= 0x3000 && c < 0x3005) ||
           (c >= 0xe000 && c < 0xf900) || (c >= 0x1f000 && c < 0x20000);
}

// How many characters a tag's text has, or -1 where AWS does not take one of them.
static long tag_length(const char *text)
{
    long n = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; n++) {
        if (*c < 0x80) {
            if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +-=._:/@", *c) == NULL) {
                return -1;
            }
            c++;
            continue;
        }
        unsigned value = *c >= 0xf0 ? *c & 0x07U : *c >= 0xe0 ? *c & 0x0fU : *c & 0x1fU;
        for (c++; (*c & 0xc0) == 0x80; c++) {
            value = value << 6 | (*c & 0x3fU);
        }
        if (is_no_letter(value)) {
            return -1;
        }
    }
    return n;
}

const char *job_tag_problem(const char *name, const char *value)
{
    long name_length = tag_length(name), value_length = tag_length(value);
    if (strncasecmp(name, "aws:", 4) == 0 || strncasecmp(value, "aws:", 4) == 0) {
        return "neither a tag's name nor its value begins with aws:";
    }
    if (*name == '\0' || name_length > NAME_MAX_CHARS) {
        return "a tag's name has 1 to 128 characters";
    }
    if (value_length > VALUE_MAX_CHARS) {
        return "a tag's value has at most 256 characters";
    }
    return name_length < 0    ? "a tag's name has only " CHARSET
           : value_length < 0 ? "a tag's value has only " CHARSET
                              : NULL;
}
