#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "batch/job_request.h"

#define USER_MAX 40
#define NAME_MAX_ 60
#define HASH_HEX 20

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// At most `max` characters that a job's name may have, "_" for each that it may not (one for one in UTF-8).
static void put_part(struct buf *out, const char *text, size_t max)
{
    size_t put = 0;
    for (const char *p = text; *p != '\0' && put < max; p++) {
        if (((unsigned char)*p & 0xc0) != 0x80) {
            buf_putc(out, is_plain(*p) || *p == '-' ? *p : '_');
            put++;
        }
    }
}

char *job_name_make(const char *user, const char *name, const char *text, size_t len, unsigned generation)
{
    auto_cleanup(buf_free) struct buf covered = {0};
    buf_printf(&covered, "%u %zu ", generation, strlen(name));
    buf_puts(&covered, name);
    buf_put(&covered, text, len);
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256_of(covered.data, covered.len, digest);
    hash_hex(digest, sizeof(digest), hex);
    auto_cleanup(buf_free) struct buf out = {0};
    if (!is_plain(user[0])) {
        buf_puts(&out, "u"); // a name begins with a letter or digit
    }
    put_part(&out, user, USER_MAX);
    buf_putc(&out, '-');
    put_part(&out, name, NAME_MAX_);
    buf_printf(&out, "-%.*s", HASH_HEX, hex);
    return buf_steal(&out);
}
