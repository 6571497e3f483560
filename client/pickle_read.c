#include "client/pickle_reader.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPS_PER_LOOK = 4096 };

// A pickle that took more leaves holes in the heap that nothing else may ever need.
#define TRIM_BYTES ((size_t)4 * 1024 * 1024)

struct op {
    const char *name;
    errc (*run)(struct reader *r);
};

#define OP_ROW(byte, op_name, fn) [byte] = {#op_name, fn},
static const struct op ops[256] = {PICKLE_OPS(OP_ROW)};
#undef OP_ROW

static const char *op_name(const struct reader *r)
{
    if (r->op_at >= r->len)
        return "end of input";
    const char *name = ops[r->data[r->op_at]].name;
    return name ? name : "unknown opcode";
}

errc reader_corrupt(struct reader *r, const char *fmt, ...)
{
    char text[300] = "";
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap); // NOLINT(clang-analyzer-valist.Uninitialized): it is started above
    va_end(ap);
    return err_set(r->err, ERR_CORRUPT, "malformed pickle: %s at offset %zu: %s", op_name(r), r->op_at,
                   text);
}

errc reader_no_room(struct reader *r)
{
    const struct arena *a = &r->p->arena;
    if (a->out_of_memory)
        return err_set(r->err, ERR_NO_MEMORY, "no memory to read a pickle of %zu bytes", r->len);
    return err_set(r->err, ERR_LIMIT,
                   "the pickle needs more than %zu bytes of memory, which is as much as one may take here (%s at "
                   "offset %zu)", a->max, op_name(r), r->op_at);
}

const uint8_t *reader_take(struct reader *r, uint64_t n)
{
    if (n > r->len - r->at) {
        (void)reader_corrupt(r, "%llu bytes are announced, %zu are left", (unsigned long long)n,
                             r->len - r->at);
        return NULL;
    }
    const uint8_t *p = r->data + r->at;
    r->at += (size_t)n;
    return p;
}

errc reader_line(struct reader *r, const uint8_t **ret_line, size_t *ret_len)
{
    const uint8_t *line = r->data + r->at;
    const uint8_t *end = r->at < r->len ? memchr(line, '\n', r->len - r->at) : NULL;
    if (!end)
        return reader_corrupt(r, "its line has no end");
    *ret_line = line;
    *ret_len = (size_t)(end - line);
    r->at += *ret_len + 1;
    return ERR_OK;
}

uint64_t reader_le(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = bytes; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static errc stack_grow(struct reader *r)
{
    size_t cap = r->stack_cap ? r->stack_cap * 2 : 64, item = sizeof(void *);
    struct value **stack = arena_grow(&r->p->arena, r->stack, r->stack_cap * item, cap * item);
    if (!stack)
        return reader_no_room(r);
    r->stack = stack;
    r->stack_cap = cap;
    return ERR_OK;
}

errc reader_push(struct reader *r, struct value *v)
{
    if (!v)
        return r->err->code ? r->err->code : reader_no_room(r);
    if (r->stack_len == r->stack_cap && stack_grow(r))
        return r->err->code;
    r->stack[r->stack_len++] = v;
    return ERR_OK;
}

static bool stack_is_empty(struct reader *r)
{
    size_t floor = r->marks_len ? r->marks[r->marks_len - 1] : 0;
    if (r->stack_len > floor)
        return false;
    (void)reader_corrupt(r, "nothing is on the stack for it");
    return true;
}

struct value *reader_pop(struct reader *r)
{
    return stack_is_empty(r) ? NULL : r->stack[--r->stack_len];
}

struct value *reader_top(struct reader *r)
{
    return stack_is_empty(r) ? NULL : r->stack[r->stack_len - 1];
}

errc reader_pop_mark(struct reader *r, size_t *ret_from)
{
    if (!r->marks_len)
        return reader_corrupt(r, "no MARK is on the stack");
    *ret_from = r->marks[--r->marks_len];
    return ERR_OK;
}

// Between opcodes: whether to go on. One opcode grows the memory by little more than what it reads.
static errc look_up(struct reader *r)
{
    struct pickle *p = r->p;
    if (p->arena.used > p->share.bytes + PICKLE_SHARE_STEP)
        return pickle_share_grow(&p->share, p->arena.used, r->cancel, r->err);
    return cancel_check(r->cancel, r->err);
}

static errc run(struct reader *r)
{
    for (size_t n = 0; !r->stopped; n++) {
        r->op_at = r->at;
        if (r->at >= r->len)
            return err_set(r->err, ERR_CORRUPT, "malformed pickle: it ends at offset %zu before STOP",
                           r->len);
        if (r->max_ops && n >= r->max_ops)
            return err_set(r->err, ERR_LIMIT, "the pickle has more than %zu opcodes", r->max_ops);
        if (n % OPS_PER_LOOK == 0 && look_up(r))
            return r->err->code;
        uint8_t byte = r->data[r->at++];
        if (!ops[byte].run)
            return reader_corrupt(r, "0x%02x is no opcode", byte);
        if (ops[byte].run(r))
            return r->err->code;
    }
    return ERR_OK;
}

static void init_pickle(struct pickle *p, size_t max_memory, size_t len)
{
    p->arena.max = max_memory ? max_memory : pickle_memory_max(len);
    p->arena.used = sizeof *p;
    p->none.kind = VALUE_NONE;
    p->yes.kind = p->no.kind = VALUE_BOOL;
    p->yes.u.boolean = true;
}

errc pickle_read(const uint8_t *data, size_t len, const struct pickle_limits *limits,
                 struct cancel *cancel, struct pickle **ret, struct err *err)
{
    static const struct pickle_limits no_limits = {0};
    if (!limits)
        limits = &no_limits;
    struct pickle *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(err, ERR_NO_MEMORY, "no memory to read a pickle of %zu bytes", len);
    init_pickle(p, limits->max_memory, len);
    struct err failure = ERR_INIT;
    struct reader r = {
        .p = p, .data = data, .len = len, .cancel = cancel, .err = &failure,
        .max_depth = limits->max_depth ? limits->max_depth : 10000,
        .max_ops = limits->max_ops,
    };
    if (stack_grow(&r) || run(&r)) {
        *err = failure;
        pickle_free(p);
        return err->code;
    }
    memo_release(&r);
    arena_release(&p->arena, r.stack, r.stack_cap * sizeof(void *));
    arena_release(&p->arena, r.marks, r.marks_cap * sizeof *r.marks);
    *ret = p;
    return ERR_OK;
}

const struct value *pickle_root(const struct pickle *p)
{
    return p->root;
}

size_t pickle_memory(const struct pickle *p)
{
    return p->arena.used;
}

void pickle_free(struct pickle *p)
{
    if (!p)
        return;
    size_t used = p->arena.used;
    struct pickle_share share = p->share;
    arena_free(&p->arena);
    free(p);
    if (used > TRIM_BYTES)
        malloc_trim(0);
    pickle_share_end(&share);
}

void pickle_freep(struct pickle **p)
{
    pickle_free(*p);
    *p = NULL;
}
