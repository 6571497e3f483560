// Cards: HTML files beside the flows (metaflow/plugins/cards/card_datastore.py), `<type>-<uuid>.html` or
// `<type>-<id>-<uuid>.html`.
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "client/model_i.h"

#define MAX_CLONES 8

static void card_clear(struct card *card)
{
    free(card->file);
    free(card->type);
    free(card->id);
}

void cards_free(struct cards *cards)
{
    for (size_t i = 0; i < cards->len; i++) {
        card_clear(&cards->items[i]);
    }
    free(cards->items);
    memset(cards, 0, sizeof(*cards));
}

// Cuts a file name into its parts; false when it is no card's name. *ret_uuid points into `file`.
static bool parse_name(const char *file, struct card *ret, const char **ret_uuid, size_t *ret_uuid_len)
{
    const char *end = file + strlen(file);
    const char *first = strchr(file, '-');
    const char *last = strrchr(file, '-');
    if (end - file < 5 || strcmp(end - 5, ".html") != 0 || !first || first == file) {
        return false;
    }
    const char *second = strchr(first + 1, '-');
    if (second && second != last) {
        return false;
    }
    *ret_uuid = last + 1;
    *ret_uuid_len = (size_t)(end - 5 - (last + 1));
    ret->file = mem_strdup(file);
    ret->type = mem_strndup(file, (size_t)(first - file));
    ret->id = second ? mem_strndup(first + 1, (size_t)(second - first - 1)) : NULL;
    return true;
}

struct collect {
    const struct task *t;
    int attempt;
    struct cards cards;
    size_t cap;
    bool any;
};

// A card's attempt is known only to its metadata record, whose field is the card's uuid.
static bool is_of_attempt(const struct collect *to, const char *uuid, size_t len)
{
    if (to->attempt < 0) {
        return true;
    }
    for (size_t i = 0; i < to->t->records.len; i++) {
        const struct meta_record *r = &to->t->records.items[i];
        if (r->attempt == to->attempt && strlen(r->field) == len && memcmp(r->field, uuid, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool add_card(void *arg, const char *name, bool is_dir, int64_t size, int64_t mtime_ms)
{
    struct collect *to = arg;
    struct card card = {0};
    const char *uuid;
    size_t uuid_len;
    to->any = true;
    if (is_dir || !parse_name(name, &card, &uuid, &uuid_len)) {
        return true;
    }
    if (!is_of_attempt(to, uuid, uuid_len)) {
        card_clear(&card);
        return true;
    }
    card.size = size < 0 ? 0 : (uint64_t)size;
    card.mtime_ms = mtime_ms;
    to->cards.items = mem_grow(to->cards.items, &to->cap, to->cards.len + 1, sizeof(card));
    to->cards.items[to->cards.len++] = card;
    return true;
}

static int by_file(const void *a, const void *b)
{
    return strcmp(((const struct card *)a)->file, ((const struct card *)b)->file);
}

static char *cards_dir(const struct pathspec *ps, bool with_steps)
{
    return with_steps ? mem_printf("mf.cards/%s/runs/%s/steps/%s/tasks/%s/cards", ps->flow, ps->run,
                                   ps->step, ps->task)
                      : mem_printf("mf.cards/%s/runs/%s/tasks/%s/cards", ps->flow, ps->run, ps->task);
}

// The task whose cards are shown: a resumed task's are those of its (last) origin. *ret_text is what
// *ret_ps points into.
static errc chase_origin(struct client *c, const struct pathspec *task, struct cancel *cancel,
                         char **ret_text, struct pathspec *ret_ps, const struct task **ret_task,
                         struct err *err)
{
    auto_free char *text = pathspec_text(task);
    struct pathspec ps;
    const struct task *t = NULL;
    errc code = model_origin(text, &ps) ? client_task(c, task, cancel, &t, err)
                                        : err_set(err, ERR_NOT_FOUND, "%s is no task", text);
    if (code) {
        return code;
    }
    for (int i = 0; t->origin && i < MAX_CLONES; i++) {
        struct err one = ERR_INIT;
        struct pathspec at;
        const struct task *origin;
        auto_free char *next = mem_strdup(t->origin);
        if (!model_origin(next, &at)) {
            break;
        }
        code = model_task(c, &at, cancel, &origin, &one);
        if (code && model_skip(code, &at, &one)) {
            break; // the origin is gone, and its cards with it
        }
        task_unref(t);
        if (code) {
            *err = one;
            return code;
        }
        t = origin;
        free(text);
        text = steal_ptr(&next);
        ps = at;
    }
    *ret_text = steal_ptr(&text);
    *ret_ps = ps;
    *ret_task = t;
    return ERR_OK;
}

// Lists the cards and tells the directory that they are in (owned).
static errc find_cards(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                       struct cards *ret, char **ret_dir, struct err *err)
{
    auto_free char *text = NULL;
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    struct pathspec ps;
    errc code = chase_origin(c, task, cancel, &text, &ps, &t, err);
    if (code) {
        return code;
    }
    struct collect to = {.t = t, .attempt = t->is_clone ? -1 : attempt};
    auto_free char *dir = cards_dir(&ps, true);
    code = c->store->ops->list(c->store, dir, cancel, add_card, &to, err);
    if (!code && !to.any) { // written before June 2022
        free(dir);
        dir = cards_dir(&ps, false);
        code = c->store->ops->list(c->store, dir, cancel, add_card, &to, err);
    }
    if (code) {
        cards_free(&to.cards);
        return code;
    }
    if (to.cards.len) {
        qsort(to.cards.items, to.cards.len, sizeof(to.cards.items[0]), by_file);
    }
    *ret = to.cards;
    *ret_dir = steal_ptr(&dir);
    return ERR_OK;
}

errc client_cards(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                  struct cards *ret, struct err *err)
{
    auto_free char *dir = NULL;
    return find_cards(c, task, attempt, cancel, ret, &dir, err);
}

// --- a card's bytes ---------------------------------------------------------------------------------

struct produce {
    struct store *store; // borrowed from the client, which outlives what is staged
    char *path;          // owned
};

static void produce_free(void *arg)
{
    struct produce *p = arg;
    free(p->path);
    free(p);
}

static errc append_piece(void *arg, const void *data, size_t len, struct err *err)
{
    return staged_append(arg, data, len, err);
}

static errc produce_card(void *arg, struct staged *to, struct err *err)
{
    const struct produce *p = arg;
    return p->store->ops->read(p->store, p->path, 0, NULL, NULL, append_piece, to, err);
}

errc client_card_open(struct client *c, const struct pathspec *task, const char *file,
                      struct cancel *cancel, struct content **ret, struct err *err)
{
    auto_cleanup(cards_free) struct cards cards = {0};
    auto_free char *dir = NULL;
    errc code = find_cards(c, task, -1, cancel, &cards, &dir, err);
    if (code) {
        return code;
    }
    struct card wanted = {.file = (char *)(uintptr_t)file};
    const struct card *card =
        cards.len ? bsearch(&wanted, cards.items, cards.len, sizeof(wanted), by_file) : NULL;
    if (!card) {
        auto_free char *text = pathspec_text(task);
        return err_set(err, ERR_NOT_FOUND, "task %s has no card \"%s\"", text, file);
    }
    struct produce *p = mem_zalloc(sizeof(*p));
    p->store = c->store;
    p->path = mem_printf("%s/%s", dir, file);
    // A card is written again while its task runs, so its name alone does not name its bytes.
    auto_free char *key = mem_printf("card %s %llu %lld", p->path, (unsigned long long)card->size,
                                     (long long)card->mtime_ms);
    struct staging_request rq = {.key = key, .produce = produce_card, .arg = p, .free_arg = produce_free};
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    code = staging_get(c->staging, &rq, &staged, err);
    uint64_t avail;
    bool ended;
    if (!code) {
        code = staged_wait(staged, UINT64_MAX, cancel, &avail, &ended, err);
    }
    if (!code) {
        *ret = content_of(steal_ptr(&staged), 0, UINT64_MAX);
    }
    return code;
}
