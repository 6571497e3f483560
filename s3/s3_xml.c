#include "s3/s3_xml.h"

#include <expat.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "s3/s3_text.h"

#define FEED_BYTES (64 * 1024)

// What is read of an element that lies directly below the root, or in an entry.
enum field {
    F_NONE, F_KEY, F_SIZE, F_TIME, F_ETAG, F_PREFIX,          // of an entry
    F_TRUNCATED, F_TOKEN, F_ENCODING,                         // of a page
    F_CODE, F_MESSAGE, F_REGION, F_ENDPOINT, F_REQUEST, F_SERVER_TIME, F_ACTUAL, // of an error
};
enum group { G_ROOT, G_CONTENTS, G_PREFIXES };

struct item {
    size_t key, etag; // where their text begins
    bool has_key, has_etag, has_size, is_prefix;
    uint64_t size;
    int64_t mtime_ms;
};

struct s3_xml {
    XML_Parser parser;
    enum s3_xml_kind kind;
    enum group group;
    enum field field;
    unsigned depth, field_depth;
    size_t bytes;
    struct buf text;    // of the element that is read
    struct buf names;   // keys and ETags, each with its NUL
    struct item *items;
    size_t len, cap;
    bool is_truncated, is_encoded;
    char *token;
    struct s3_xml_error error;
    const char *fault;  // why no more is read
};

struct name {
    const char *name;
    enum s3_xml_kind kind;
    enum group group;
    enum field field;
};
static const struct name names[] = {
    {"Key", S3_XML_LIST, G_CONTENTS, F_KEY},           {"Size", S3_XML_LIST, G_CONTENTS, F_SIZE},
    {"LastModified", S3_XML_LIST, G_CONTENTS, F_TIME}, {"ETag", S3_XML_LIST, G_CONTENTS, F_ETAG},
    {"Prefix", S3_XML_LIST, G_PREFIXES, F_PREFIX},     {"IsTruncated", S3_XML_LIST, G_ROOT, F_TRUNCATED},
    {"EncodingType", S3_XML_LIST, G_ROOT, F_ENCODING}, {"NextContinuationToken", S3_XML_LIST, G_ROOT, F_TOKEN},
    {"Code", S3_XML_ERROR, G_ROOT, F_CODE},            {"Message", S3_XML_ERROR, G_ROOT, F_MESSAGE},
    {"Region", S3_XML_ERROR, G_ROOT, F_REGION},        {"Endpoint", S3_XML_ERROR, G_ROOT, F_ENDPOINT},
    {"RequestId", S3_XML_ERROR, G_ROOT, F_REQUEST},    {"ServerTime", S3_XML_ERROR, G_ROOT, F_SERVER_TIME},
    {"ActualObjectSize", S3_XML_ERROR, G_ROOT, F_ACTUAL},
};

static void fail(struct s3_xml *x, const char *fault)
{
    if (!x->fault) {
        x->fault = fault;
        XML_StopParser(x->parser, XML_FALSE);
    }
}

// --- elements ----------------------------------------------------------------------------------------------

static void begin_root(struct s3_xml *x, const char *name)
{
    x->kind = strcmp(name, "ListBucketResult") == 0 ? S3_XML_LIST : strcmp(name, "Error") == 0 ? S3_XML_ERROR
                                                                                              : S3_XML_OTHER;
}

static void begin_entry(struct s3_xml *x, enum group group)
{
    if (x->len == S3_XML_MAX_ENTRIES) {
        fail(x, "there are more entries on one page than a server may send");
        return;
    }
    x->group = group;
    x->items = mem_grow(x->items, &x->cap, x->len + 1, sizeof(*x->items));
    x->items[x->len++] = (struct item){.is_prefix = group == G_PREFIXES, .mtime_ms = -1};
}

static void begin_field(struct s3_xml *x, const char *name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct name *n = &names[i];
        if (n->kind == x->kind && n->group == x->group && strcmp(n->name, name) == 0) {
            x->field = n->field;
            x->field_depth = x->depth;
            x->text.len = 0;
            return;
        }
    }
}

static void XMLCALL on_begin(void *arg, const XML_Char *qualified, const XML_Char **attributes)
{
    struct s3_xml *x = arg;
    const char *colon = strrchr(qualified, ':'), *name = colon ? colon + 1 : qualified;
    (void)attributes;
    if (x->fault) {
        return;
    }
    if (++x->depth > S3_XML_MAX_DEPTH) {
        fail(x, "elements are nested too deep");
    } else if (x->depth == 1) {
        begin_root(x, name);
    } else if (x->depth == 2 && x->kind == S3_XML_LIST && strcmp(name, "Contents") == 0) {
        begin_entry(x, G_CONTENTS);
    } else if (x->depth == 2 && x->kind == S3_XML_LIST && strcmp(name, "CommonPrefixes") == 0) {
        begin_entry(x, G_PREFIXES);
    } else if (x->depth == (x->group == G_ROOT ? 2u : 3u)) {
        begin_field(x, name);
    }
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
    struct s3_xml *x = arg;
    if (x->fault || x->field == F_NONE || x->depth != x->field_depth) {
        return;
    }
    size_t room = S3_XML_MAX_TEXT - x->text.len, n = (size_t)len;
    if (n > room && x->kind != S3_XML_ERROR) {
        fail(x, "a text is longer than any key");
        return;
    }
    buf_put(&x->text, text, n < room ? n : room);
}

static void copy_text(char *to, size_t size, const char *text)
{
    size_t n = strnlen(text, size - 1);
    while (n > 0 && n == size - 1 && ((unsigned char)text[n] & 0xc0) == 0x80) {
        n--; // not within a character
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
    }
    to[n] = '\0';
}

static void take_error_field(struct s3_xml *x, const char *text)
{
    struct s3_xml_error *e = &x->error;
    switch (x->field) {
    case F_CODE:
        copy_text(e->code, sizeof(e->code), text);
        break;
    case F_MESSAGE:
        copy_text(e->message, sizeof(e->message), text);
        break;
    case F_REGION:
        copy_text(e->region, sizeof(e->region), text);
        break;
    case F_ENDPOINT:
        copy_text(e->endpoint, sizeof(e->endpoint), text);
        break;
    case F_REQUEST:
        copy_text(e->request_id, sizeof(e->request_id), text);
        break;
    case F_SERVER_TIME:
        copy_text(e->server_time, sizeof(e->server_time), text);
        break;
    case F_ACTUAL:
        copy_text(e->actual_size, sizeof(e->actual_size), text);
        break;
    default:
        break;
    }
}

static size_t keep(struct s3_xml *x, const char *text)
{
    size_t at = x->names.len;
    buf_put(&x->names, text, strlen(text) + 1);
    return at;
}

static void take_item_field(struct s3_xml *x, const char *text)
{
    struct item *i = &x->items[x->len - 1];
    switch (x->field) {
    case F_KEY:
    case F_PREFIX:
        i->key = keep(x, text);
        i->has_key = true;
        break;
    case F_ETAG:
        i->etag = keep(x, text);
        i->has_etag = true;
        break;
    case F_SIZE:
        i->has_size = s3_number(text, strlen(text), &i->size);
        break;
    case F_TIME:
        i->mtime_ms = s3_time_of_iso(text);
        break;
    default:
        break;
    }
}

static void take_page_field(struct s3_xml *x, const char *text)
{
    if (x->field == F_TRUNCATED) {
        x->is_truncated = strcmp(text, "true") == 0;
        if (!x->is_truncated && strcmp(text, "false") != 0) {
            fail(x, "IsTruncated is neither true nor false");
        }
    } else if (x->field == F_ENCODING) {
        x->is_encoded = strcmp(text, "url") == 0;
    } else if (x->field == F_TOKEN) {
        free(x->token);
        x->token = mem_strdup(text);
    }
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    struct s3_xml *x = arg;
    (void)name;
    if (x->fault) {
        return;
    }
    if (x->field != F_NONE && x->depth == x->field_depth) {
        const char *text = x->text.len > 0 ? x->text.data : "";
        if (x->kind == S3_XML_ERROR) {
            take_error_field(x, text);
        } else if (x->group != G_ROOT) {
            take_item_field(x, text);
        } else {
            take_page_field(x, text);
        }
        x->field = F_NONE;
    }
    if (x->depth == 2) {
        x->group = G_ROOT;
    }
    x->depth--;
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid, int has)
{
    (void)name;
    (void)sysid;
    (void)pubid;
    (void)has;
    fail(arg, "it has a document type, which S3 never sends");
}

// --- feeding -----------------------------------------------------------------------------------------------

struct s3_xml *s3_xml_new(void)
{
    struct s3_xml *x = mem_zalloc(sizeof(*x));
    x->parser = XML_ParserCreate(NULL);
    if (!x->parser) {
        x->fault = "there is no memory to read it";
        return x;
    }
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(x->parser, on_text);
    XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
    return x;
}

void s3_xml_free(struct s3_xml *x)
{
    if (!x) {
        return;
    }
    if (x->parser) {
        XML_ParserFree(x->parser);
    }
    buf_free(&x->text);
    buf_free(&x->names);
    free(x->items);
    free(x->token);
    free(x);
}

void s3_xml_freep(struct s3_xml **x)
{
    s3_xml_free(*x);
}

static errc feed(struct s3_xml *x, const char *data, size_t len, bool is_last, struct err *err)
{
    x->bytes += len;
    if (!x->fault && x->bytes > S3_XML_MAX_BYTES) {
        x->fault = "it is too long";
    }
    if (!x->fault && XML_Parse(x->parser, data, (int)len, is_last) != XML_STATUS_OK && !x->fault) {
        return err_set(err, ERR_CORRUPT, "the answer is not whole XML: %s in line %lu",
                       XML_ErrorString(XML_GetErrorCode(x->parser)),
                       (unsigned long)XML_GetCurrentLineNumber(x->parser));
    }
    return x->fault ? err_set(err, ERR_CORRUPT, "the answer is no listing of S3: %s", x->fault) : ERR_OK;
}

errc s3_xml_put(struct s3_xml *x, const void *data, size_t len, struct err *err)
{
    errc e = ERR_OK;
    for (size_t at = 0; !e && at < len; at += FEED_BYTES) {
        e = feed(x, (const char *)data + at, len - at < FEED_BYTES ? len - at : FEED_BYTES, false, err);
    }
    return e;
}

// --- the end of a page -------------------------------------------------------------------------------------

static int hex_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

// In place, '+' being a space as in a form; false where a NUL is in it, which no name here can hold.
static bool decode(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        int high = *p == '%' ? hex_of(p[1]) : -1, low = high >= 0 ? hex_of(p[2]) : -1;
        if (low >= 0) {
            *to = (char)(high * 16 + low);
            p += 2;
            if (*to == '\0') {
                return false;
            }
        } else {
            *to = *p == '+' ? ' ' : *p;
        }
        to++;
    }
    *to = '\0';
    return true;
}

static int by_key(const void *a, const void *b, void *arg)
{
    const struct item *x = a, *y = b;
    const char *text = arg;
    return strcmp(text + x->key, text + y->key);
}

static errc settle(struct s3_xml *x, struct err *err)
{
    size_t kept = 0;
    bool in_order = true;
    for (size_t i = 0; i < x->len; i++) {
        struct item *item = &x->items[i];
        if (!item->has_key || (!item->is_prefix && !item->has_size)) {
            return err_set(err, ERR_CORRUPT, "the answer is no listing of S3: an entry has no %s",
                           item->has_key ? "usable Size" : "key");
        }
        if (x->is_encoded && !decode(x->names.data + item->key)) {
            continue;
        }
        x->items[kept++] = *item;
        in_order = in_order && (kept == 1 || by_key(&x->items[kept - 2], item, x->names.data) <= 0);
    }
    x->len = kept;
    if (!in_order) {
        qsort_r(x->items, x->len, sizeof(*x->items), by_key, x->names.data);
    }
    return ERR_OK;
}

errc s3_xml_end(struct s3_xml *x, struct err *err)
{
    errc e = feed(x, "", 0, true, err);
    if (!e && x->names.over) {
        e = err_set(err, ERR_CORRUPT, "the answer is no listing of S3: its names take more memory than a page may");
    }
    return e || x->kind != S3_XML_LIST ? e : settle(x, err);
}

// --- what was read -----------------------------------------------------------------------------------------

enum s3_xml_kind s3_xml_kind(const struct s3_xml *x)
{
    return x->kind;
}

const struct s3_xml_error *s3_xml_error(const struct s3_xml *x)
{
    return &x->error;
}

size_t s3_xml_count(const struct s3_xml *x)
{
    return x->len;
}

struct s3_entry s3_xml_entry(const struct s3_xml *x, size_t i)
{
    const struct item *item = &x->items[i];
    return (struct s3_entry){.key = x->names.data + item->key, .is_prefix = item->is_prefix, .size = item->size,
                             .mtime_ms = item->mtime_ms, .etag = item->has_etag ? x->names.data + item->etag : ""};
}

bool s3_xml_is_truncated(const struct s3_xml *x)
{
    return x->is_truncated;
}

const char *s3_xml_token(const struct s3_xml *x)
{
    return x->token && *x->token ? x->token : NULL;
}

bool s3_xml_error_of(const void *body, size_t len, struct s3_xml_error *ret)
{
    auto_cleanup(s3_xml_freep) struct s3_xml *x = s3_xml_new();
    struct err err = ERR_INIT;
    bool is_whole = !s3_xml_put(x, body, len, &err) && !s3_xml_end(x, &err);
    (void)is_whole; // a cut does not make what it says untrue
    bool is_error = x->kind == S3_XML_ERROR && x->error.code[0];
    *ret = is_error ? x->error : (struct s3_xml_error){0};
    return is_error;
}
