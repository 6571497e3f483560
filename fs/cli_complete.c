#include "fs/cli_complete.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fs/complete_i.h"
#include "fs/options.h"
#include "fs/shell_words.h"

const struct complete_own complete_own[] = {
    {"ls", "-l", NULL, "with sizes and times"},
    {"get", "--raw", NULL, "artifacts as they are stored"},
    {"get", "--logs", NULL, "also the logs of each task"},
    {"get", "--overwrite", NULL, "replace files that no earlier copy made"},
    {"get", "--jobs", "N", "how many files are copied at once (default: 32)"},
    {"get", "--quiet", NULL, "no progress and no closing line"},
    {NULL, NULL, NULL, NULL},
};

static const struct {
    const char *name, *help;
    size_t tree_paths; // how many of its arguments are paths of the tree; directories follow
} subcommands[] = {
    {"ls", "list what is there, without a mount", SIZE_MAX},
    {"cat", "print what is there, without a mount", SIZE_MAX},
    {"get", "copy what is there to files", 1},
    {NULL, NULL, 0},
};

const char *const complete_of_mount[] = {
    "foreground", "debug", "check", "clean-stale", "fetch-ahead", "no-batch", "batch-dry-run", "batch-allow-other",
    "log-file", "log-level", "ro", "allow-other", "allow-root", "uid", "gid", "umask", "no-auto-unmount", NULL};

static bool is_of_mount(const char *name)
{
    const char *const *n = complete_of_mount;
    while (*n != NULL && strcmp(*n, name) != 0) {
        n++;
    }
    return *n != NULL;
}

// What is offered, printed at the end.
struct offer {
    const char *mode; // the first line
    const char *last; // the word that is being typed
    size_t broken;    // bytes of it that bash leaves alone
    struct buf lines;
};

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

// A word is `before` and `name`; it is offered when it goes on with what is typed.
static void offer_word(struct offer *o, const char *before, const char *name, const char *help)
{
    auto_free char *word = mem_printf("%s%s", before, name);
    if (begins(word, o->last)) {
        buf_printf(&o->lines, "%s\t%s\n", word + o->broken, help);
    }
}

static void offer_list(struct offer *o, const char *before, const char *const *names)
{
    for (; *names != NULL; names++) {
        offer_word(o, before, *names, "");
    }
}

// Values of an option; `before` is what stands before the value in the word.
static void offer_value(struct offer *o, const struct option_row *row, const char *before)
{
    static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
    static const char *const dots[] = {"list", "hide", NULL};
    if (row->type == OPTION_LEVEL) {
        offer_list(o, before, levels);
    } else if (row->type == OPTION_DOTS) {
        offer_list(o, before, dots);
    } else if (row->arg != NULL && strcmp(row->arg, "DIR") == 0) {
        o->mode = "dirs";
    } else if (row->arg != NULL && strcmp(row->arg, "FILE") == 0) {
        o->mode = "files";
    }
}

// The list after -o; `text` is all of it, which begins at `text - start` in the word.
static void offer_o(struct offer *o, const char *text)
{
    static const char *const flags[] = {"noexec", "nosuid", "nodev", "noatime", "_netdev", "nofail", "noauto", NULL};
    const char *comma = strrchr(text, ',');
    const char *item = comma != NULL ? comma + 1 : text;
    auto_free char *before = mem_strndup(o->last, (size_t)(item - o->last));
    size_t len = strcspn(item, "=");
    if (item[len] == '=') {
        const struct option_row *row = option_find(item, len);
        auto_free char *named = mem_strndup(o->last, (size_t)(item - o->last) + len + 1);
        if (row != NULL && row->type != OPTION_FLAG) {
            offer_value(o, row, named);
        }
        o->mode = "words"; // a shell knows of no list whose items are paths
        return;
    }
    for (const struct option_row *r = option_table; r->name != NULL; r++) {
        if (strcmp(r->name, "help") != 0 && strcmp(r->name, "version") != 0 && strcmp(r->name, "check") != 0) {
            auto_free char *name = mem_printf("%s%s", r->name, r->type == OPTION_FLAG ? "" : "=");
            offer_word(o, before, name, r->help);
        }
    }
    offer_list(o, before, flags);
}

static void offer_options(struct offer *o, const char *subcommand)
{
    for (const struct option_row *r = option_table; r->name != NULL; r++) {
        if (subcommand != NULL && is_of_mount(r->name)) {
            continue;
        }
        char letter[2] = {r->letter, '\0'};
        if (r->letter != 0) {
            offer_word(o, "-", letter, r->help);
        }
        offer_word(o, "--", r->name, r->help);
    }
    for (const struct complete_own *c = complete_own; c->name != NULL; c++) {
        if (subcommand != NULL && strcmp(c->subcommand, subcommand) == 0) {
            offer_word(o, "", c->name, c->help);
        }
    }
    offer_word(o, "-", "o", "any option, as in fstab");
}

// --- the words before it ------------------------------------------------------------------------------

struct line {
    char *const *words; // those before the last
    size_t len;
    size_t subcommand;     // its number; the last of the table when there is none
    bool only_paths;       // after --
    const char *waiting;   // an option whose value the last word is, without its dashes; "o" for -o; or NULL
    size_t paths;          // how many words before it are paths
};

// Whether the value of an option is the word after it: its name, or NULL.
static const char *awaits_value(const char *subcommand, const char *word)
{
    if (!begins(word, "--")) {
        size_t len = strlen(word);
        return len > 1 && strcspn(word, "o") == len - 1 ? word + len - 1 : NULL;
    }
    const struct option_row *row = strchr(word, '=') == NULL ? option_find(word + 2, strlen(word + 2)) : NULL;
    for (const struct complete_own *c = complete_own; subcommand != NULL && c->name != NULL; c++) {
        if (strcmp(c->subcommand, subcommand) == 0 && strcmp(c->name, word) == 0) {
            return c->arg != NULL ? word + 2 : NULL;
        }
    }
    return row != NULL && row->type != OPTION_FLAG ? word + 2 : NULL;
}

static void read_line(struct line *l)
{
    size_t i = 0;
    while (subcommands[l->subcommand].name != NULL &&
           (l->len == 0 || strcmp(subcommands[l->subcommand].name, l->words[0]) != 0)) {
        l->subcommand++;
    }
    const char *name = subcommands[l->subcommand].name;
    for (i += name != NULL; i < l->len; i++) {
        const char *word = l->words[i];
        if (l->waiting != NULL) {
            l->waiting = NULL;
        } else if (l->only_paths || word[0] != '-' || word[1] == '\0') {
            l->paths++;
        } else if (strcmp(word, "--") == 0) {
            l->only_paths = true;
        } else {
            l->waiting = awaits_value(name, word);
        }
    }
}

// --- the word itself ----------------------------------------------------------------------------------

static void offer_tree(struct offer *o, const struct line *l)
{
    struct strv found = {0};
    o->mode = "paths";
    // Of the words before it only options count.
    complete_path(l->len, l->words, o->last, &found);
    for (size_t i = 0; i < found.len; i++) {
        buf_printf(&o->lines, "%s\t\n", found.items[i] + o->broken);
    }
    strv_free(&found);
}

static void offer_argument(struct offer *o, const struct line *l)
{
    if (subcommands[l->subcommand].name != NULL) {
        if (l->paths < subcommands[l->subcommand].tree_paths) {
            offer_tree(o, l);
        } else if (l->paths == subcommands[l->subcommand].tree_paths) {
            o->mode = "dirs";
        }
        return;
    }
    o->mode = l->paths < 2 ? "dirs" : "words"; // a source, and the mountpoint
    for (size_t i = 0; l->len == 0 && subcommands[i].name != NULL; i++) {
        offer_word(o, "", subcommands[i].name, subcommands[i].help);
    }
}

static void offer_last(struct offer *o, const struct line *l)
{
    const char *equals = strchr(o->last, '=');
    const struct option_row *row = l->waiting != NULL ? option_find(l->waiting, strlen(l->waiting)) : NULL;
    if (l->waiting != NULL && strcmp(l->waiting, "o") == 0) {
        offer_o(o, o->last);
    } else if (l->waiting != NULL) {
        if (row != NULL) {
            offer_value(o, row, "");
        }
    } else if (l->only_paths || o->last[0] != '-') {
        offer_argument(o, l);
    } else if (begins(o->last, "--") && equals != NULL) {
        auto_free char *before = mem_strndup(o->last, (size_t)(equals - o->last) + 1);
        row = option_find(o->last + 2, strlen(before) - 3);
        if (row != NULL) {
            offer_value(o, row, before);
        }
    } else if (begins(o->last, "-o") && o->last[2] != '\0') {
        offer_o(o, o->last + 2);
    } else {
        offer_options(o, subcommands[l->subcommand].name);
    }
}

// A shell opens "~/" at the beginning of a word; what is completed has not been opened yet.
static char *open_home(const char *word)
{
    const char *home = getenv("HOME"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    bool of_home = begins(word, "~/") || strcmp(word, "~") == 0;
    return of_home && home != NULL ? mem_printf("%s%s", home, word + 1) : mem_strdup(word);
}

static void complete(struct strv *words, size_t broken, bool redirected)
{
    struct offer o = {.mode = redirected ? "files" : "words", .broken = broken};
    auto_free char *last = words->items[--words->len];
    o.last = last;
    for (size_t i = 0; i < words->len; i++) {
        char *opened = open_home(words->items[i]);
        free(words->items[i]);
        words->items[i] = opened;
    }
    struct line l = {.words = words->items, .len = words->len};
    read_line(&l);
    if (!redirected) {
        offer_last(&o, &l);
    }
    puts(o.mode);
    fputs(o.lines.data != NULL ? o.lines.data : "", stdout);
    buf_free(&o.lines);
}

int complete_run(int argc, char *const *argv)
{
    struct shell_words split = {0};
    if (argc > 3 && strcmp(argv[2], "--") == 0) {
        for (int i = 3; i < argc; i++) {
            strv_add(&split.words, argv[i]);
        }
        complete(&split.words, 0, false);
    } else if (argc == 4) {
        shell_words_split(argv[2], argv[3], &split);
        // The command's own name is no word of it; a line that ends within it has nothing to complete.
        if (split.words.len > 1) {
            free(split.words.items[0]);
            memmove(split.words.items, split.words.items + 1, --split.words.len * sizeof(*split.words.items));
            complete(&split.words, split.broken, split.redirected);
        }
    } else {
        fputs("usage: metaflowfs __complete -- WORD... LAST\n       metaflowfs __complete LINE BREAKS\n", stderr);
        return EXIT_USAGE;
    }
    shell_words_free(&split);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_OTHER;
}
