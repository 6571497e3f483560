#include "fs/mount_helper.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "fs/mount.h"

#define MOUNT_USAGE 1 // mount(8), EXIT STATUS
#define MOUNT_FAILED 32

struct helper {
    char *source, *mountpoint; // absolute where they are paths
    struct buf options;        // what goes on to metaflowfs -o
    struct strv env;           // of env.NAME=VALUE: names and values in turn
    char *user;                // setuid= or user=, or NULL
    bool sloppy, fake, verbose;
};

bool mount_helper_is(const char *argv0)
{
    const char *slash = argv0 != NULL ? strrchr(argv0, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : argv0;
    return name != NULL && strncmp(name, "mount.", 6) == 0;
}

// --- options ------------------------------------------------------------------------------------------

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static errc take_env(struct helper *h, const char *item, struct err *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = strspn(item, letters);
    if (len == 0 || item[len] != '=') {
        return err_set(err, ERR_INVALID, "option env.%s: it takes env.NAME=VALUE", item);
    }
    strv_take(&h->env, mem_strndup(item, len));
    strv_add(&h->env, item + len + 1);
    return ERR_OK;
}

static bool is_known(const char *item)
{
    return option_find(item, strcspn(item, "=")) != NULL || option_is_ignored(item) || option_is_mount_flag(item);
}

// One option of the list: `raw` as it was given, `item` without its backslashes.
static errc take_item(struct helper *h, const char *raw, const char *item, struct err *err)
{
    bool root = geteuid() == 0;
    if (strcmp(item, "remount") == 0) {
        return err_set(err, ERR_INVALID, "option remount: a mount of metaflowfs keeps its options; unmount it, and "
                                         "mount it again");
    }
    if (begins(item, "env.")) {
        return take_env(h, item + 4, err);
    }
    if (begins(item, "setuid=") || (begins(item, "user=") && root)) {
        free(h->user);
        h->user = mem_strdup(strchr(item, '=') + 1);
        return ERR_OK;
    }
    if (!h->sloppy || is_known(item)) {
        buf_printf(&h->options, "%s%s", h->options.len > 0 ? "," : "", raw);
    }
    return ERR_OK;
}

static errc take_list(struct helper *h, const char *list, struct err *err)
{
    auto_cleanup(buf_free) struct buf raw = {0}, item = {0};
    for (const char *p = list;; p++) {
        if (*p == ',' || *p == '\0') {
            errc e = item.len > 0 ? take_item(h, raw.data, item.data, err) : ERR_OK;
            if (e || *p == '\0') {
                return e;
            }
            buf_free(&raw);
            buf_free(&item);
            continue;
        }
        if (*p == '\\' && p[1] != '\0') {
            buf_putc(&raw, *p++);
        }
        buf_putc(&raw, *p);
        buf_putc(&item, *p);
    }
}

// --- arguments ----------------------------------------------------------------------------------------

// As it is from everywhere: what is no path of a file stays.
static char *absolute(const char *path)
{
    char *real = realpath(path, NULL);
    if (real != NULL || path[0] == '/') {
        return real != NULL ? real : mem_strdup(path);
    }
    auto_free char *cwd = getcwd(NULL, 0);
    return cwd != NULL ? file_join(cwd, path) : mem_strdup(path);
}

static bool is_path(const char *source)
{
    return strchr(source, '/') != NULL && strstr(source, "://") == NULL;
}

static errc take_path(struct helper *h, const char *text, struct err *err)
{
    if (h->source == NULL) {
        h->source = is_path(text) ? absolute(text) : mem_strdup(text);
    } else if (h->mountpoint == NULL) {
        h->mountpoint = absolute(text);
    } else {
        return err_set(err, ERR_INVALID, "\"%s\" is one argument too many", text);
    }
    return ERR_OK;
}

static errc take_letter(struct helper *h, char letter, const char *value, struct err *err)
{
    switch (letter) {
    case 's':
        h->sloppy = true;
        return ERR_OK;
    case 'f':
        h->fake = true;
        return ERR_OK;
    case 'v':
        h->verbose = true;
        return ERR_OK;
    case 'n': // mtab is the kernel's
    case 't': // there is one type
    case 'N': // mount(8) is in that namespace already
    case 'o': // taken when all letters are known
        return value != NULL || letter == 'n'
                   ? ERR_OK
                   : err_set(err, ERR_INVALID, "option -%c needs a value", letter);
    default:
        return err_set(err, ERR_INVALID, "unknown option -%c", letter);
    }
}

// Goes through the arguments; in the second round the lists of -o, since -s may stand behind them.
static errc take_arguments(struct helper *h, int argc, char *const *argv, bool lists, struct err *err)
{
    errc e = ERR_OK;
    for (int i = 1; !e && i < argc; i++) {
        const char *text = argv[i];
        if (text[0] != '-' || text[1] == '\0') {
            e = lists ? ERR_OK : take_path(h, text, err);
            continue;
        }
        for (const char *p = text + 1; !e && *p != '\0'; p++) {
            bool valued = strchr("otN", *p) != NULL;
            const char *value = !valued ? NULL : p[1] != '\0' ? p + 1 : i + 1 < argc ? argv[++i] : NULL;
            if (!lists) {
                e = take_letter(h, *p, value, err);
            } else if (*p == 'o') {
                e = take_list(h, value, err);
            }
            if (valued) {
                break;
            }
        }
    }
    return e;
}

// --- who mounts ---------------------------------------------------------------------------------------

static const struct passwd *find_user(const char *user)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(user, &end, 10);
    bool is_number = user[0] >= '0' && user[0] <= '9' && *end == '\0' && errno == 0 && number < (uid_t)-1;
    const struct passwd *found = getpwnam(user); // NOLINT(concurrency-mt-unsafe): before any thread
    return found == NULL && is_number ? getpwuid((uid_t)number) : found; // NOLINT(concurrency-mt-unsafe)
}

// What root's environment says of root: credentials and places that are not for somebody else.
static void forget_own(void)
{
    static const char *const prefixes[] = {"AWS_", "METAFLOW_", "XDG_", NULL};
    auto_cleanup(strv_free) struct strv names = {0};
    for (char **v = environ; *v != NULL; v++) {
        for (const char *const *prefix = prefixes; *prefix != NULL; prefix++) {
            if (begins(*v, *prefix)) {
                strv_take(&names, mem_strndup(*v, strcspn(*v, "=")));
            }
        }
    }
    for (size_t i = 0; i < names.len; i++) {
        unsetenv(names.items[i]); // NOLINT(concurrency-mt-unsafe): before any thread
    }
}

// At a system's start there is no environment to speak of.
static void make_env(const struct helper *h, const struct passwd *pw, bool another)
{
    if (another) {
        forget_own();
    }
    // NOLINTBEGIN(concurrency-mt-unsafe): before any thread
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0); // for credential_process
    if (pw != NULL) {
        setenv("HOME", pw->pw_dir, another);
        setenv("USER", pw->pw_name, another);
        setenv("LOGNAME", pw->pw_name, another);
    }
    for (size_t i = 0; i + 1 < h->env.len; i += 2) {
        setenv(h->env.items[i], h->env.items[i + 1], 1);
    }
    // NOLINTEND(concurrency-mt-unsafe)
}

static errc become(const struct passwd *pw, struct err *err)
{
    if (initgroups(pw->pw_name, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0) {
        return err_set_errno(err, errno, "cannot become user %s", pw->pw_name);
    }
    return ERR_OK;
}

static errc use_user(const struct helper *h, struct err *err)
{
    const struct passwd *pw = h->user != NULL ? find_user(h->user) : getpwuid(geteuid());
    if (h->user != NULL && pw == NULL) {
        return err_set(err, ERR_INVALID, "there is no user \"%s\": setuid= takes the name or number of one", h->user);
    }
    const char *home = pw != NULL ? pw->pw_dir : "/"; // a number may have no account
    const char *name = pw != NULL ? pw->pw_name : "a user without a name";
    bool another = pw != NULL && pw->pw_uid != geteuid();
    if (another && geteuid() != 0) {
        return err_set(err, ERR_NOT_PERMITTED, "only root can mount as %s (setuid=)", name);
    }
    if (h->verbose) {
        fprintf(stderr, "metaflowfs: %s on %s, by %s\n", h->source, h->mountpoint, name);
    }
    if (h->fake) {
        return ERR_OK;
    }
    errc e = another ? become(pw, err) : ERR_OK;
    if (!e) {
        make_env(h, pw, another);
        if (chdir(home) != 0 && chdir("/") != 0) {
            e = err_set_errno(err, errno, "cannot go to %s", home);
        }
    }
    return e;
}

// --- all of it ----------------------------------------------------------------------------------------

static errc prepare(struct helper *h, int argc, char *const *argv, struct options *o, struct err *err)
{
    errc e = take_arguments(h, argc, argv, false, err);
    if (!e && h->mountpoint == NULL) {
        e = err_set(err, ERR_INVALID, "it takes SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS]");
    }
    if (!e) {
        e = take_arguments(h, argc, argv, true, err);
    }
    if (e) {
        return e;
    }
    char program[] = "metaflowfs", list[] = "-o", end[] = "--";
    char *own[] = {program, list, h->options.data != NULL ? h->options.data : program + sizeof(program) - 1,
                   end, h->source, h->mountpoint, NULL};
    return options_parse(6, own, o, err);
}

int mount_helper_run(int argc, char *const *argv)
{
    struct helper h = {0};
    struct options o = {0};
    struct err err = ERR_INIT;
    int code = MOUNT_USAGE;
    errc e = prepare(&h, argc, argv, &o, &err);
    if (!e) {
        code = MOUNT_FAILED;
        e = use_user(&h, &err);
    }
    if (e) {
        fprintf(stderr, "mount.metaflowfs: %s\n", err.cause);
    } else if (h.fake || mount_run(&o) == EXIT_OK) {
        code = 0;
    }
    options_free(&o);
    buf_free(&h.options);
    free(h.source);
    free(h.mountpoint);
    free(h.user);
    strv_free(&h.env);
    return code;
}
