// Time zones as pickles hold them: of the standard library, zoneinfo, pytz and dateutil.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/render_parts.h"

enum { MAX_NAME = 256 };

void text_offset(struct buf *b, int64_t micros)
{
    int64_t us = micros < 0 ? -micros : micros, s = us / 1000000;
    buf_printf(b, "%c%02d:%02d", micros < 0 ? '-' : '+', (int)(s / 3600), (int)(s / 60 % 60));
    if (s % 60 || us % 1000000)
        buf_printf(b, ":%02d", (int)(s % 60));
    if (us % 1000000)
        buf_printf(b, ".%06d", (int)(us % 1000000));
}

// The UTC offset that the tzinfo itself says, in microseconds.
bool tz_stated_offset(const struct value *tz, int64_t *ret)
{
    static const int64_t day = (int64_t)86400 * 1000000;
    __int128 us = 0;
    int64_t seconds, minutes;
    if (value_is_call(tz, "datetime", "timezone")) {
        if (!delta_micros(value_arg(tz, 0), &us))
            return false;
    } else if (value_is_call(tz, "pytz", "_p") && value_int(value_arg(tz, 1), &seconds) && seconds < 86400 &&
               seconds > -86400) {
        us = (__int128)seconds * 1000000;
    } else if (value_is_call(tz, "pytz", "FixedOffset") && value_int(value_arg(tz, 0), &minutes) &&
               minutes < 1440 && minutes > -1440) {
        us = (__int128)minutes * 60000000;
    } else if (value_is_call(tz, "dateutil.tz.tz", "tzoffset")) {
        if (!delta_micros(value_dict_get(tz->u.call.state, "_offset"), &us))
            return false;
    } else if (!value_is_call(tz, "pytz", "_UTC") && !value_is_call(tz, "dateutil.tz.tz", "tzutc")) {
        return false;
    }
    *ret = (int64_t)us;
    return us < day && us > -day;
}

// The key of zoneinfo.ZoneInfo._unpickle(key, from_cache), or of a pytz zone without an offset.
const struct value *tz_key(const struct value *tz)
{
    if (tz->kind != VALUE_CALL)
        return NULL;
    const struct value *callee = tz->u.call.callee, *key = value_arg(tz, 0);
    bool unpickle = value_is_call(callee, "builtins", "getattr") &&
                    (value_is_global(value_arg(callee, 0), "zoneinfo", "ZoneInfo") ||
                     value_is_global(value_arg(callee, 0), "backports.zoneinfo", "ZoneInfo"));
    bool named = unpickle || value_is_call(tz, "zoneinfo", "ZoneInfo._unpickle") ||
                 value_is_call(tz, "pytz", "_p");
    return named && key && key->kind == VALUE_STR ? key : NULL;
}

// A name; a long one is none that anybody gave.
static char *text_of(const struct value *v)
{
    if (!v || v->kind != VALUE_STR || v->u.bytes.len > MAX_NAME)
        return NULL;
    return mem_strndup((const char *)v->u.bytes.data, v->u.bytes.len);
}

// The file of a dateutil.tz.tzfile, and the zone's name in it: what stands behind "zoneinfo/".
static char *file_of(const struct value *v)
{
    if (!value_is_call(v, "dateutil.tz.tz", "tzfile"))
        return NULL;
    char *file = text_of(value_dict_get(v->u.call.state, "_filename"));
    return file ? file : text_of(value_arg(v, 1));
}

static const char *key_in_file(const char *file)
{
    static const char folder[] = "zoneinfo/";
    const char *key = file ? strstr(file, folder) : NULL;
    return key ? key + strlen(folder) : file;
}

static bool is_utc(const struct value *v)
{
    return value_is_call(v, "pytz", "_UTC") || (value_is_call(v, "datetime", "timezone") && !value_arg(v, 1));
}

// datetime.timezone's own name of an offset: "UTC", "UTC+02:00".
static char *name_of_offset(int64_t micros)
{
    struct buf b = {0};
    buf_puts(&b, "UTC");
    if (micros)
        text_offset(&b, micros);
    return buf_steal(&b);
}

// str() of a tzinfo.
static char *name_of(const struct value *v, int64_t micros, const char *file)
{
    int64_t n;
    if (file)
        return mem_printf("tzfile('%s')", file);
    if (is_utc(v))
        return name_of_offset(micros);
    if (value_is_call(v, "pytz", "FixedOffset") && value_int(value_arg(v, 0), &n))
        return mem_printf("pytz.FixedOffset(%" PRId64 ")", n);
    if (value_is_call(v, "dateutil.tz.tz", "tzutc"))
        return mem_strdup("tzutc()");
    if (value_is_call(v, "dateutil.tz.tz", "tzoffset")) {
        auto_free char *name = text_of(value_dict_get(v->u.call.state, "_name"));
        const char *quote = name ? "'" : "";
        return mem_printf("tzoffset(%s%s%s, %" PRId64 ")", quote, name ? name : "None", quote, micros / 1000000);
    }
    char *name = text_of(value_is_call(v, "datetime", "timezone") ? value_arg(v, 1) : tz_key(v));
    if (name)
        return name;
    name = mem_zalloc(MAX_NAME);
    value_type_name(v, name, MAX_NAME);
    return name;
}

bool text_tz(struct buf *b, const struct value *v)
{
    int64_t micros = 0;
    auto_free char *file = file_of(v);
    if (!file && !tz_key(v) && !tz_stated_offset(v, &micros))
        return false;
    auto_free char *name = name_of(v, micros, file);
    buf_puts(b, name);
    return true;
}

struct tz *tz_new(const struct value *v)
{
    if (!v || v->kind == VALUE_NONE)
        return NULL;
    struct tz *tz = mem_zalloc(sizeof *tz);
    auto_free char *file = file_of(v), *key = text_of(tz_key(v));
    const char *name = key ? key : key_in_file(file);
    tz->in_minutes = value_is_call(v, "pytz", "_p");
    tz->is_short = tz->in_minutes || file;
    tz->zone = name ? zone_open(name) : NULL;
    tz->known = tz->zone || tz_stated_offset(v, &tz->fixed);
    tz->name = name_of(v, tz->fixed, file);
    return tz;
}

// "+01:00", as Arrow writes zones that are offsets.
static bool parse_offset(const char *s, int64_t *ret_micros)
{
    unsigned d[5];
    if (strlen(s) != 6 || (*s != '+' && *s != '-') || s[3] != ':')
        return false;
    for (unsigned i = 0; i < 5; i++) {
        d[i] = (unsigned char)s[i + 1] - (unsigned)'0';
        if (i != 2 && d[i] > 9)
            return false;
    }
    int64_t minutes = (int64_t)(d[0] * 10 + d[1]) * 60 + d[3] * 10 + d[4];
    *ret_micros = minutes * (*s == '-' ? -60000000 : 60000000);
    return minutes < 1440;
}

struct tz *tz_named(const char *name)
{
    struct tz *tz = mem_zalloc(sizeof *tz);
    tz->name = mem_strdup(name);
    tz->known = !strcmp(name, "UTC") || !strcmp(name, "Z") || parse_offset(name, &tz->fixed);
    tz->zone = tz->known ? NULL : zone_open(name);
    tz->known = tz->known || tz->zone;
    return tz;
}

void tz_free(struct tz *tz)
{
    if (!tz)
        return;
    zone_free(tz->zone);
    free(tz->name);
    free(tz);
}

void tz_freep(struct tz **tz)
{
    tz_free(*tz);
    *tz = NULL;
}

int64_t tz_offset_at(const struct tz *tz, int64_t utc_seconds)
{
    static const int64_t far = (int64_t)1 << 50; // beyond any calendar, and far from where sums overflow
    if (!tz->zone)
        return tz->fixed;
    int64_t at = utc_seconds < -far ? -far : utc_seconds > far ? far : utc_seconds;
    if (tz->is_short && at > INT32_MAX)
        at = INT32_MAX;
    int64_t seconds = tz->is_short && at < INT32_MIN ? zone_first(tz->zone) : zone_at(tz->zone, at);
    if (!tz->in_minutes)
        return seconds * 1000000;
    int64_t up = seconds + 30;
    return (up / 60 - (up % 60 < 0)) * 60000000;
}
