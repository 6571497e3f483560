#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/secret.h"
#include "client/config_internal.h"

int config_is_secret(const char *name)
{
    return secret_is_name(name);
}

// The text with control characters as "?" and the user part of every URL hidden.
static void print_text(const char *text, struct buf *out)
{
    auto_cleanup(buf_free) struct buf shown = {0};
    secret_put_text(&shown, text);
    for (size_t i = 0; i < shown.len; i++) {
        unsigned char c = (unsigned char)shown.data[i];
        buf_putc(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
}

static void print_json(const struct json *json, struct buf *out);

struct members {
    struct buf *out;
    bool comma;
};

static bool print_member(void *arg, const char *key, const struct json *value)
{
    struct members *m = arg;
    if (m->comma)
        buf_putc(m->out, ',');
    m->comma = true;
    json_quote(m->out, key, strlen(key));
    buf_putc(m->out, ':');
    if (config_is_secret(key))
        buf_puts(m->out, "\"" SECRET_SHOWN "\"");
    else
        print_json(value, m->out);
    return true;
}

static void print_json(const struct json *json, struct buf *out)
{
    if (json_kind(json) == JSON_OBJECT) {
        struct members m = {.out = out};
        buf_putc(out, '{');
        json_each(json, print_member, &m);
        buf_putc(out, '}');
    } else if (json_kind(json) == JSON_ARRAY) {
        buf_putc(out, '[');
        for (size_t i = 0; i < json_len(json); i++) {
            if (i)
                buf_putc(out, ',');
            print_json(json_at(json, i), out);
        }
        buf_putc(out, ']');
    } else {
        auto_cleanup(buf_free) struct buf text = {0};
        json_dump(json, &text);
        print_text(text.data ? text.data : "", out);
    }
}

static void print_value(const struct config_value *value, struct buf *out)
{
    auto_cleanup(json_freep) struct json *json = NULL;
    struct err ignored = ERR_INIT;
    const char *text = value->text;
    if (config_is_secret(value->name) && text[0])
        buf_puts(out, SECRET_SHOWN);
    else if ((text[0] == '{' || text[0] == '[') &&
             json_parse(text, strlen(text), value->name, &json, &ignored) == ERR_OK)
        print_json(json, out);
    else
        print_text(text, out);
}

static int by_name(const void *a, const void *b)
{
    const struct config_value *x = a, *y = b;
    return strcmp(x->name, y->name);
}

void config_print(const struct config *c, struct buf *out)
{
    // A sorted copy, which borrows the strings.
    auto_free struct config_value *sorted = mem_zalloc((c->values.len + 1) * sizeof(struct config_value));
    size_t n = 0;
    for (size_t i = 0; i < c->values.len; i++) {
        if (c->values.items[i].text)
            sorted[n++] = c->values.items[i];
    }
    qsort(sorted, n, sizeof *sorted, by_name);
    const char *const sources[] = {
        [CONFIG_DEFAULT] = "default",
        [CONFIG_GLOBAL_FILE] = c->global_file,
        [CONFIG_PROJECT_FILE] = c->project_file,
        [CONFIG_ENV] = "environment",
        [CONFIG_OPTION] = "option",
    };
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, CONFIG_PREFIX "%s = ", sorted[i].name);
        print_value(&sorted[i], out);
        buf_printf(out, "  (%s)\n", sources[sorted[i].source]);
    }
}
