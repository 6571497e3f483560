#include "base/xml_text.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"

#define MAX_DEPTH 64
#define MAX_TEXT (64 * 1024)

struct search {
    XML_Parser parser;
    struct strv path;
    unsigned depth;   // open elements, the root being one
    unsigned matched; // how many of them, below the root, are the path's
    bool taking, found, refused;
    struct buf text;
};

static void on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct search *s = arg;
    (void)attributes;
    const char *colon = strrchr(name, ':');
    unsigned below = s->depth++;
    if (s->depth > MAX_DEPTH) {
        s->refused = true;
        XML_StopParser(s->parser, XML_FALSE);
        return;
    }
    s->taking = false;
    if (s->found || below == 0 || s->matched != below - 1 || s->matched >= s->path.len) {
        return;
    }
    if (strcmp(s->path.items[s->matched], colon ? colon + 1 : name) == 0) {
        s->matched++;
        s->taking = s->matched == s->path.len;
    }
}

static void on_end(void *arg, const XML_Char *name)
{
    struct search *s = arg;
    (void)name;
    s->depth--;
    if (s->matched > 0 && s->matched == s->depth) {
        s->found = s->found || s->matched == s->path.len;
        s->matched--;
    }
    // Text may go on behind an element inside.
    s->taking = !s->found && s->matched == s->path.len && s->depth == s->matched + 1;
}

static void on_text(void *arg, const XML_Char *text, int len)
{
    struct search *s = arg;
    if (!s->taking || len <= 0) {
        return;
    }
    buf_put(&s->text, text, (size_t)len);
    if (s->text.over) {
        s->refused = true;
        XML_StopParser(s->parser, XML_FALSE);
    }
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
    struct search *s = arg;
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    s->refused = true;
    XML_StopParser(s->parser, XML_FALSE);
}

static void split_path(struct strv *out, const char *path)
{
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/");
        strv_take(out, mem_strndup(p, len));
        p += len + (p[len] == '/');
    }
}

static errc search_in(struct search *s, const void *xml, size_t len, const char *path, struct err *err)
{
    XML_SetUserData(s->parser, s);
    XML_SetElementHandler(s->parser, on_start, on_end);
    XML_SetCharacterDataHandler(s->parser, on_text);
    XML_SetStartDoctypeDeclHandler(s->parser, on_doctype);
    if (XML_Parse(s->parser, xml, (int)len, XML_TRUE) != XML_STATUS_OK) {
        unsigned long line = XML_GetCurrentLineNumber(s->parser);
        return s->refused ? err_set(err, ERR_CORRUPT, "the XML in line %lu is nothing that a service sends", line)
                          : err_set(err, ERR_CORRUPT, "it is no well-formed XML (line %lu: %s)", line,
                                    XML_ErrorString(XML_GetErrorCode(s->parser)));
    }
    return s->found ? ERR_OK : err_set(err, ERR_NOT_FOUND, "the XML has no element %s", path);
}

errc xml_text(const void *xml, size_t len, const char *path, char **ret, struct err *err)
{
    if (len > INT_MAX) {
        return err_set(err, ERR_CORRUPT, "the XML is too large");
    }
    struct search s = {.parser = XML_ParserCreate(NULL), .text = {.max = MAX_TEXT}};
    if (!s.parser) {
        return err_set(err, ERR_NO_MEMORY, "no memory to read XML");
    }
    split_path(&s.path, path);
    errc e = search_in(&s, xml, len, path, err);
    XML_ParserFree(s.parser);
    strv_free(&s.path);
    if (!e) {
        *ret = buf_steal(&s.text);
        return ERR_OK;
    }
    buf_wipe(&s.text);
    return e;
}
