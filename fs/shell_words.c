#include "fs/shell_words.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

struct splitter {
    struct shell_words *out;
    const char *at, *breaks;
    struct buf word;
    bool in_word, quoted; // quoted: some of it is, or was escaped
    bool target;          // the word is where a redirection leads
};

static void begin(struct splitter *s)
{
    s->in_word = true;
}

static void end_word(struct splitter *s)
{
    char *text = buf_steal(&s->word);
    if (s->in_word && !s->target) {
        strv_take(&s->out->words, text);
    } else {
        free(text);
    }
    if (s->in_word) {
        s->target = false;
    }
    s->in_word = s->quoted = false;
    s->out->broken = 0;
}

// What is between quotes; a backslash within double quotes takes away the meaning of some characters alone.
static void take_quoted(struct splitter *s, char quote)
{
    begin(s);
    s->quoted = true;
    for (; *s->at != '\0' && *s->at != quote; s->at++) {
        if (quote == '"' && *s->at == '\\' && s->at[1] != '\0' && strchr("\"\\$`", s->at[1]) != NULL) {
            s->at++;
        }
        buf_putc(&s->word, *s->at);
    }
    if (*s->at == quote) {
        s->at++;
    }
}

static void take_redirection(struct splitter *s)
{
    bool number = s->in_word && !s->quoted && strspn(s->word.data, "0123456789") == s->word.len;
    if (number) {
        buf_free(&s->word); // of the descriptor
        s->in_word = false;
    }
    end_word(s);
    s->at += strspn(s->at, "<>&|");
    s->target = true;
}

static void take_plain(struct splitter *s, char c)
{
    begin(s);
    buf_putc(&s->word, c);
    if (strchr(s->breaks, c) != NULL) {
        s->out->broken = s->word.len;
    }
    s->at++;
}

static void take_one(struct splitter *s)
{
    char c = *s->at;
    if (c == ' ' || c == '\t' || c == '\n') {
        end_word(s);
        s->at++;
    } else if (c == '\'' || c == '"') {
        s->at++;
        take_quoted(s, c);
    } else if (c == '\\' && s->at[1] != '\0') {
        begin(s);
        s->quoted = true;
        buf_putc(&s->word, s->at[1]);
        s->at += 2;
    } else if (c == '<' || c == '>') {
        take_redirection(s);
    } else if (strchr(";|&()", c) != NULL) {
        end_word(s);
        strv_free(&s->out->words);
        s->target = false;
        s->at++;
    } else {
        take_plain(s, c);
    }
}

void shell_words_split(const char *line, const char *breaks, struct shell_words *ret)
{
    *ret = (struct shell_words){0};
    struct splitter s = {.out = ret, .at = line, .breaks = breaks};
    while (*s.at != '\0') {
        take_one(&s);
    }
    ret->redirected = s.target;
    strv_take(&ret->words, buf_steal(&s.word)); // what is being typed, though it be nothing
}

void shell_words_free(struct shell_words *w)
{
    strv_free(&w->words);
}
