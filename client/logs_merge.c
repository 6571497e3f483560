// Metaflow's mflog.merge_logs. A line is structured when Metaflow's regular expression and its
// timestamp format match; what does not is unstructured, sorts by its bytes after every line of
// this millennium, and keeps its newline in the message.
//
// Python sorts each part by the tuple (timestamp text, mark, version, timestamp, source, id,
// message) and merges the parts; lines that are equal in all of it are equal in their message, so
// one sort of all lines gives the same text. The index has one entry a line and points into the
// parts.
#include <string.h>

#include "base/mem.h"
#include "client/logs.h"

static const char missing_time[] = "3000-01-01T00:00:00.000000";
#define TIME_MAX 26

struct line {
    const char *text;    // the whole line
    size_t len;          // with its newline if it is unstructured, else without
    uint32_t source, id; // offset of the source and the id in text; 0: unstructured
    uint32_t message;    // offset of the message
    uint8_t time, time_len;
};

// --- one line ------------------------------------------------------------------------------------

// One or two digits up to `stop` (or the end, when stop is 0), at most `max`: Python's %m, %d, %H,
// %M, %S.
static bool number(const char **at, const char *end, char stop, int max, int *ret)
{
    const char *p = *at;
    int v = 0, digits = 0;
    for (; p < end && digits < 2 && *p >= '0' && *p <= '9'; p++, digits++)
        v = v * 10 + (*p - '0');
    if (!digits || v > max || p == end || *p != stop)
        return false;
    *at = p + 1;
    *ret = v;
    return true;
}

static bool year_ok(const char **at, const char *end, int *ret)
{
    const char *p = *at;
    if (end - p < 5 || p[4] != '-')
        return false;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (p[i] - '0');
    }
    *at = p + 5;
    *ret = v;
    return v > 0;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

// Whether datetime.strptime takes it with %Y-%m-%dT%H:%M:%S.%f. It ignores the case of the T, and
// %d may be a space and a digit.
static bool time_ok(const char *p, size_t len)
{
    const char *end = p + len;
    int year, month, day, skip;
    if (!year_ok(&p, end, &year) || !number(&p, end, '-', 12, &month) || month < 1)
        return false;
    if (end - p >= 2 && p[0] == ' ' && p[1] >= '1')
        p++;
    const char *t = memchr(p, 'T', (size_t)(end - p)), *lower = memchr(p, 't', (size_t)(end - p));
    char stop = t && (!lower || t < lower) ? 'T' : 't';
    if (!number(&p, end, stop, 31, &day) || day < 1 || day > days_of(year, month))
        return false;
    if (!number(&p, end, ':', 23, &skip) || !number(&p, end, ':', 59, &skip) ||
        !number(&p, end, '.', 59, &skip))
        return false;
    size_t digits = 0;
    while (p + digits < end && p[digits] >= '0' && p[digits] <= '9')
        digits++;
    return digits >= 1 && digits <= 6 && p + digits == end;
}

// The first `what` in [at + 1, end), as the non-greedy `.+?` before it finds it.
static const char *find_after_one(const char *at, const char *end, const char *what,
                                  size_t what_len)
{
    return at + 1 < end ? memmem(at + 1, (size_t)(end - at - 1), what, what_len) : NULL;
}

// Fills in a line of `len` bytes at text, of which the last may be its newline.
static void parse_line(struct line *l, const char *text, size_t len)
{
    *l = (struct line){.text = text, .len = len};
    const char *at = text, *end = text + len;
    if (end > at && end[-1] == '\n')
        end--;
    if (end - at > 2 && memcmp(at, "[!", 2) == 0)
        at += 2;
    if (end - at < 9 || memcmp(at, "[MFLOG|0|", 9) != 0 || len > UINT32_MAX)
        return;
    at += 9;
    const char *z = find_after_one(at, end, "Z|", 2);
    const char *bar = z ? find_after_one(z + 2, end, "|", 1) : NULL;
    const char *close = bar ? find_after_one(bar + 1, end, "]", 1) : NULL;
    if (!close || z - at > TIME_MAX || !time_ok(at, (size_t)(z - at)))
        return;
    l->len = (size_t)(end - text);
    l->time = (uint8_t)(at - text);
    l->time_len = (uint8_t)(z - at);
    l->source = (uint32_t)(z + 2 - text);
    l->id = (uint32_t)(bar + 1 - text);
    l->message = (uint32_t)(close + 1 - text);
}

// --- their order ---------------------------------------------------------------------------------

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t n = a_len < b_len ? a_len : b_len;
    int c = n ? memcmp(a, b, n) : 0;
    return c ? c : (a_len > b_len) - (a_len < b_len);
}

static const char *time_of(const struct line *l, size_t *len)
{
    *len = l->source ? l->time_len : sizeof missing_time - 1;
    return l->source ? l->text + l->time : missing_time;
}

static int compare_lines(const void *pa, const void *pb)
{
    const struct line *a = pa, *b = pb;
    size_t a_len, b_len;
    const char *a_time = time_of(a, &a_len), *b_time = time_of(b, &b_len);
    int c = compare_bytes(a_time, a_len, b_time, b_len);
    if (c == 0)
        c = !a->source - !b->source;
    if (c == 0 && a->source) {
        c = (a->text[1] == '!') - (b->text[1] == '!');
        if (c == 0)
            c = compare_bytes(a->text + a->source, a->id - a->source - 1, b->text + b->source,
                              b->id - b->source - 1);
        if (c == 0)
            c = compare_bytes(a->text + a->id, a->message - a->id - 1, b->text + b->id,
                              b->message - b->id - 1);
    }
    return c ? c
             : compare_bytes(a->text + a->message, a->len - a->message, b->text + b->message,
                             b->len - b->message);
}

// --- whole parts ---------------------------------------------------------------------------------

// Length of the line at `at`, its newline included.
static size_t line_len(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? (size_t)(newline + 1 - at) : (size_t)(end - at);
}

static errc count_lines(const struct log_part *parts, size_t n, size_t *ret, struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const char *at = parts[i].data, *end = at + parts[i].len;
        for (; at < end && count <= LOGS_MAX_LINES; count++)
            at += line_len(at, end);
    }
    if (count > LOGS_MAX_LINES)
        return err_set(err, ERR_LIMIT,
                       "a log of more than %d lines is not merged; its parts are in .logs/",
                       LOGS_MAX_LINES);
    *ret = count;
    return ERR_OK;
}

static errc put_message(const struct line *l, struct sink *sink, struct err *err)
{
    if (sink_put(sink, l->text + l->message, l->len - l->message) && sink_put(sink, "\n", 1))
        return ERR_OK;
    return err_set(err, ERR_INTERRUPTED, "the merge of a log was stopped");
}

// `lines` has room for every line of the parts.
static errc merge_lines(const struct log_part *parts, size_t n, struct line *lines, size_t count,
                        struct sink *sink, struct err *err)
{
    size_t k = 0;
    bool sorted = true;
    for (size_t i = 0; i < n; i++) {
        const char *end = parts[i].data + parts[i].len;
        for (const char *at = parts[i].data; at < end && k < count; k++) {
            size_t len = line_len(at, end);
            parse_line(&lines[k], at, len);
            sorted = sorted && (k == 0 || compare_lines(&lines[k - 1], &lines[k]) <= 0);
            at += len;
        }
    }
    if (!sorted)
        qsort(lines, count, sizeof *lines, compare_lines);
    errc e = ERR_OK;
    for (k = 0; k < count && e == ERR_OK; k++)
        e = put_message(&lines[k], sink, err);
    return e;
}

errc logs_merge(const struct log_part *parts, size_t n, struct sink *sink, struct err *err)
{
    size_t count = 0;
    errc e = count_lines(parts, n, &count, err);
    if (e != ERR_OK || !count)
        return e;
    struct line *lines = calloc(count, sizeof *lines);
    if (!lines)
        return err_set(err, ERR_NO_MEMORY, "no memory to merge a log of %zu lines", count);
    e = merge_lines(parts, n, lines, count, sink, err);
    free(lines);
    return e;
}

errc logs_messages(const struct log_part *part, struct sink *sink, struct err *err)
{
    errc e = ERR_OK;
    const char *end = part->data + part->len;
    for (const char *at = part->data; at < end && e == ERR_OK;) {
        size_t len = line_len(at, end);
        struct line l;
        parse_line(&l, at, len);
        if (at[len - 1] == '\n')
            e = put_message(&l, sink, err);
        at += len;
    }
    return e;
}
