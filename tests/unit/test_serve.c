// The operations and the request engine, driven by the kernel's protocol over a socket: a tree of our
// own stands below, whose look-ups and reads wait until the test lets them go.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/batch_source.h"
#include "fs/handle.h"
#include "fs/serve.h"
#include "fs/session.h"

// --- the tree below -------------------------------------------------------------------------------

struct tree {
    struct staging *staging;
    atomic_bool released;   // what waits may go on
    atomic_uint lookups;
};

static void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

static errc wait_release(struct tree *t, struct cancel *cancel, struct err *err)
{
    errc e = ERR_OK;
    while (!e && !atomic_load(&t->released)) {
        pause_ms(1);
        e = cancel == NULL ? ERR_OK : cancel_check(cancel, err);
    }
    return e;
}

static void attr_of(enum kind kind, struct tattr *a)
{
    *a = (struct tattr){.mode = S_IFDIR | 0555, .size_exact = true, .mtime_ms = 1000, .ttl_ms = 10000};
    if (kind != K_FLOW && kind != K_ROOT) {
        a->mode = S_IFREG | 0444;
        a->size_exact = kind == K_PICKLE;
        a->size = kind == K_PICKLE ? 200 : 50;
    }
}

void tref_init_root(struct tref *r)
{
    *r = (struct tref){.kind = K_ROOT, .attempt = -1};
}

void tref_free(struct tref *r)
{
    free(r->leaf);
    tref_init_root(r);
}

void tref_copy(struct tref *to, const struct tref *from)
{
    *to = *from;
    to->leaf = mem_strdup(from->leaf);
}

bool tref_step(const struct tree *t, struct tref *r, enum kind kind, const char *name)
{
    (void)t;
    free(r->leaf);
    r->kind = kind;
    r->leaf = mem_strdup(name);
    return true;
}

errc tree_lookup(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                 enum kind *ret_kind, struct tattr *ret_attr, struct err *err)
{
    (void)dir;
    errc e = ERR_OK;
    atomic_fetch_add(&t->lookups, 1);
    if (strncmp(name, "hang", 4) == 0) {
        e = wait_release(t, cancel, err);
    } else if (strncmp(name, "stuck", 5) == 0) {
        e = wait_release(t, NULL, err);
    } else if (strncmp(name, "slow", 4) == 0) {
        pause_ms(1);
    } else if (strncmp(name, "none", 4) == 0) {
        e = err_set(err, ERR_NOT_FOUND, "none");
    }
    *ret_kind = strcmp(name, "file") == 0 ? K_ARTIFACT : strcmp(name, "stream") == 0 ? K_PICKLE : K_FLOW;
    *ret_kind = strcmp(name, "a.json") == 0 ? K_BATCH_FILE : *ret_kind;
    attr_of(*ret_kind, ret_attr);
    return e;
}

enum kind tree_kind_of_entry(enum kind dir, const char *name)
{
    (void)dir;
    (void)name;
    return K_NONE;
}

bool tree_never(const struct tree *t, enum kind dir, const char *name)
{
    (void)t;
    (void)dir;
    return strcmp(name, "never") == 0 || name[0] == '.';
}

errc tree_attr(struct tree *t, const struct tref *r, struct cancel *cancel, struct tattr *ret, struct err *err)
{
    (void)t;
    (void)cancel;
    (void)err;
    attr_of(r->kind, ret);
    return ERR_OK;
}

errc tree_list(struct tree *t, const struct tref *dir, struct cancel *cancel, tree_list_fn fn, void *arg,
               struct err *err)
{
    (void)t;
    (void)dir;
    (void)cancel;
    (void)err;
    struct tattr a;
    attr_of(K_PICKLE, &a);
    return fn(arg, "stream", K_PICKLE, &a) && fn(arg, "plain", K_FLOW, NULL) ? ERR_OK : ERR_OK;
}

static errc produce(void *arg, struct staged *to, struct err *err)
{
    struct tree *t = arg;
    char bytes[100];
    memset(bytes, 'x', sizeof(bytes));
    errc e = staged_append(to, bytes, sizeof(bytes), err);
    for (unsigned i = 0; !e && !atomic_load(&t->released) && i < 5000; i++) {
        pause_ms(1);
        e = staged_append(to, bytes, 0, err);
    }
    return e ? e : staged_append(to, bytes, sizeof(bytes), err);
}

errc tree_open(struct tree *t, const struct tref *r, struct cancel *cancel, struct content **ret,
               uint64_t *ret_version, struct err *err)
{
    (void)cancel;
    if (r->kind == K_ARTIFACT) {
        char bytes[200];
        memset(bytes, 'y', sizeof(bytes));
        *ret = content_of_bytes(t->staging, bytes, sizeof(bytes));
        *ret_version = 7;
        return ERR_OK;
    }
    struct staging_request rq = {.produce = produce, .arg = t};
    struct staged *staged;
    errc e = staging_get(t->staging, &rq, &staged, err);
    if (!e) {
        *ret = content_of(staged, 0, 200);
        *ret_version = 0;
    }
    return e;
}

errc tree_follow(struct tree *t, const struct tref *r, uint64_t from, struct cancel *cancel, struct content **ret,
                 struct err *err)
{
    (void)from;
    uint64_t version;
    return tree_open(t, r, cancel, ret, &version, err);
}

errc tree_readlink(struct tree *t, const struct tref *r, struct cancel *cancel, char **ret, struct err *err)
{
    (void)t, (void)r, (void)cancel, (void)ret;
    return err_set(err, ERR_INVALID, "no link");
}

errc tree_mkdir(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel,
                enum kind *ret_kind, struct tattr *ret_attr, struct err *err)
{
    (void)t, (void)dir, (void)name, (void)cancel, (void)ret_kind, (void)ret_attr;
    return err_set(err, ERR_READ_ONLY, "no");
}

errc tree_rmdir(struct tree *t, const struct tref *dir, const char *name, struct cancel *cancel, struct err *err)
{
    (void)t, (void)dir, (void)name, (void)cancel;
    return err_set(err, ERR_READ_ONLY, "no");
}

errc tree_refresh(struct tree *t, const char *path, struct err *err)
{
    (void)t, (void)path, (void)err;
    return ERR_OK;
}

errc tree_xattr_list(struct tree *t, const struct tref *r, struct cancel *cancel, struct buf *out, struct err *err)
{
    (void)t, (void)r, (void)cancel, (void)err;
    buf_put(out, "user.metaflow.id", 17);
    return ERR_OK;
}

errc tree_xattr_get(struct tree *t, const struct tref *r, const char *name, struct cancel *cancel,
                    struct buf *out, struct err *err)
{
    (void)t, (void)r, (void)name, (void)cancel, (void)out;
    return err_set(err, ERR_NOT_FOUND, "none");
}

// --- the kernel's side ----------------------------------------------------------------------------

struct kernel {
    int fd;
    struct tree tree;
    struct pool *pool;
    struct serve *serve;
    struct fuse_session *se;
    struct daemon daemon;
    pthread_t thread;
    bool is_caller_hidden;  // as that of another namespace is: every signal ends it
    struct batch_source batch;
    struct drafts *drafts;  // what `batch` gives
    atomic_uint submits;    // that began
};

static void ask(struct kernel *k, uint32_t opcode, uint64_t unique, uint64_t nodeid, const void *arg, size_t len)
{
    char message[4096];
    struct fuse_in_header in = {.len = (uint32_t)(sizeof(in) + len), .opcode = opcode, .unique = unique,
                                .nodeid = nodeid,
                                .pid = k->is_caller_hidden ? 0 : (uint32_t)getpid()};
    memcpy(message, &in, sizeof(in));
    memcpy(message + sizeof(in), arg, len);
    assert_int_equal(send(k->fd, message, sizeof(in) + len, 0), (ssize_t)(sizeof(in) + len));
}

static void ask_lookup(struct kernel *k, uint64_t unique, const char *name)
{
    ask(k, FUSE_LOOKUP, unique, 1, name, strlen(name) + 1);
}

static void interrupt(struct kernel *k, uint64_t unique)
{
    struct fuse_interrupt_in arg = {.unique = unique};
    ask(k, FUSE_INTERRUPT, unique | 1, 0, &arg, sizeof(arg));
}

struct answer {
    struct fuse_out_header head;
    char body[4096];
};

// The next message of the daemon; false when none comes in time.
static bool next_answer(struct kernel *k, struct answer *a, int ms)
{
    struct pollfd p = {.fd = k->fd, .events = POLLIN};
    if (poll(&p, 1, ms) != 1) {
        return false;
    }
    assert_true(recv(k->fd, a, sizeof(*a), 0) >= (ssize_t)sizeof(a->head));
    return true;
}

static void expect(struct kernel *k, uint64_t unique, int error, struct answer *a)
{
    assert_true(next_answer(k, a, 10000));
    assert_int_equal(a->head.unique, unique);
    assert_int_equal(a->head.error, -error);
}

static const struct fuse_entry_out *expect_entry(struct kernel *k, uint64_t unique, struct answer *a)
{
    expect(k, unique, 0, a);
    return (const struct fuse_entry_out *)(const void *)a->body;
}

// Jobs that take everything, once the test lets them, and do not look at their tokens.
static errc submit_stuck(void *arg, const char *name, const char *text, size_t len, struct cancel *cancel,
                         struct err *err)
{
    struct kernel *k = arg;
    (void)name, (void)text, (void)len, (void)cancel;
    atomic_fetch_add(&k->submits, 1);
    return wait_release(&k->tree, NULL, err);
}

static errc check_any(void *arg, const char *name, const char *text, size_t len, enum jobs_text *ret, struct err *err)
{
    (void)arg, (void)name, (void)text, (void)len, (void)err;
    *ret = JOBS_TEXT_ACCEPTED;
    return ERR_OK;
}

static errc vet_any(void *arg, const char *name, const char *text, size_t len, struct cancel *cancel, struct err *err)
{
    (void)arg, (void)name, (void)text, (void)len, (void)cancel, (void)err;
    return ERR_OK;
}

static bool none_saved(void *arg, unsigned index, struct job_saved *ret)
{
    (void)arg, (void)index, (void)ret;
    return false;
}

static errc give_drafts(void *arg, struct jobs **ret_jobs, struct drafts **ret_drafts, struct err *err)
{
    struct kernel *k = arg;
    (void)err;
    *ret_jobs = NULL;
    *ret_drafts = k->drafts;
    return ERR_OK;
}

static void *run_session(void *arg)
{
    struct kernel *k = arg;
    session_run(k->se, k->serve, &k->daemon);
    return NULL;
}

static void start(struct kernel *k, int64_t deadline_ms)
{
    int fds[2];
    struct err err = ERR_INIT;
    struct tattr root;
    *k = (struct kernel){.daemon = {.pipe = -1}};
    attr_of(K_ROOT, &root);
    session_block_signals();
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    k->fd = fds[0];
    struct pool_conf pool = {.max_threads = 64, .idle_ms = 100, .name = "produce"};
    k->pool = pool_new(&pool);
    struct staging_conf staging = {.tempdir = "/tmp", .pool = k->pool};
    assert_int_equal(staging_new(&staging, &k->tree.staging, &err), ERR_OK);
    struct serve_conf conf = {.tree = &k->tree, .batch = &k->batch, .root = &root, .deadline_ms = deadline_ms,
                              .ttl_ms = 1000};
    k->batch = (struct batch_source){.arg = k, .get = give_drafts, .allow_other = true};
    k->serve = serve_new(&conf);
    assert_non_null(k->serve);
    assert_int_equal(session_on_fd(fds[1], k->serve, &k->se, &err), ERR_OK);
    assert_int_equal(pthread_create(&k->thread, NULL, run_session, k), 0);
    struct fuse_init_in init = {.major = 7, .minor = 36, .max_readahead = 131072,
                                .flags = FUSE_ASYNC_READ | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
                                         FUSE_AUTO_INVAL_DATA | FUSE_MAX_PAGES | FUSE_PARALLEL_DIROPS};
    struct answer a;
    ask(k, FUSE_INIT, 2, 0, &init, sizeof(init));
    expect(k, 2, 0, &a);
}

static void stop(struct kernel *k)
{
    atomic_store(&k->tree.released, true);
    shutdown(k->fd, SHUT_RDWR); // ends the session's loop, which stays open for the last replies
    pthread_join(k->thread, NULL);
    assert_true(serve_free(k->serve, 5000));
    session_free(k->se);
    pool_free(k->pool);
    staging_free(k->tree.staging);
    close(k->fd);
}

static uint64_t nodes(struct kernel *k)
{
    struct inodes_stats st;
    inodes_stats(k->serve->inodes, &st);
    return st.nodes;
}

// --- tests ----------------------------------------------------------------------------------------

static void names_are_asked_for_once(void **state)
{
    (void)state;
    struct kernel k;
    struct answer a;
    start(&k, 0);
    ask_lookup(&k, 4, "fast");
    uint64_t id = expect_entry(&k, 4, &a)->nodeid;
    ask_lookup(&k, 6, "fast");
    assert_int_equal(expect_entry(&k, 6, &a)->nodeid, id);
    assert_int_equal(atomic_load(&k.tree.lookups), 1);
    ask_lookup(&k, 8, "none");
    expect(&k, 8, ENOENT, &a);
    ask_lookup(&k, 10, "never");
    const struct fuse_entry_out *e = expect_entry(&k, 10, &a);
    assert_true(e->nodeid == 0 && e->entry_valid == 60);
    ask_lookup(&k, 12, ".git");
    assert_int_equal(expect_entry(&k, 12, &a)->nodeid, 0);
    assert_int_equal(atomic_load(&k.tree.lookups), 2);
    struct fuse_forget_in forget = {.nlookup = 2};
    ask(&k, FUSE_FORGET, 14, id, &forget, sizeof(forget));
    struct fuse_getattr_in getattr = {0};
    ask(&k, FUSE_GETATTR, 16, 1, &getattr, sizeof(getattr));
    expect(&k, 16, 0, &a);
    assert_int_equal(nodes(&k), 1);
    stop(&k);
}

static void an_interrupt_answers_at_once(void **state)
{
    (void)state;
    struct kernel k;
    struct answer a;
    start(&k, 0);
    ask_lookup(&k, 4, "hang");
    ask_lookup(&k, 6, "fast");
    expect(&k, 6, 0, &a);
    interrupt(&k, 4);
    expect(&k, 4, EINTR, &a);
    ask_lookup(&k, 8, "stuck"); // does not look at its token: the caller is free nevertheless
    pause_ms(20);
    interrupt(&k, 8);
    expect(&k, 8, EINTR, &a);
    atomic_store(&k.tree.released, true);
    assert_false(next_answer(&k, &a, 100));
    assert_int_equal(nodes(&k), 2);
    stop(&k);
}

// An open file with a text that closing it submits; its handle.
static uint64_t open_job(struct kernel *k, const char *text, uint64_t *ret_node)
{
    struct answer a;
    struct draft *o;
    struct err err = ERR_INIT;
    assert_int_equal(drafts_open(k->drafts, "a.json", DRAFT_CREATE | DRAFT_WRITE, &o, &err), ERR_OK);
    draft_close(o);
    ask_lookup(k, 4, "a.json");
    *ret_node = expect_entry(k, 4, &a)->nodeid;
    struct fuse_open_in open = {.flags = O_WRONLY};
    ask(k, FUSE_OPEN, 6, *ret_node, &open, sizeof(open));
    expect(k, 6, 0, &a);
    uint64_t fh = ((const struct fuse_open_out *)(const void *)a.body)->fh;
    char message[256];
    struct fuse_write_in write = {.fh = fh, .size = (uint32_t)strlen(text)};
    memcpy(message, &write, sizeof(write));
    memcpy(message + sizeof(write), text, strlen(text));
    ask(k, FUSE_WRITE, 8, *ret_node, message, sizeof(write) + strlen(text));
    expect(k, 8, 0, &a);
    return fh;
}

static void an_interrupted_save_that_was_submitted_is_told(void **state)
{
    (void)state;
    struct kernel k;
    struct answer a;
    uint64_t node;
    struct buf errors = {0};
    start(&k, 0);
    struct drafts_jobs jobs = {.arg = &k, .check = check_any, .vet = vet_any, .submit = submit_stuck,
                               .saved = none_saved};
    k.drafts = drafts_new(&jobs);
    k.is_caller_hidden = true;
    struct fuse_flush_in flush = {.fh = open_job(&k, "{}", &node)};
    ask(&k, FUSE_FLUSH, 10, node, &flush, sizeof(flush));
    while (atomic_load(&k.submits) == 0) {
        pause_ms(1);
    }
    interrupt(&k, 10);
    expect(&k, 10, EINTR, &a);
    assert_int_equal(errlog_total(k.serve->errlog), 0);
    atomic_store(&k.tree.released, true);
    for (unsigned i = 0; i < 10000 && errlog_total(k.serve->errlog) == 0; i++) {
        pause_ms(1);
    }
    errlog_print(k.serve->errlog, &errors);
    assert_non_null(errors.data);
    assert_non_null(strstr(errors.data, "it was interrupted, and was submitted all the same as the job \"a\""));
    buf_free(&errors);
    stop(&k);
    drafts_free(k.drafts);
}

static void an_interrupt_may_come_first(void **state)
{
    (void)state;
    struct kernel k;
    struct answer a;
    start(&k, 0);
    interrupt(&k, 20);
    pause_ms(20);
    ask_lookup(&k, 20, "hang");
    expect(&k, 20, EINTR, &a);
    stop(&k);
}

static void a_deadline_answers_for_a_stuck_worker(void **state)
{
    (void)state;
    struct kernel k;
    struct answer a;
    start(&k, 200);
    int64_t before = clock_mono_ms();
    ask_lookup(&k, 4, "stuck");
    expect(&k, 4, ETIMEDOUT, &a);
    assert_true(clock_mono_ms() - before < 5000);
    auto_cleanup(buf_free) struct buf errors = {0};
    errlog_print(k.serve->errlog, &errors);
    assert_non_null(strstr(errors.data, "ETIMEDOUT lookup /stuck"));
    atomic_store(&k.tree.released, true);
    assert_false(next_answer(&k, &a, 100));
    stop(&k);
}

static uint64_t open_file(struct kernel *k, const char *name, uint64_t *nodeid, uint32_t *flags)
{
    struct answer a;
    struct fuse_open_in in = {0};
    ask_lookup(k, 100, name);
    *nodeid = expect_entry(k, 100, &a)->nodeid;
    ask(k, FUSE_OPEN, 102, *nodeid, &in, sizeof(in));
    expect(k, 102, 0, &a);
    const struct fuse_open_out *out = (const struct fuse_open_out *)(const void *)a.body;
    *flags = out->open_flags;
    return out->fh;
}

static void ask_read(struct kernel *k, uint64_t unique, uint64_t nodeid, uint64_t fh, uint64_t off)
{
    struct fuse_read_in in = {.fh = fh, .offset = off, .size = 100};
    ask(k, FUSE_READ, unique, nodeid, &in, sizeof(in));
}

static void a_read_waits_for_its_bytes(void **state)
{
    (void)state;
    struct kernel k;
    struct answer a;
    uint64_t nodeid;
    uint32_t flags;
    start(&k, 0);
    uint64_t fh = open_file(&k, "stream", &nodeid, &flags);
    assert_int_equal(flags & FOPEN_KEEP_CACHE, 0);
    pause_ms(20);
    ask_read(&k, 4, nodeid, fh, 0);
    expect(&k, 4, 0, &a);
    assert_int_equal(a.head.len - sizeof(a.head), 100);
    ask_read(&k, 6, nodeid, fh, 100);
    assert_false(next_answer(&k, &a, 100));
    struct fuse_flush_in flush = {.fh = fh};
    ask(&k, FUSE_FLUSH, 8, nodeid, &flush, sizeof(flush)); // the reader left
    expect(&k, 6, EINTR, &a);
    expect(&k, 8, 0, &a);
    ask_read(&k, 10, nodeid, fh, 100);
    pause_ms(20);
    atomic_store(&k.tree.released, true);
    expect(&k, 10, 0, &a);
    assert_int_equal(a.head.len - sizeof(a.head), 100);
    struct fuse_release_in release = {.fh = fh};
    ask(&k, FUSE_RELEASE, 12, nodeid, &release, sizeof(release));
    expect(&k, 12, 0, &a);
    stop(&k);
}

static void an_open_tells_the_size_before_it_replies(void **state)
{
    (void)state;
    struct kernel k;
    struct answer a;
    struct fuse_open_in in = {0};
    start(&k, 0);
    ask_lookup(&k, 4, "file");
    const struct fuse_entry_out *e = expect_entry(&k, 4, &a);
    uint64_t nodeid = e->nodeid;
    assert_true(e->attr.size == 50 && e->attr_valid == 0 && e->attr_valid_nsec == 0 && e->entry_valid > 0);
    ask(&k, FUSE_OPEN, 6, nodeid, &in, sizeof(in));
    expect(&k, 0, -FUSE_NOTIFY_INVAL_INODE, &a); // a note carries its code where an errno would be
    expect(&k, 0, -FUSE_NOTIFY_STORE, &a);
    const struct fuse_notify_store_out *store = (const struct fuse_notify_store_out *)(const void *)a.body;
    assert_true(store->nodeid == nodeid && store->offset == 0 && store->size == 200);
    expect(&k, 6, 0, &a);
    assert_true(((const struct fuse_open_out *)(const void *)a.body)->open_flags & FOPEN_KEEP_CACHE);
    struct fuse_getattr_in getattr = {0};
    ask(&k, FUSE_GETATTR, 8, nodeid, &getattr, sizeof(getattr));
    expect(&k, 8, 0, &a);
    const struct fuse_attr_out *attr = (const struct fuse_attr_out *)(const void *)a.body;
    assert_true(attr->attr.size == 200 && attr->attr_valid > 0 && attr->attr.blocks == 1);
    in.flags = 1; // O_WRONLY
    ask(&k, FUSE_OPEN, 10, nodeid, &in, sizeof(in));
    expect(&k, 10, EROFS, &a);
    stop(&k);
}

static void listings_count_only_what_has_a_node(void **state)
{
    (void)state;
    struct kernel k;
    struct answer a;
    struct fuse_open_in in = {0};
    start(&k, 0);
    ask(&k, FUSE_OPENDIR, 4, 1, &in, sizeof(in));
    expect(&k, 4, 0, &a);
    struct fuse_read_in read = {.fh = ((const struct fuse_open_out *)(const void *)a.body)->fh, .size = 2048};
    ask(&k, FUSE_READDIRPLUS, 6, 1, &read, sizeof(read));
    expect(&k, 6, 0, &a);
    assert_int_equal(nodes(&k), 2); // the root and "stream", whose attributes came with the listing
    size_t len = a.head.len - sizeof(a.head), entries = 0;
    for (size_t at = 0; at < len; entries++) {
        const struct fuse_direntplus *e = (const struct fuse_direntplus *)(const void *)(a.body + at);
        bool is_stream = e->dirent.namelen == 6 && memcmp(e->dirent.name, "stream", 6) == 0;
        assert_int_equal(e->entry_out.nodeid != 0, is_stream);
        assert_true(e->dirent.ino != 0 && e->dirent.off == entries + 1);
        at += FUSE_DIRENTPLUS_SIZE(e);
    }
    assert_int_equal(entries, 4);
    read.offset = 4;
    ask(&k, FUSE_READDIR, 8, 1, &read, sizeof(read));
    expect(&k, 8, 0, &a);
    assert_int_equal(a.head.len, sizeof(a.head));
    read.offset = INT64_MAX;
    ask(&k, FUSE_READDIR, 10, 1, &read, sizeof(read));
    expect(&k, 10, 0, &a);
    struct fuse_release_in release = {.fh = read.fh};
    ask(&k, FUSE_RELEASEDIR, 12, 1, &release, sizeof(release));
    expect(&k, 12, 0, &a);
    stop(&k);
}

// libfuse keeps an interrupt whose request it does not find, answers it at one of the next requests, and
// does not free those that are left when the session ends. So go on until none comes any more.
static void drain_interrupts(struct kernel *k)
{
    struct answer a;
    struct fuse_getattr_in getattr = {0};
    bool late = true;
    pause_ms(20);
    for (uint64_t unique = 1u << 20; late; unique += 2) {
        late = false;
        ask(k, FUSE_GETATTR, unique, 1, &getattr, sizeof(getattr));
        while (next_answer(k, &a, 20)) {
            late |= a.head.unique != unique;
        }
    }
}

// Interrupts race with workers that end at the same time: each request has exactly one answer.
static void every_request_has_one_answer(void **state)
{
    (void)state;
    enum { N = 1500, AT_ONCE = 20 };
    struct kernel k;
    struct answer a;
    static unsigned char answered[2 * N + 8];
    unsigned seed = 3, got = 0;
    memset(answered, 0, sizeof(answered));
    start(&k, 0);
    for (unsigned i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof(name), "slow%u", i);
        ask_lookup(&k, 4 + 2 * i, name);
        if (rand_r(&seed) % 2 == 0) {
            interrupt(&k, 4 + 2 * (i - (unsigned)rand_r(&seed) % (i < 4 ? i + 1 : 4)));
        }
        while (i + 1 - got >= AT_ONCE || (i + 1 == N && got < N)) {
            assert_true(next_answer(&k, &a, 10000));
            if (a.head.unique & 1) { // EAGAIN of an interrupt that came too late
                continue;
            }
            assert_true(a.head.error == 0 || a.head.error == -EINTR);
            assert_int_equal(answered[a.head.unique]++, 0);
            got++;
        }
    }
    drain_interrupts(&k);
    assert_int_equal(atomic_load(&k.serve->stats.waiting), 0);
    stop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_asked_for_once),
        cmocka_unit_test(an_interrupt_answers_at_once),
        cmocka_unit_test(an_interrupted_save_that_was_submitted_is_told),
        cmocka_unit_test(an_interrupt_may_come_first),
        cmocka_unit_test(a_deadline_answers_for_a_stuck_worker),
        cmocka_unit_test(a_read_waits_for_its_bytes),
        cmocka_unit_test(an_open_tells_the_size_before_it_replies),
        cmocka_unit_test(listings_count_only_what_has_a_node),
        cmocka_unit_test(every_request_has_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
