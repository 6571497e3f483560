// Which form an artifact has and how big that is, from what is recorded of it alone.
#include <string.h>

#include "base/mem.h"
#include "client/artifact_i.h"

#define UNKNOWN_SIZE 4096
#define KNOWN_RENDER_MAX 64

static const char default_encoding[] = "gzip+pickle-v2";

static const char *encoding_of(const struct artifact *a)
{
    return a->encoding && *a->encoding ? a->encoding : default_encoding;
}

// The protocol that the encoding names, or 0 when it is no pickle.
static unsigned protocol_of(const struct artifact *a)
{
    const char *encoding = encoding_of(a);
    if (strncmp(encoding, "gzip+", 5) == 0)
        encoding += 5;
    if (strncmp(encoding, "pickle-v", 8) != 0)
        return 0;
    const char *digits = encoding + 8;
    size_t n = strspn(digits, "0123456789");
    return n && !digits[n] ? (unsigned)strtoul(digits, NULL, 10) + (*digits == '0' ? 100 : 0) : 0;
}

bool artifact_is_pickle(const struct artifact *a)
{
    return protocol_of(a) != 0;
}

enum natural_form artifact_form(const struct artifact *a)
{
    if (!artifact_is_pickle(a) || !a->type)
        return NATURAL_STORED;
    return natural_form_of(a->type);
}

static bool is_type(const struct artifact *a, const char *name)
{
    const char *quote = strchr(a->type, '\'');
    size_t len = strlen(name);
    return quote && strncmp(quote + 1, name, len) == 0 && strcmp(quote + 1 + len, "'>") == 0;
}

struct artifact_size artifact_stored_size(const struct artifact *a)
{
    size_t len;
    if (a->sha && blob_known(a->sha, &len))
        return (struct artifact_size){len, true};
    if (a->size > 0)
        return (struct artifact_size){(uint64_t)a->size, true};
    return (struct artifact_size){UNKNOWN_SIZE, false};
}

// Length of the rendered form of bytes that are built in.
static bool known_size(const struct artifact *a, enum natural_form form, uint64_t *ret)
{
    size_t len;
    const uint8_t *data = a->sha ? blob_known(a->sha, &len) : NULL;
    if (!data || form == NATURAL_STORED || form == NATURAL_INCLUDED)
        return false;
    auto_cleanup(pickle_freep) struct pickle *pickle = NULL;
    struct err err = ERR_INIT;
    if (pickle_read(data, len, &(struct pickle_limits){0}, NULL, &pickle, &err) != ERR_OK)
        return false;
    auto_cleanup(buf_free) struct buf buf = {.max = KNOWN_RENDER_MAX};
    struct buf_sink sink = sink_to_buf(&buf);
    if (render_natural(pickle_root(pickle), form, NULL, &sink.sink, &err) != ERR_OK || buf.over)
        return false;
    *ret = buf.len;
    return true;
}

struct artifact_size artifact_natural_size(const struct artifact *a)
{
    enum natural_form form = artifact_form(a);
    if (form == NATURAL_STORED)
        return artifact_stored_size(a);
    uint64_t size;
    if (known_size(a, form, &size))
        return (struct artifact_size){size, true};
    if (a->size <= 0)
        return (struct artifact_size){UNKNOWN_SIZE, false};
    unsigned protocol = protocol_of(a);
    bool follows = is_type(a, "str") || (protocol == 4 && is_type(a, "bytes"));
    if (form == NATURAL_TEXT && follows && text_size_of_pickle(protocol, (uint64_t)a->size, &size))
        return (struct artifact_size){size, true};
    return (struct artifact_size){(uint64_t)a->size, false};
}
