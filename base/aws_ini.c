#include "base/aws_ini.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"

#define MAX_SECTIONS 5000
#define MAX_SETTINGS 2000 // of a section

struct setting {
    char *key, *value;  // owned; the value's lines with '\n' between them
    struct strv nested; // names and values in turn
};
struct section {
    char *name;        // owned
    struct setting *items;
    size_t len, cap;
};
struct aws_ini {
    struct section *items;
    size_t len, cap;
};

static void setting_free(struct setting *s)
{
    free(s->key);
    mem_wipe(&s->value);
    for (size_t i = 0; i < s->nested.len; i++) {
        explicit_bzero(s->nested.items[i], strlen(s->nested.items[i]));
    }
    strv_free(&s->nested);
}

void aws_ini_free(struct aws_ini *ini)
{
    for (size_t i = 0; ini && i < ini->len; i++) {
        for (size_t k = 0; k < ini->items[i].len; k++) {
            setting_free(&ini->items[i].items[k]);
        }
        free(ini->items[i].items);
        free(ini->items[i].name);
    }
    if (ini) {
        free(ini->items);
    }
    free(ini);
}

// A piece of the text, borrowed.
struct piece {
    const char *at;
    size_t len;
};

static struct piece trim(struct piece p)
{
    while (p.len > 0 && isspace((unsigned char)p.at[0])) {
        p.at++;
        p.len--;
    }
    while (p.len > 0 && isspace((unsigned char)p.at[p.len - 1])) {
        p.len--;
    }
    return p;
}

static char *text_of(struct piece p)
{
    return mem_strndup(p.at, p.len);
}

// --- reading -----------------------------------------------------------------------------------------------------

struct reader {
    struct aws_ini *ini;
    struct section *section; // the current one, or NULL
    struct setting *setting; // the current one, or NULL
    struct buf value;        // of the current setting
    size_t indent;           // of the current setting
};

// What a setting says is known when the next thing begins.
static void end_setting(struct reader *r)
{
    if (r->setting) {
        while (r->value.len > 0 && isspace((unsigned char)r->value.data[r->value.len - 1])) {
            r->value.data[--r->value.len] = '\0';
        }
        mem_wipe(&r->setting->value);
        r->setting->value = buf_steal(&r->value);
        r->setting = NULL;
    }
}

static bool begin_section(struct reader *r, struct piece name)
{
    end_setting(r);
    auto_free char *text = text_of(name);
    for (size_t i = 0; i < r->ini->len; i++) {
        if (strcmp(r->ini->items[i].name, text) == 0) {
            r->section = &r->ini->items[i];
            return true;
        }
    }
    if (r->ini->len >= MAX_SECTIONS) {
        return false;
    }
    r->ini->items = mem_grow(r->ini->items, &r->ini->cap, r->ini->len + 1, sizeof(*r->ini->items));
    r->section = &r->ini->items[r->ini->len++];
    *r->section = (struct section){.name = steal_ptr(&text)};
    return true;
}

static struct setting *find(const struct section *s, const char *key)
{
    for (size_t i = 0; i < s->len; i++) {
        if (strcmp(s->items[i].key, key) == 0) {
            return &s->items[i];
        }
    }
    return NULL;
}

static bool begin_setting(struct reader *r, struct piece line)
{
    end_setting(r);
    size_t end = 0;
    while (end < line.len && line.at[end] != '=' && line.at[end] != ':') {
        end++;
    }
    struct piece key = trim((struct piece){line.at, end});
    if (end == line.len || key.len == 0 || !r->section) {
        return false;
    }
    auto_free char *name = text_of(key);
    for (char *c = name; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    struct section *s = r->section;
    r->setting = find(s, name);
    if (!r->setting) {
        if (s->len >= MAX_SETTINGS) {
            return false;
        }
        s->items = mem_grow(s->items, &s->cap, s->len + 1, sizeof(*s->items));
        r->setting = &s->items[s->len++];
        *r->setting = (struct setting){.key = steal_ptr(&name)};
    }
    struct piece value = trim((struct piece){line.at + end + 1, line.len - end - 1});
    buf_put(&r->value, value.at, value.len);
    return true;
}

static bool take_line(struct reader *r, struct piece line)
{
    struct piece text = trim(line);
    if (memchr(line.at, '\0', line.len)) {
        return false;
    }
    if (text.len > 0 && (text.at[0] == '#' || text.at[0] == ';')) {
        return true;
    }
    size_t indent = (size_t)(text.at - line.at);
    if (text.len == 0 || (r->setting && indent > r->indent)) {
        if (r->setting) {
            buf_putc(&r->value, '\n');
            buf_put(&r->value, text.at, text.len);
        }
        return true;
    }
    r->indent = indent;
    const char *close = text.at[0] == '[' ? memrchr(text.at, ']', text.len) : NULL;
    if (close && close > text.at + 1) {
        return begin_section(r, (struct piece){text.at + 1, (size_t)(close - text.at - 1)});
    }
    return begin_setting(r, text);
}

// A value whose first line is empty: each further line has a '='.
static bool split_nested(struct setting *s)
{
    for (const char *p = s->value; *p == '\n';) {
        p++;
        size_t len = strcspn(p, "\n");
        const char *equals = memchr(p, '=', len);
        if (len > 0 && !equals) {
            return false;
        }
        if (len > 0) {
            size_t name = (size_t)(equals - p);
            strv_take(&s->nested, text_of(trim((struct piece){p, name})));
            strv_take(&s->nested, text_of(trim((struct piece){equals + 1, len - name - 1})));
        }
        p += len;
    }
    return true;
}

static errc split_all(struct aws_ini *ini, const char *what, struct err *err)
{
    for (size_t i = 0; i < ini->len; i++) {
        for (size_t k = 0; k < ini->items[i].len; k++) {
            struct setting *s = &ini->items[i].items[k];
            if (!split_nested(s)) {
                return err_set(err, ERR_INVALID,
                               "%s: the indented lines of %.100s in [%.100s] are not all \"name = value\"", what,
                               s->key, ini->items[i].name);
            }
        }
    }
    return ERR_OK;
}

static errc read_lines(struct reader *r, const char *text, size_t len, const char *what, struct err *err)
{
    unsigned long number = 0;
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line = end ? (size_t)(end - text) - at : len - at;
        number++;
        if (!take_line(r, (struct piece){text + at, line})) {
            return err_set(err, ERR_INVALID,
                           "%s, line %lu is neither \"[section]\" nor \"name = value\" in a section nor a comment",
                           what, number);
        }
        at += line + (end != NULL);
    }
    return ERR_OK;
}

errc aws_ini_parse(const char *text, size_t len, const char *what, struct aws_ini **ret, struct err *err)
{
    struct reader r = {.ini = mem_zalloc(sizeof(*r.ini))};
    size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    errc e = read_lines(&r, text + mark, len - mark, what, err);
    end_setting(&r);
    buf_free(&r.value);
    if (!e) {
        e = split_all(r.ini, what, err);
    }
    if (e) {
        aws_ini_free(r.ini);
        return e;
    }
    *ret = r.ini;
    return ERR_OK;
}

// --- looking up ----------------------------------------------------------------------------------------------------

const char *aws_ini_section(const struct aws_ini *ini, size_t index)
{
    return index < ini->len ? ini->items[index].name : NULL;
}

const char *aws_ini_get(const struct aws_ini *ini, size_t index, const char *key, const char *nested, bool *ret_has)
{
    const struct setting *s = index < ini->len ? find(&ini->items[index], key) : NULL;
    if (ret_has) {
        *ret_has = s != NULL;
    }
    if (!s || !nested) {
        return s && s->nested.len == 0 ? s->value : NULL;
    }
    const char *found = NULL; // as with sections and settings, the last one counts
    for (size_t i = 0; i + 1 < s->nested.len; i += 2) {
        if (strcmp(s->nested.items[i], nested) == 0) {
            found = s->nested.items[i + 1];
        }
    }
    return found;
}
