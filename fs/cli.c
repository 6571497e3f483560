#include "fs/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/stack.h"

#define CAT_CHUNK ((size_t)256 * 1024)

static const char cli_usage[] =
    "usage: metaflowfs ls [-l] [options] [PATH...]\n"
    "       metaflowfs cat [options] PATH...\n"
    "PATH is FLOW[/RUN[/STEP[/TASK[/NAME]]]], with the dot names of a mount: HelloFlow/.latest/.end/x.\n"
    "Options are those of a mount, such as --datastore-root DIR (metaflowfs --help lists them).\n";

struct cli {
    bool cat, long_format, failed, unreached, listed;
    struct strv paths, options; // options: what goes to options_parse
    struct stack stack;
};

int cli_is_subcommand(int argc, char *const *argv)
{
    return argc > 1 && (strcmp(argv[1], "ls") == 0 || strcmp(argv[1], "cat") == 0);
}

// An option's value may be the next argument; it is then no path.
static bool takes_next(const char *text)
{
    if (strcmp(text, "-o") == 0)
        return true;
    if (strncmp(text, "--", 2) != 0 || strchr(text, '='))
        return false;
    const struct option_row *row = option_find(text + 2, strlen(text + 2));
    return row && row->type != OPTION_FLAG;
}

static void sort_arguments(struct cli *cli, int argc, char *const *argv)
{
    strv_add(&cli->options, argv[0]);
    strv_add(&cli->options, "--check"); // no mountpoint is wanted
    for (int i = 2; i < argc; i++) {
        const char *text = argv[i];
        if (strcmp(text, "--") == 0) {
            while (++i < argc)
                strv_add(&cli->paths, argv[i]);
        } else if (!cli->cat && strcmp(text, "-l") == 0) {
            cli->long_format = true;
        } else if (text[0] != '-' || !text[1]) {
            strv_add(&cli->paths, text);
        } else {
            strv_add(&cli->options, text);
            if (takes_next(text) && i + 1 < argc)
                strv_add(&cli->options, argv[++i]);
        }
    }
}

static void complain(struct cli *cli, const char *path, const struct err *err)
{
    fprintf(stderr, "metaflowfs: %s: %s\n", path, err->cause);
    cli->failed = true;
    // A service that cannot be reached is told apart from a path that does not exist.
    cli->unreached |= err->code == ERR_UNREACHABLE;
}

static bool write_all(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static errc cat_content(struct content *content, char *chunk, struct err *err)
{
    uint64_t size = content_size(content);
    for (uint64_t off = 0; off < size;) {
        size_t got;
        errc e = content_read(content, off, chunk, CAT_CHUNK, NULL, &got, err);
        if (e)
            return e;
        if (got == 0)
            break;
        if (!write_all(chunk, got))
            return err_set_errno(err, errno, "cannot write to standard output");
        off += got;
    }
    return ERR_OK;
}

static errc cat_node(struct cli *cli, const struct tref *r, const struct tattr *attr, struct err *err)
{
    if (S_ISDIR(attr->mode))
        return err_set(err, ERR_INVALID, "is a directory: metaflowfs ls lists it");
    auto_cleanup(content_unrefp) struct content *content = NULL;
    uint64_t version;
    errc e = tree_open(cli->stack.tree, r, NULL, &content, &version, err);
    if (e)
        return e;
    auto_free char *chunk = mem_zalloc(CAT_CHUNK);
    return cat_content(content, chunk, err);
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
        if (tree_lookup(ls->cli->stack.tree, ls->dir, name, NULL, &found, &own, &err)) {
            complain(ls->cli, name, &err);
            return true;
        }
        attr = &own;
    }
    print_entry(name, attr);
    return !ferror(stdout);
}

static errc ls_node(struct cli *cli, const char *path, const struct tref *r, const struct tattr *attr,
                    struct err *err)
{
    if (!S_ISDIR(attr->mode)) {
        print_entry(path, cli->long_format ? attr : NULL);
        return ERR_OK;
    }
    if (cli->paths.len > 1)
        printf("%s%s:\n", cli->listed ? "\n" : "", path);
    cli->listed = true;
    struct ls_arg arg = {cli, r};
    return tree_list(cli->stack.tree, r, NULL, ls_entry, &arg, err);
}

static void run_path(struct cli *cli, const char *path)
{
    struct err err = ERR_INIT;
    struct tref r __attribute__((cleanup(tref_free))) = {.attempt = -1};
    struct tattr attr;
    errc e = tree_resolve(cli->stack.tree, path, true, NULL, &r, &attr, &err);
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

static int run_stack(struct cli *cli, const struct options *o)
{
    struct err err = ERR_INIT;
    enum exit_code code = EXIT_OTHER;
    auto_free char *cwd = getcwd(NULL, 0);
    if (!cwd) {
        fprintf(stderr, "metaflowfs: the working directory is gone\n");
        return EXIT_OTHER;
    }
    if (stack_find(&cli->stack, o, cwd, &code, &err) || stack_build(&cli->stack, o, NULL, &code, &err)) {
        fprintf(stderr, "metaflowfs: %s\n", err.cause);
        return code;
    }
    for (size_t i = 0; i < cli->paths.len; i++)
        run_path(cli, cli->paths.items[i]);
    if (fflush(stdout) != 0)
        cli->failed = true;
    return !cli->failed ? EXIT_OK : cli->unreached ? (int)stack_unread(&cli->stack) : EXIT_OTHER;
}

int cli_run(int argc, char *const *argv)
{
    struct cli cli = {.cat = strcmp(argv[1], "cat") == 0};
    sort_arguments(&cli, argc, argv);
    struct err err = ERR_INIT;
    struct options o;
    int code;
    errc e = options_parse((int)cli.options.len, cli.options.items, &o, &err);
    if (e) {
        code = usage_error(&err);
    } else if (o.help) {
        fputs(cli_usage, stdout);
        code = EXIT_OK;
    } else if (cli.cat && cli.paths.len == 0) {
        err_set(&err, ERR_INVALID, "what should be read? metaflowfs cat PATH");
        code = usage_error(&err);
    } else {
        if (cli.paths.len == 0)
            strv_add(&cli.paths, "/");
        code = run_stack(&cli, &o);
    }
    stack_free(&cli.stack);
    options_free(&o);
    strv_free(&cli.paths);
    strv_free(&cli.options);
    return code;
}
