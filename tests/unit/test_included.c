#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "client/included.h"
#include "client/store_located.h"
#include "gzip.h"
#include "store_bench.h"

static int setup(void **state)
{
    return store_bench_setup(state, "root", 0);
}

// --- descriptors ---------------------------------------------------------------------------------

static void put_str(struct buf *b, const char *s)
{
    size_t n = strlen(s);
    buf_putc(b, 'X');
    gzip_put_le(b, (uint32_t)n, 4);
    buf_put(b, s, n);
}

// An IncludedFile whose descriptor has these strings and is_text False.
static void pickle_included(struct buf *b, const char *type, const char *subtype, const char *url)
{
    buf_put(b, "\x80\x04", 2);
    put_str(b, "metaflow.includefile");
    put_str(b, "IncludedFile");
    buf_put(b, "\x93)\x81}(", 5);
    put_str(b, "_descriptor");
    buf_put(b, "}(", 2);
    put_str(b, "type");
    put_str(b, type);
    if (subtype) {
        put_str(b, "sub-type");
        put_str(b, subtype);
    }
    put_str(b, "url");
    put_str(b, url);
    put_str(b, "is_text");
    buf_put(b, "\x89u", 2);
    put_str(b, "_cached_size");
    buf_put(b, "Nub.", 4);
}

static errc open_included(const char *type, const char *subtype, const char *url, bool json,
                          struct content **ret, struct err *err)
{
    auto_cleanup(buf_free) struct buf pickle = {0}, gz = {0};
    pickle_included(&pickle, type, subtype, url);
    char sha[41], class[] = "<class 'metaflow.includefile.IncludedFile'>";
    sha1_hex_of(pickle.data, pickle.len, sha);
    gzip_member(&gz, pickle.data, pickle.len);
    auto_free char *path = mem_printf("root/F/data/%.2s/%s", sha, sha);
    tempdir_put(path, gz.data, gz.len);
    struct artifact a = {.name = class, .sha = sha, .type = class, .size = (int64_t)pickle.len};
    struct artifact_env env = {.store = store, .staging = staging, .flow = "F"};
    return json ? artifact_open_json(&env, &a, NULL, ret, err)
                : artifact_open_natural(&env, &a, NULL, ret, err);
}

static void expect(const char *type, const char *subtype, const char *url, bool json,
                   const char *want)
{
    auto_cleanup(content_unrefp) struct content *c = NULL;
    struct err err = ERR_INIT;
    if (open_included(type, subtype, url, json, &c, &err))
        fail_msg("%s: %s", url, err.cause);
    auto_cleanup(buf_free) struct buf buf = {0};
    assert_int_equal(content_read_all(c, NULL, &buf, &err), ERR_OK);
    assert_string_equal(buf.data ? buf.data : "", want);
}

static void expect_error(const char *type, const char *subtype, const char *url, errc code,
                         const char *cause)
{
    struct content *c;
    struct err err = ERR_INIT;
    assert_int_equal(open_included(type, subtype, url, false, &c, &err), code);
    if (!strstr(err.cause, cause))
        fail_msg("\"%s\" does not say %s", err.cause, cause);
}

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void put_gzip(const char *path, const char *text)
{
    auto_cleanup(buf_free) struct buf gz = {0};
    gzip_member(&gz, text, strlen(text));
    tempdir_put(path, gz.data, gz.len);
}

static void body_below_the_root(void **state)
{
    (void)state;
    put_gzip("root/data/F/" KEY,
             "windows\r\ntext\r\n"); // the file's own bytes, whatever is_text says
    const char *moved = "local:///from/another/machine/.metaflow/data/F/" KEY;
    expect("uploader-v2", "uploaded", moved, false, "windows\r\ntext\r\n");
    expect("uploader-v1", NULL, moved, false, "windows\r\ntext\r\n");
    expect("uploader-v2", "uploaded", moved, true, "\"windows\\r\\ntext\\r\\n\"\n");
    tempdir_put("root/data/F/as-it-was", "plain", 5);
    expect("external", NULL, "local:///x/data/F/as-it-was", false, "plain");
    put_gzip("root/data/F/bb" KEY, "\xff\xfe");
    expect("uploader-v2", "uploaded", "local:///x/.metaflow/data/F/bb" KEY, true,
           "{\n  \"__bytes__\": \"//4=\"\n}\n");
}

static void body_at_the_recorded_path(void **state)
{
    (void)state;
    put_gzip("elsewhere/data/F/cc", "packed");
    tempdir_put("elsewhere/plain.txt", "plain", 5);
    auto_free char *packed = mem_printf("local://%s/elsewhere/data/F/cc", tempdir);
    auto_free char *plain = mem_printf("local://%s/elsewhere/plain.txt", tempdir);
    expect("uploader-v2", "uploaded", packed, false, "packed");
    expect("uploader-v2", "external", plain, false, "plain");
    expect("external", NULL, plain, false, "plain");
    expect_error("uploader-v2", "uploaded", plain, ERR_CORRUPT, "gzip");
    auto_free char *folder = mem_printf("local://%s/elsewhere", tempdir);
    expect_error("external", NULL, folder, ERR_CORRUPT, "neither below the mounted root nor at");
    expect_error("external", NULL, "local:///dev/zero", ERR_CORRUPT, "/dev/zero");
    expect_error("external", NULL, "local://relative/path", ERR_CORRUPT, "relative/path");
    expect_error("uploader-v2", "uploaded", "local:///gone/data/F/dd", ERR_CORRUPT,
                 "/gone/data/F/dd");
    expect_error("uploader-v2", "uploaded", "local:///gone/data/../x", ERR_CORRUPT, "/gone/data");
}

static void what_cannot_be_read(void **state)
{
    (void)state;
    expect_error("uploader-v2", "uploaded", "s3://bucket/data/F/none", ERR_NO_FORM, "s3://bucket");
    expect_error("uploader-v2", "uploaded", "gs://bucket/data/F/" KEY, ERR_NO_FORM, "gs URL");
    expect_error("uploader-v9", "uploaded", "local:///x", ERR_NO_FORM, "type");
    expect_error("uploader-v2", "uploaded", "", ERR_CORRUPT, "url");
}

// --- bodies in S3 ----------------------------------------------------------------------------------

// Stands in for S3: s3://NAME is the directory NAME of the temporary one.
static errc open_bucket(void *arg, const char *sysroot, struct store **ret, struct err *err)
{
    (void)arg;
    auto_free char *dir = mem_printf("%s/%s", tempdir, sysroot + 5);
    return store_local_new(dir, ret, err);
}

static void body_in_s3(void **state)
{
    (void)state;
    struct store *local = store;
    struct err err = ERR_INIT;
    auto_free char *root = mem_printf("%s/root", tempdir);
    put_gzip("bucket/deep/data/F/ee", "in its bucket");
    tempdir_put("bucket/any where/a+b%.csv", "as it was", 9);
    put_gzip("root/data/F/ff" KEY, "below the mounted root");
    tempdir_put("root/inputs/plain.txt", "below it too", 12);
    struct store *mounted;
    assert_int_equal(store_local_new(root, &mounted, &err), ERR_OK);
    mounted->sysroot = "s3://mine/root";
    store = store_located_new(mounted, open_bucket, NULL);
    expect("uploader-v2", "uploaded", "s3://bucket/deep/data/F/ee", false, "in its bucket");
    expect("external", NULL, "s3://bucket/any where/a+b%.csv", false, "as it was");
    expect("uploader-v1", NULL, "s3://mine/root/data/F/ff" KEY, false, "below the mounted root");
    expect("external", NULL, "s3://mine/root/inputs/plain.txt", false, "below it too");
    expect("uploader-v2", "uploaded", "s3://former/place/data/F/ff" KEY, false, "below the mounted root");
    expect_error("external", NULL, "s3://bucket/none", ERR_CORRUPT, "none");
    expect_error("external", NULL, "s3://nobody/none", ERR_NOT_FOUND, "s3://nobody/none");
    static const char *const bad[] = {"s3://", "s3://bucket", "s3://bucket/", "s3:///x", "s3://bucket/../x",
                                      "s3://mine/root/../x", "s3://bucket/a//b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_error("external", NULL, bad[i], ERR_CORRUPT, bad[i]);
    store->ops->free(store);
    store = local;
}

static void values_that_are_no_included_file(void **state)
{
    (void)state;
    static const char *const pickles[] = {
        "N.",
        "}.",
        "cmetaflow.includefile\nIncludedFile\n.",
        "cmetaflow.includefile\nIncludedFile\n)\x81.",
        "cmetaflow.includefile\nIncludedFile\n)\x81}b.",
        "cmetaflow.includefile\nIncludedFile\n)\x81(Vx\nNtb.",
        "cmetaflow.includefile\nIncludedFile\n)\x81}V_descriptor\nNsb.",
        "cother\nIncludedFile\n)\x81}b.",
    };
    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
        auto_cleanup(pickle_freep) struct pickle *p = NULL;
        struct err err = ERR_INIT;
        struct included included = {0};
        assert_int_equal(pickle_read((const uint8_t *)pickles[i], strlen(pickles[i]),
                                     &(struct pickle_limits){0}, NULL, &p, &err),
                         ERR_OK);
        assert_int_equal(included_parse(pickle_root(p), &included, &err), ERR_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_below_the_root),
        cmocka_unit_test(body_at_the_recorded_path),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(body_in_s3),
        cmocka_unit_test(values_that_are_no_included_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
