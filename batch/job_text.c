#include "batch/job_text.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t job_text_end(const char *text, size_t len)
{
    while (len > 0 && is_space(text[len - 1])) {
        len--;
    }
    return len;
}

struct job_text job_text_core(const char *text, size_t len)
{
    struct job_text core = {text, job_text_end(text, len)};
    while (core.len > 0 && is_space(*core.at)) {
        core.at++;
        core.len--;
    }
    return core;
}

bool job_text_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    struct job_text x = job_text_core(a, a_len), y = job_text_core(b, b_len);
    return x.len == y.len && memcmp(x.at, y.at, x.len) == 0;
}
