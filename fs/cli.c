#include "fs/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/cli_args.h"
#include "fs/cli_complete.h"
#include "fs/cli_signals.h"
#include "fs/get.h"

#define CAT_CHUNK ((size_t)256 * 1024)

static const char cli_usage[] =
    "usage: metaflowfs ls [-l] [options] [PATH...]\n"
    "       metaflowfs cat [options] PATH...\n"
    "PATH is FLOW[/RUN[/STEP[/TASK[/NAME]]]], with the dot names of a mount: HelloFlow/.latest/.end/x.\n"
    "Options are those of a mount, such as --datastore-root DIR (metaflowfs --help lists them).\n";

struct cli {
    bool cat, long_format, failed, unreached, listed;
    bool pipe_closed; // nobody reads what is written
    struct cancel cancel;
    struct cli_args args;
    struct stack stack;
};

int cli_is_subcommand(int argc, char *const *argv)
{
    return argc > 1 &&
           (strcmp(argv[1], "ls") == 0 || strcmp(argv[1], "cat") == 0 || strcmp(argv[1], "get") == 0 ||
            strcmp(argv[1], "__complete") == 0);
}

// Whether nothing more is to be done, nor said.
static bool is_over(struct cli *cli)
{
    return cli->pipe_closed || atomic_load(&cli->cancel.set);
}

static void complain(struct cli *cli, const char *path, const struct err *err)
{
    if (is_over(cli)) {
        cli->failed = true;
        return;
    }
    fprintf(stderr, "metaflowfs: %s: %s\n", path, err->cause);
    cli->failed = true;
    // What cannot be reached, or does not let us in, is told apart from a path that does not exist.
    cli->unreached |= err->code == ERR_UNREACHABLE || (err->code == ERR_DENIED && cli->stack.s3_root);
}

static bool write_all(struct cli *cli, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, data, len);
        if (n < 0 && errno == EINTR && !is_over(cli))
            continue;
        if (n <= 0) {
            cli->pipe_closed |= n < 0 && errno == EPIPE;
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static errc cat_content(struct cli *cli, struct content *content, char *chunk, struct err *err)
{
    uint64_t size = content_size(content);
    for (uint64_t off = 0; off < size;) {
        size_t got;
        errc e = content_read(content, off, chunk, CAT_CHUNK, &cli->cancel, &got, err);
        if (!e)
            e = cancel_check(&cli->cancel, err);
        if (e)
            return e;
        if (got == 0)
            break;
        if (!write_all(cli, chunk, got))
            return err_set_errno(err, errno, "cannot write to standard output");
        off += got;
    }
    return ERR_OK;
}

struct stdout_sink {
    struct sink sink;
    struct cli *cli;
    int failed; // errno
};

static bool stdout_put(struct sink *sink, const void *data, size_t len)
{
    struct stdout_sink *s = (struct stdout_sink *)sink;
    if (!write_all(s->cli, data, len))
        s->failed = errno;
    return !s->failed;
}

static errc cat_node(struct cli *cli, const struct tref *r, const struct tattr *attr, struct err *err)
{
    if (S_ISDIR(attr->mode))
        return err_set(err, ERR_INVALID, "is a directory: metaflowfs ls lists it");
    struct stdout_sink out = {.sink.put = stdout_put, .cli = cli};
    bool is_one;
    errc e = tree_stream(cli->stack.tree, r, &cli->cancel, &out.sink, &is_one, err);
    if (out.failed)
        return err_set_errno(err, out.failed, "cannot write to standard output");
    if (e || is_one)
        return e;
    auto_cleanup(content_unrefp) struct content *content = NULL;
    uint64_t version;
    e = tree_open(cli->stack.tree, r, &cli->cancel, &content, &version, err);
    if (e)
        return e;
    auto_free char *chunk = mem_zalloc(CAT_CHUNK);
    return cat_content(cli, content, chunk, err);
}

static void print_entry(const char *name, const struct tattr *attr)
{
    if (!attr) {
        printf("%s\n", name);
        return;
    }
    char time[32];
    clock_iso8601(attr->mtime_ms, time, sizeof time);
    char type = S_ISDIR(attr->mode) ? 'd' : S_ISLNK(attr->mode) ? 'l' : '-';
    // A size that only opening tells is marked, as it may change then.
    printf("%c %12llu%c %s  %s\n", type, (unsigned long long)attr->size, attr->size_exact ? ' ' : '~', time,
           name);
}

struct ls_arg {
    struct cli *cli;
    const struct tref *dir;
};

static bool ls_entry(void *arg, const char *name, enum kind kind, const struct tattr *attr)
{
    (void)kind;
    struct ls_arg *ls = arg;
    struct tattr own;
    if (!ls->cli->long_format) {
        attr = NULL;
    } else if (!attr) {
        struct err err = ERR_INIT;
        enum kind found;
        if (tree_lookup(ls->cli->stack.tree, ls->dir, name, &ls->cli->cancel, &found, &own, &err)) {
            complain(ls->cli, name, &err);
            return true;
        }
        attr = &own;
    }
    errno = 0;
    print_entry(name, attr);
    ls->cli->pipe_closed |= ferror(stdout) && errno == EPIPE;
    return !ferror(stdout) && !is_over(ls->cli);
}

static errc ls_node(struct cli *cli, const char *path, const struct tref *r, const struct tattr *attr,
                    struct err *err)
{
    if (!S_ISDIR(attr->mode)) {
        print_entry(path, cli->long_format ? attr : NULL);
        return ERR_OK;
    }
    if (cli->args.paths.len > 1)
        printf("%s%s:\n", cli->listed ? "\n" : "", path);
    cli->listed = true;
    struct ls_arg arg = {cli, r};
    return tree_list(cli->stack.tree, r, &cli->cancel, ls_entry, &arg, err);
}

static void run_path(struct cli *cli, const char *path)
{
    struct err err = ERR_INIT;
    struct tref r __attribute__((cleanup(tref_free))) = {.attempt = -1};
    struct tattr attr;
    errc e = tree_resolve(cli->stack.tree, path, true, &cli->cancel, &r, &attr, &err);
    if (!e)
        e = cli->cat ? cat_node(cli, &r, &attr, &err) : ls_node(cli, path, &r, &attr, &err);
    if (e)
        complain(cli, path, &err);
}

static int usage_error(const struct err *err)
{
    fprintf(stderr, "metaflowfs: %s\n%s", err->cause, cli_usage);
    return EXIT_USAGE;
}

static int run_paths(struct cli *cli, const struct options *o)
{
    int code = cli_stack(&cli->stack, o);
    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < cli->args.paths.len && !is_over(cli); i++)
        run_path(cli, cli->args.paths.items[i]);
    if (fflush(stdout) != 0) {
        cli->pipe_closed |= errno == EPIPE;
        cli->failed = true;
    }
    return !cli->failed ? EXIT_OK : cli->unreached && !is_over(cli) ? (int)stack_unreached(&cli->stack) : EXIT_OTHER;
}

static int run_stack(struct cli *cli, const struct options *o)
{
    struct cli_signals signals;
    cli_signals_begin(&signals, &cli->cancel); // before there are threads, which take over what is blocked
    int code = run_paths(cli, o);
    stack_free(&cli->stack);
    cli_signals_end(&signals, cli->pipe_closed);
    return code;
}

int cli_run(int argc, char *const *argv)
{
    if (strcmp(argv[1], "get") == 0)
        return get_run(argc, argv);
    if (strcmp(argv[1], "__complete") == 0)
        return complete_run(argc, argv);
    struct cli cli = {.cat = strcmp(argv[1], "cat") == 0};
    const struct cli_own own[] = {{"-l", &cli.long_format, NULL}, {0}};
    struct err err = ERR_INIT;
    struct options o = {0};
    int code;
    errc e = cli_args_sort(argc, argv, cli.cat ? &own[1] : own, &cli.args, &err);
    if (!e)
        e = options_parse((int)cli.args.options.len, cli.args.options.items, &o, &err);
    if (e) {
        code = usage_error(&err);
    } else if (o.help) {
        fputs(cli_usage, stdout);
        code = EXIT_OK;
    } else if (cli.cat && cli.args.paths.len == 0) {
        err_set(&err, ERR_INVALID, "what should be read? metaflowfs cat PATH");
        code = usage_error(&err);
    } else {
        if (cli.args.paths.len == 0)
            strv_add(&cli.args.paths, "/");
        code = run_stack(&cli, &o);
    }
    options_free(&o);
    cli_args_free(&cli.args);
    return code;
}
