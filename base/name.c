#include "base/name.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

#define CUT_KEEP 200
#define CUT_HEX 16
#define CUT_LEN (CUT_KEEP + 1 + CUT_HEX)
#define LONG_NAMES_MAX 4096

static const char hex_digits[] = "0123456789ABCDEF";

// Length of the UTF-8 sequence at s (RFC 3629: no overlong forms, no surrogates), 0 when there is none.
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        return (s[1] & 0xc0) == 0x80 ? 2 : 0;
    if ((s[0] & 0xf0) == 0xe0) {
        if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
            return 0;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
            return 0;
        return 3;
    }
    if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 || (s[3] & 0xc0) != 0x80)
            return 0;
        if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
            return 0;
        return 4;
    }
    return 0;
}

static bool must_encode(unsigned char c, bool first)
{
    return c < 0x20 || c == 0x7f || c == '/' || c == '%' || (first && c == '.');
}

static char *encode_whole(const char *name)
{
    struct buf out = {.max = 1 << 20};
    const unsigned char *s = (const unsigned char *)name;
    bool first = true;
    while (*s) {
        size_t n = utf8_length(s);
        if (n == 0 || (n == 1 && must_encode(*s, first))) {
            char code[3] = {'%', hex_digits[*s >> 4], hex_digits[*s & 15]};
            buf_put(&out, code, 3);
            s++;
        } else {
            buf_put(&out, s, n);
            s += n;
        }
        first = false;
    }
    return buf_steal(&out);
}

char *name_encode(const char *name, bool *ret_cut)
{
    char *whole = encode_whole(name);
    size_t len = strlen(whole);
    *ret_cut = len > NAME_MAX_BYTES;
    if (!*ret_cut)
        return whole;
    char sha[41];
    sha1_hex_of(name, strlen(name), sha);
    // Not inside of a character, so that the file name stays UTF-8.
    size_t keep = CUT_KEEP;
    while (keep > 0 && ((unsigned char)whole[keep] & 0xc0) == 0x80)
        keep--;
    memset(whole + keep, '_', CUT_KEEP - keep);
    whole[CUT_KEEP] = '~';
    memcpy(whole + CUT_KEEP + 1, sha, CUT_HEX);
    whole[CUT_LEN] = '\0';
    return whole;
}

static int hex_value(char c)
{
    const char *p = c ? strchr(hex_digits, c) : NULL;
    return p ? (int)(p - hex_digits) : -1;
}

char *name_decode(const char *file_name)
{
    size_t len = strlen(file_name);
    if (len == 0 || len > NAME_MAX_BYTES)
        return NULL;
    char *out = mem_zalloc(len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (file_name[i] != '%') {
            out[n++] = file_name[i];
            continue;
        }
        int hi = hex_value(file_name[i + 1]);
        int lo = hi < 0 ? -1 : hex_value(file_name[i + 2]);
        if (lo < 0 || (hi == 0 && lo == 0)) {
            free(out);
            return NULL;
        }
        out[n++] = (char)(hi * 16 + lo);
        i += 2;
    }
    bool cut;
    auto_free char *again = name_encode(out, &cut);
    if (cut || strcmp(again, file_name) != 0) {
        free(out);
        return NULL;
    }
    return out;
}

bool name_is_cut(const char *file_name)
{
    if (strlen(file_name) != CUT_LEN || file_name[CUT_KEEP] != '~')
        return false;
    return strspn(file_name + CUT_KEEP + 1, "0123456789abcdef") == CUT_HEX;
}

struct long_name {
    char *file_name, *name; // owned
};

struct long_names {
    pthread_mutex_t lock;
    struct long_name items[LONG_NAMES_MAX]; // a ring: next is the oldest once it is full
    size_t len, next;
};

struct long_names *long_names_new(void)
{
    struct long_names *l = mem_zalloc(sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void long_names_free(struct long_names *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->len; i++) {
        free(l->items[i].file_name);
        free(l->items[i].name);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static struct long_name *find_locked(struct long_names *l, const char *file_name)
{
    for (size_t i = 0; i < l->len; i++)
        if (strcmp(l->items[i].file_name, file_name) == 0)
            return &l->items[i];
    return NULL;
}

void long_names_add(struct long_names *l, const char *file_name, const char *name)
{
    pthread_mutex_lock(&l->lock);
    if (!find_locked(l, file_name)) {
        struct long_name *slot = &l->items[l->next];
        if (l->len < LONG_NAMES_MAX)
            l->len++;
        free(slot->file_name);
        free(slot->name);
        slot->file_name = mem_strdup(file_name);
        slot->name = mem_strdup(name);
        l->next = (l->next + 1) % LONG_NAMES_MAX;
    }
    pthread_mutex_unlock(&l->lock);
}

char *long_names_find(struct long_names *l, const char *file_name)
{
    pthread_mutex_lock(&l->lock);
    struct long_name *found = find_locked(l, file_name);
    char *name = found ? mem_strdup(found->name) : NULL;
    pthread_mutex_unlock(&l->lock);
    return name;
}
