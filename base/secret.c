#include "base/secret.h"

#include <string.h>

bool secret_is_name(const char *name)
{
    static const char *const marks[] = {"KEY",        "SECRET",     "TOKEN",         "PASSWORD", "PASSWD",
                                        "PASSPHRASE", "CREDENTIAL", "AUTHORIZATION", "HEADERS"};
    static const char end[] = "_PAT"; // personal access tokens
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        if (strcasestr(name, marks[i]) != NULL) {
            return true;
        }
    }
    size_t len = strlen(name), n = sizeof(end) - 1;
    return len >= n && strcasecmp(name + len - n, end) == 0;
}

// How long the user part of an authority is; 0 where it has none.
static size_t user_length(const char *authority)
{
    size_t user = 0, len = strcspn(authority, "/?# \t\r\n\"");
    for (size_t i = 0; i < len; i++) {
        user = authority[i] == '@' ? i : user;
    }
    return user;
}

void secret_put_text(struct buf *out, const char *text)
{
    static const char mark[] = "://";
    for (const char *url; (url = strstr(text, mark)) != NULL;) {
        const char *authority = url + sizeof(mark) - 1;
        size_t user = user_length(authority);
        buf_put(out, text, (size_t)(authority - text));
        buf_puts(out, user > 0 ? SECRET_SHOWN : "");
        text = authority + user;
    }
    buf_puts(out, text);
}
