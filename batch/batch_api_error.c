// Error answers of AWS's JSON services (Smithy, "AWS restJson1 protocol" and "AWS JSON 1.1 protocol", "Operation error
// serialization"): the code in the header X-Amzn-Errortype or in the members __type or code, perhaps behind a namespace
// and before a URL; the message in message or Message.
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "batch/batch_api_i.h"

// One line of it, and no byte that could confuse a terminal. What is cut ends with a whole character.
static void show(char *to, size_t size, const char *text)
{
    size_t n = 0;
    for (; text[n] && text[n] != '\n' && text[n] != '\r' && n + 1 < size; n++) {
        to[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
    }
    while (text[n] && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) {
        n--;
    }
    to[n] = '\0';
}

static void show_code(char *to, size_t size, const char *text)
{
    auto_free char *name = mem_strndup(text, strcspn(text, ": \r\n"));
    const char *hash = strrchr(name, '#');
    show(to, size, hash ? hash + 1 : name);
}

static const char *first_str(const struct json *body, const char *const *names)
{
    for (; *names; names++) {
        const char *text = json_str(json_get(body, *names));
        if (text && *text) {
            return text;
        }
    }
    return "";
}

void batch_error_read(const char *type, const char *body, size_t len, struct batch_error *ret)
{
    static const char *const codes[] = {"__type", "code", "Code", NULL};
    static const char *const messages[] = {"message", "Message", "errorMessage", NULL};
    struct err ignored = ERR_INIT;
    auto_cleanup(json_freep) struct json *json = NULL;
    *ret = (struct batch_error){"", ""};
    if (len == 0 || json_parse(body, len, "the answer", &json, &ignored)) {
        json = NULL;
    }
    const struct json *inner = json_kind(json_get(json, "Error")) == JSON_OBJECT ? json_get(json, "Error") : json;
    show_code(ret->code, sizeof(ret->code), type && *type ? type : first_str(inner, codes));
    show(ret->message, sizeof(ret->message), first_str(inner, messages));
}
