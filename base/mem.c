#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void mem_exhausted(void)
{
    static const char text[] = "metaflowfs: out of memory\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) {
        // Nobody is left to be told.
    }
    abort();
}

void *mem_zalloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p)
        mem_exhausted();
    return p;
}

void *mem_realloc(void *p, size_t size)
{
    p = realloc(p, size ? size : 1);
    if (!p)
        mem_exhausted();
    return p;
}

void *mem_grow(void *p, size_t *cap, size_t need, size_t item_size)
{
    if (need <= *cap)
        return p;
    size_t next = *cap ? *cap : 8;
    while (next < need) {
        if (next > SIZE_MAX / 2)
            mem_exhausted();
        next *= 2;
    }
    size_t bytes;
    if (__builtin_mul_overflow(next, item_size, &bytes))
        mem_exhausted();
    p = mem_realloc(p, bytes);
    *cap = next;
    return p;
}

char *mem_strdup(const char *s)
{
    return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
    n = strnlen(s, n);
    char *copy = mem_realloc(NULL, n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *mem_printf(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        mem_exhausted();
    return text;
}

void mem_wipe(char **s)
{
    if (*s) {
        explicit_bzero(*s, strlen(*s));
    }
    free(steal_ptr(s));
}
