#include "base/shell_words.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

// One byte, or what a backslash at *p stands for; false at the end of the text.
static bool take_escaped(const char **p, bool in_quotes, struct buf *word)
{
    char next = (*p)[1];
    if (next == '\0') {
        return false;
    }
    if (in_quotes && next != '"' && next != '\\') {
        buf_putc(word, '\\');
    }
    buf_putc(word, next);
    *p += 2;
    return true;
}

// From an opening quote to behind the closing one.
static bool take_quoted(const char **p, struct buf *word)
{
    char quote = *(*p)++;
    while (**p && **p != quote) {
        if (quote == '"' && **p == '\\') {
            if (!take_escaped(p, true, word)) {
                return false;
            }
        } else {
            buf_putc(word, *(*p)++);
        }
    }
    if (**p == '\0') {
        return false;
    }
    (*p)++;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool shell_words(const char *text, struct strv *words)
{
    const char *p = text;
    for (;;) {
        while (is_blank(*p)) {
            p++;
        }
        if (*p == '\0') {
            return true;
        }
        auto_cleanup(buf_free) struct buf word = {0};
        while (*p && !is_blank(*p)) {
            if (*p == '\'' || *p == '"') {
                if (!take_quoted(&p, &word)) {
                    return false;
                }
            } else if (*p == '\\') {
                if (!take_escaped(&p, false, &word)) {
                    return false;
                }
            } else {
                buf_putc(&word, *p++);
            }
        }
        strv_take(words, buf_steal(&word));
    }
}
