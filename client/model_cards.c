// Cards: HTML files beside the flows (metaflow/plugins/cards/card_datastore.py), `<type>-<uuid>.html` or
// `<type>-<id>-<uuid>.html`.
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "client/blob.h"
#include "client/model_i.h"

#define MAX_CLONES 64 // a run can be resumed, and that run again; the client follows without end

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

// What the metadata says of a card: a record whose field is the card's uuid, of the wanted attempt or any; or NULL.
static const struct meta_record *record_of(const struct collect *to, const char *uuid, size_t len)
{
    for (size_t i = 0; i < to->t->records.len; i++) {
        const struct meta_record *r = &to->t->records.items[i];
        if ((to->attempt < 0 || r->attempt == to->attempt) && strlen(r->field) == len &&
            memcmp(r->field, uuid, len) == 0) {
            return r;
        }
    }
    return NULL;
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
    const struct meta_record *record = record_of(to, uuid, uuid_len);
    if (record == NULL && to->attempt >= 0) { // nothing else tells a card's attempt
        card_clear(&card);
        return true;
    }
    card.recorded_ms = record != NULL ? record->created_ms : -1;
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

// Cards, and the directory that they are in.
struct cards_snap {
    struct snap snap;
    struct cards cards;
    char *dir;
};

static void cards_destroy(struct snap *s)
{
    struct cards_snap *cs = (struct cards_snap *)s;
    cards_free(&cs->cards);
    free(cs->dir);
    free(cs);
}

static void cards_unrefp(struct cards_snap **cs)
{
    if (*cs) {
        snap_unref(&(*cs)->snap);
    }
}

static struct cards_snap *cards_snap_new(const struct cards *cards, char *dir)
{
    struct cards_snap *cs = mem_zalloc(sizeof(*cs));
    snap_init(&cs->snap, sizeof(*cs) + str_bytes(dir), cards_destroy);
    cs->cards = *cards;
    cs->dir = dir;
    for (size_t i = 0; i < cards->len; i++) {
        const struct card *card = &cards->items[i];
        cs->snap.bytes += sizeof(*card) + str_bytes(card->file) + str_bytes(card->type) + str_bytes(card->id);
    }
    return cs;
}

struct load {
    struct client *c;
    const struct pathspec *task;
    int attempt;
};

static errc load_cards(void *arg, struct cancel *cancel, struct snap **ret, int64_t *ret_ttl_ms, struct err *err)
{
    const struct load *l = arg;
    struct client *c = l->c;
    auto_free char *text = NULL;
    auto_cleanup(task_unrefp) const struct task *t = NULL;
    struct pathspec ps;
    errc code = chase_origin(c, l->task, cancel, &text, &ps, &t, err);
    if (code) {
        return code;
    }
    model_know_root(c, &ps, t);
    // A resumed task has one attempt, whatever its origin's card is of.
    auto_free char *own = pathspec_text(l->task), *shown = pathspec_text(&ps);
    struct collect to = {.t = t, .attempt = strcmp(own, shown) != 0 ? -1 : l->attempt};
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
    to.cards.settled = t->settled;
    *ret = &cards_snap_new(&to.cards, steal_ptr(&dir))->snap;
    *ret_ttl_ms = model_ttl(c, t->settled);
    if (!t->settled) {
        *ret_ttl_ms = model_ttl_of_part(*ret_ttl_ms, &task_snap_of(t)->snap);
    }
    return ERR_OK;
}

static errc find_cards(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                       struct cards_snap **ret, struct err *err)
{
    struct load l = {c, task, attempt};
    struct snap *s;
    errc code = model_check_ns(c, task, cancel, err);
    if (!code) {
        code = model_recent_get(c, MODEL_CARDS, task, attempt, load_cards, &l, cancel, &s, err);
    }
    if (!code) {
        *ret = (struct cards_snap *)s;
    }
    return code;
}

errc client_cards(struct client *c, const struct pathspec *task, int attempt, struct cancel *cancel,
                  struct cards *ret, struct err *err)
{
    auto_cleanup(cards_unrefp) struct cards_snap *found = NULL;
    errc code = find_cards(c, task, attempt, cancel, &found, err);
    if (code) {
        return code;
    }
    struct cards out = {.len = found->cards.len, .settled = found->cards.settled};
    out.items = mem_zalloc((out.len + 1) * sizeof(out.items[0]));
    for (size_t i = 0; i < out.len; i++) {
        const struct card *card = &found->cards.items[i];
        out.items[i] = (struct card){.file = mem_strdup(card->file),
                                     .type = mem_strdup(card->type),
                                     .id = mem_strdup(card->id),
                                     .size = card->size,
                                     .mtime_ms = card->mtime_ms,
                                     .recorded_ms = card->recorded_ms};
    }
    *ret = out;
    return ERR_OK;
}

// --- a card's bytes ---------------------------------------------------------------------------------

errc client_card_open(struct client *c, const struct pathspec *task, const char *file,
                      struct cancel *cancel, struct content **ret, struct err *err)
{
    auto_cleanup(cards_unrefp) struct cards_snap *found = NULL;
    errc code = find_cards(c, task, -1, cancel, &found, err);
    if (code) {
        return code;
    }
    const struct cards *cards = &found->cards;
    struct card wanted = {.file = (char *)(uintptr_t)file};
    const struct card *card =
        cards->len ? bsearch(&wanted, cards->items, cards->len, sizeof(wanted), by_file) : NULL;
    if (!card) {
        auto_free char *text = pathspec_text(task);
        return err_set(err, ERR_NOT_FOUND, "task %s has no card \"%s\"", text, file);
    }
    // A card is written again while its task runs, so its name alone does not name its bytes.
    auto_free char *path = mem_printf("%s/%s", found->dir, file);
    auto_free char *version = mem_printf("%" PRIu64 ":%" PRId64, card->size, card->mtime_ms);
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    code = blob_get_plain(c->store, c->staging, path, version, &staged, err);
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
