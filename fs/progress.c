#include "fs/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BAR_MIN 10
#define BAR_MAX 60

// "17 B", "3.2 GiB": at most 10 bytes.
static void size_text(uint64_t n, char out[16])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    double value = (double)n;
    // What would be rounded to 1024 belongs to the next unit.
    while (value >= (unit > 0 ? 1023.95 : 1024.0)) {
        value /= 1024;
        unit++;
    }
    snprintf(out, 16, unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

// Networks are measured in powers of ten: "812 MB/s".
static void rate_text(double value, char out[16])
{
    static const char *const units[] = {"B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s", "EB/s"};
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000;
        unit++;
    }
    snprintf(out, 16, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void wait_text(uint64_t s, char out[16])
{
    if (s < 60) {
        snprintf(out, 16, "%" PRIu64 "s", s);
    } else if (s < 3600) {
        snprintf(out, 16, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    } else if (s < 100 * 3600) {
        snprintf(out, 16, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    } else {
        snprintf(out, 16, "days");
    }
}

static unsigned percent(const struct progress *p)
{
    // Files without bytes end too; and what is done is never more than the whole.
    double whole = (double)p->bytes_known, part = (double)p->bytes;
    if (p->bytes_known == 0) {
        whole = (double)p->files_known;
        part = (double)p->files;
    }
    double done = whole > 0 ? 100 * part / whole : 0;
    bool all = p->walked && p->files == p->files_known;
    return all ? 100 : done >= 99 ? 99 : (unsigned)done;
}

enum { PARTS = 5 };

static size_t make_parts(const struct progress *p, char parts[PARTS][48])
{
    char done[16], known[16], rate[16], left[16];
    const char *more = p->walked ? "" : "+";
    size_text(p->bytes, done);
    size_text(p->bytes_known > p->bytes ? p->bytes_known : p->bytes, known);
    rate_text((double)p->rate, rate);
    snprintf(parts[0], 48, "%3u%%", percent(p));
    snprintf(parts[1], 48, "%s of %s%s", done, known, more);
    snprintf(parts[2], 48, "%" PRIu64 "/%" PRIu64 "%s files", p->files, p->files_known, more);
    snprintf(parts[3], 48, "%s", rate);
    if (!p->walked || p->rate == 0 || p->bytes >= p->bytes_known) {
        return PARTS - 1;
    }
    wait_text((p->bytes_known - p->bytes + p->rate - 1) / p->rate, left);
    snprintf(parts[4], 48, "ETA %s", left);
    return PARTS;
}

static size_t put_bar(const struct progress *p, size_t inner, char *out)
{
    size_t full = inner * percent(p) / 100;
    out[0] = '[';
    memset(out + 1, '=', full);
    memset(out + 1 + full, ' ', inner - full);
    if (full < inner) {
        out[1 + full] = '>';
    }
    out[1 + inner] = ']';
    out[2 + inner] = ' ';
    return inner + 3;
}

size_t progress_line(const struct progress *p, unsigned width, char *out)
{
    char parts[PARTS][48];
    size_t n = make_parts(p, parts), room = width > 0 ? width - 1 : 0, text = 0, at = 0;
    room = room < PROGRESS_WIDTH_MAX ? room : PROGRESS_WIDTH_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(parts[i]) + (i > 0 ? 2 : 0);
        if (text + len > room) {
            n = i;
        } else {
            text += len;
        }
    }
    if (room - text >= BAR_MIN + 3) {
        size_t inner = room - text - 3;
        at = put_bar(p, inner < BAR_MAX ? inner : BAR_MAX, out);
    }
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(parts[i]);
        if (i > 0) {
            memcpy(out + at, "  ", 2);
            at += 2;
        }
        memcpy(out + at, parts[i], len);
        at += len;
    }
    out[at] = '\0';
    return at;
}

void progress_end_text(const struct progress_end *end, char *out, size_t size)
{
    char bytes[16], rate[16], more[96] = "";
    double seconds = (double)(end->ms > 0 ? end->ms : 1) / 1000;
    size_text(end->bytes, bytes);
    rate_text((double)end->bytes / seconds, rate);
    if (end->there > 0) {
        snprintf(more, sizeof(more), ", %" PRIu64 " %s there already", end->there, end->there == 1 ? "was" : "were");
    }
    size_t len = strlen(more);
    if (end->links > 0) {
        snprintf(more + len, sizeof(more) - len, ", %" PRIu64 " %s left out", end->links,
                 end->links == 1 ? "link was" : "links were");
    }
    snprintf(out, size, "%" PRIu64 " file%s, %s in %.1f s (%s)%s", end->files, end->files == 1 ? "" : "s", bytes,
             (double)end->ms / 1000, rate, more);
}
