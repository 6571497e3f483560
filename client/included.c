#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/confine.h"
#include "client/included.h"
#include "client/store_located.h"

#define DESCRIPTOR_MAX (1024 * 1024)
#define URL_MAX 4096
#define READ_PIECE (256 * 1024)

void included_free(struct included *i)
{
    free(i->url);
    i->url = NULL;
}

static bool str_is(const struct value *v, const char *text)
{
    size_t len = strlen(text);
    return v && v->kind == VALUE_STR && v->u.bytes.len == len &&
           memcmp(v->u.bytes.data, text, len) == 0;
}

// Whether the descriptor's type says that an uploader gzipped the body.
static errc find_gzip(const struct value *descriptor, bool *ret_gzip, struct err *err)
{
    const struct value *type = value_dict_get(descriptor, "type");
    if (str_is(type, "uploader-v2"))
        *ret_gzip = str_is(value_dict_get(descriptor, "sub-type"), "uploaded");
    else if (str_is(type, "uploader-v1") || str_is(type, "external"))
        *ret_gzip = str_is(type, "uploader-v1");
    else
        return err_set(err, ERR_NO_FORM,
                       "the included file's descriptor has a type that is not known");
    return ERR_OK;
}

errc included_parse(const struct value *root, struct included *ret, struct err *err)
{
    if (!value_is_call(root, "metaflow.includefile", "IncludedFile") || !root->u.call.state ||
        root->u.call.state->kind != VALUE_DICT)
        return err_set(err, ERR_CORRUPT, "the artifact is no IncludedFile");
    const struct value *descriptor = value_dict_get(root->u.call.state, "_descriptor");
    if (!descriptor || descriptor->kind != VALUE_DICT)
        return err_set(err, ERR_CORRUPT, "the included file has no descriptor");
    const struct value *url = value_dict_get(descriptor, "url");
    if (!url || url->kind != VALUE_STR || !url->u.bytes.len || url->u.bytes.len > URL_MAX ||
        memchr(url->u.bytes.data, 0, url->u.bytes.len))
        return err_set(err, ERR_CORRUPT, "the included file's descriptor has no usable url");
    bool gzip;
    errc e = find_gzip(descriptor, &gzip, err);
    if (e != ERR_OK)
        return e;
    const struct value *is_text = value_dict_get(descriptor, "is_text");
    *ret = (struct included){
        .url = mem_strndup((const char *)url->u.bytes.data, url->u.bytes.len),
        .gzip = gzip,
        .is_text = is_text && is_text->kind == VALUE_BOOL && is_text->u.boolean,
    };
    return ERR_OK;
}

// --- a body outside of the store -----------------------------------------------------------------

static errc path_read(struct store *store, const char *path, uint64_t offset, struct cancel *cancel,
                      struct store_info *ret_info, store_bytes_fn fn, void *arg, struct err *err)
{
    (void)store;
    (void)ret_info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set_errno(err, errno, "%.400s", path);
    struct stat st;
    errc e = ERR_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        e = err_set(err, ERR_INVALID, "%.400s is no regular file", path);
    auto_free char *buf = mem_zalloc(READ_PIECE);
    while (e == ERR_OK && (e = cancel_check(cancel, err)) == ERR_OK) {
        ssize_t n = pread(fd, buf, READ_PIECE, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            e = err_set_errno(err, errno, "%.400s", path);
        if (n <= 0)
            break;
        e = fn(arg, buf, (size_t)n, err);
        offset += (uint64_t)n;
    }
    close(fd);
    return e;
}

static const struct store_ops path_ops = {.read = path_read};
static struct store path_store = {
    .ops = &path_ops, .type = "local", .sysroot = ""}; // never changed

static errc get_path(const struct artifact_env *env, const struct included *i, const char *path,
                     struct staged **ret, struct err *err)
{
    struct stat st;
    if (path[0] != '/' || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return err_set(
            err, ERR_CORRUPT,
            "the body of the included file is neither below the mounted root nor at %.400s", path);
    if (i->gzip)
        return blob_get_file(&path_store, env->staging, path, false, ret, err);
    return blob_get_plain(&path_store, env->staging, path, NULL, ret, err);
}

// --- finding it ----------------------------------------------------------------------------------

// "data/FLOW/KEY", where the body is below a Metaflow root, if the path ends like that; else NULL.
static char *path_in_store(const char *path)
{
    const char *end = path + strlen(path), *at = end;
    for (int slashes = 0; at > path && slashes < 3; at--)
        slashes += at[-1] == '/';
    if (at == path && *at == '/')
        return NULL;
    const char *tail = *at == '/' ? at + 1 : at;
    return strncmp(tail, "data/", 5) == 0 ? mem_strdup(tail) : NULL;
}

static errc get_from(const struct artifact_env *env, const struct included *i, struct store *store, const char *path,
                     struct staged **ret, struct err *err)
{
    return i->gzip ? blob_get_file(store, env->staging, path, false, ret, err)
                   : blob_get_plain(store, env->staging, path, NULL, ret, err);
}

// The path below a root, when the URL is below it; else NULL.
static const char *path_below(const char *url, const char *root)
{
    size_t len = root ? strlen(root) : 0;
    return len && strncmp(url, root, len) == 0 && url[len] == '/' && confine_is_path(url + len + 1) ? url + len + 1
                                                                                                     : NULL;
}

// From the bucket that the URL names, wherever that is.
static errc get_bucket(const struct artifact_env *env, const struct included *i, struct staged **ret, struct err *err)
{
    const char *bucket = i->url + sizeof("s3://") - 1, *slash = strchr(bucket, '/');
    if (!slash || slash == bucket || !confine_is_path(slash + 1))
        return err_set(err, ERR_CORRUPT, "the included file has no usable S3 URL: %.400s", i->url);
    auto_free char *root = mem_strndup(i->url, (size_t)(slash - i->url));
    struct store *store = store_located_at(env->store, root, err);
    if (!store)
        return err_prefix(err, "the body of the included file is at %.300s", i->url);
    return get_from(env, i, store, slash + 1, ret, err);
}

static errc get_body(const struct artifact_env *env, const struct included *i,
                     struct cancel *cancel, struct staged **ret, struct err *err)
{
    bool in_s3 = strncmp(i->url, "s3://", 5) == 0;
    if (!in_s3 && strncmp(i->url, "local://", 8) != 0) {
        int scheme = (int)strcspn(i->url, ":");
        return err_set(err, ERR_NO_FORM,
                       "the included file is at a %.*s URL, which needs that store: %.300s",
                       scheme > 20 ? 20 : scheme, i->url, i->url);
    }
    const char *below = in_s3 ? path_below(i->url, env->store->sysroot) : NULL;
    if (below)
        return get_from(env, i, env->store, below, ret, err);
    const char *path = in_s3 ? i->url : i->url + 8;
    auto_free char *inside = path_in_store(path);
    struct store_info info = {0};
    struct err missing = ERR_INIT;
    errc e = ERR_NOT_FOUND;
    if (inside)
        e = env->store->ops->info(env->store, inside, 0, cancel, &info, &missing);
    if (e == ERR_OK) {
        free(info.attributes);
        return get_from(env, i, env->store, inside, ret, err);
    }
    // A place that cannot be read is no reason not to look where the descriptor says.
    if (e == ERR_NOT_FOUND || e == ERR_NO_FORM)
        return in_s3 ? get_bucket(env, i, ret, err) : get_path(env, i, path, ret, err);
    *err = missing;
    return e;
}

errc included_begin(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                    struct staged **ret, struct err *err)
{
    auto_cleanup(artifact_value_free) struct artifact_value value = {0};
    errc e = artifact_load(env, a, DESCRIPTOR_MAX, cancel, &value, err);
    if (e != ERR_OK)
        return e;
    auto_cleanup(included_free) struct included included = {0};
    e = included_parse(pickle_root(value.pickle), &included, err);
    return e == ERR_OK ? get_body(env, &included, cancel, ret, err) : e;
}

errc included_stage(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                    struct staged **ret, struct err *err)
{
    auto_cleanup(staged_unrefp) struct staged *staged = NULL;
    errc e = included_begin(env, a, cancel, &staged, err);
    uint64_t avail;
    bool ended;
    if (e == ERR_OK)
        e = staged_wait(staged, UINT64_MAX, cancel, &avail, &ended, err);
    if (e == ERR_OK)
        *ret = steal_ptr(&staged);
    return e;
}

errc included_open(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                   struct content **ret, struct err *err)
{
    struct staged *staged;
    errc e = included_stage(env, a, cancel, &staged, err);
    if (e == ERR_OK)
        *ret = content_of(staged, 0, UINT64_MAX);
    return e;
}
