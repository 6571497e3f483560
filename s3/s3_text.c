#include "s3/s3_text.h"

#include <string.h>
#include <time.h>

bool s3_number(const char *text, size_t len, uint64_t *ret)
{
    uint64_t n = 0;
    if (len == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)text[i] - '0';
        if (digit > 9 || n > ((uint64_t)INT64_MAX - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    *ret = n;
    return true;
}

static bool digits(const char *text, size_t len, int *ret)
{
    uint64_t n;
    if (!s3_number(text, len, &n)) {
        return false;
    }
    *ret = (int)n;
    return true;
}

// The checked moment in milliseconds; timegm would take the 31st of February for one in March.
static int64_t moment(struct tm tm, int ms)
{
    struct tm given = tm;
    time_t t = timegm(&tm);
    bool same = tm.tm_mday == given.tm_mday && tm.tm_mon == given.tm_mon && tm.tm_hour == given.tm_hour &&
                tm.tm_min == given.tm_min && tm.tm_sec == given.tm_sec;
    return same && t >= 0 ? (int64_t)t * 1000 + ms : -1;
}

static bool clock_time(const char *text, struct tm *tm)
{
    return digits(text, 2, &tm->tm_hour) && text[2] == ':' && digits(text + 3, 2, &tm->tm_min) && text[5] == ':' &&
           digits(text + 6, 2, &tm->tm_sec);
}

int64_t s3_time_of_iso(const char *text)
{
    struct tm tm = {0};
    size_t len = strlen(text);
    int year, month, ms = 0;
    if (len < 20 || text[len - 1] != 'Z' || !digits(text, 4, &year) || text[4] != '-' || !digits(text + 5, 2, &month) ||
        text[7] != '-' || !digits(text + 8, 2, &tm.tm_mday) || text[10] != 'T' || !clock_time(text + 11, &tm)) {
        return -1;
    }
    if (len > 20) {
        size_t parts = len - 21;
        if (text[19] != '.' || parts == 0 || parts > 9 || !digits(text + 20, parts, &ms)) {
            return -1;
        }
        for (; parts > 3; parts--) {
            ms /= 10;
        }
        for (; parts < 3; parts++) {
            ms *= 10;
        }
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    return moment(tm, ms);
}

int64_t s3_time_of_http(const char *text)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    int year;
    if (strlen(text) != 29 || strncmp(text + 3, ", ", 2) != 0 || strcmp(text + 25, " GMT") != 0 || text[7] != ' ' ||
        text[11] != ' ' || text[16] != ' ' || !digits(text + 5, 2, &tm.tm_mday) || !digits(text + 12, 4, &year) ||
        !clock_time(text + 17, &tm)) {
        return -1;
    }
    char name[4] = {text[8], text[9], text[10], '\0'}, day[4] = {text[0], text[1], text[2], '\0'};
    const char *month = strstr(months, name), *weekday = strstr(days, day);
    if (!month || (month - months) % 3 != 0 || !weekday || (weekday - days) % 3 != 0) {
        return -1;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = (int)(month - months) / 3;
    return moment(tm, 0);
}
