// Any bytes as a gzip file, fed in pieces whose size the first byte gives: two ways of cutting the
// input give the same result. The output is bounded, as the staging area's caps bound it.
#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"
#include "client/gunzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (8u * 1024 * 1024)

struct out {
    struct sha1 *sha1;
    size_t len;
};

static errc take(void *arg, const void *data, size_t len, struct err *err)
{
    struct out *out = arg;
    out->len += len;
    if (out->len > OUT_MAX)
        return err_set(err, ERR_NO_SPACE, "enough");
    sha1_add(out->sha1, data, len);
    return ERR_OK;
}

static errc inflate(const uint8_t *data, size_t size, size_t piece, char hex[41])
{
    struct err err = ERR_INIT;
    struct out out = {.sha1 = sha1_new()};
    struct gunzip *g = gunzip_new(take, &out);
    errc e = ERR_OK;
    for (size_t at = 0; at < size && e == ERR_OK; at += piece)
        e = gunzip_feed(g, data + at, size - at < piece ? size - at : piece, &err);
    if (e == ERR_OK)
        e = gunzip_end(g, &err);
    gunzip_free(g);
    sha1_hex(out.sha1, hex);
    sha1_free(out.sha1);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    char whole[41], cut[41];
    errc a = inflate(data + 1, size - 1, size, whole);
    errc b = inflate(data + 1, size - 1, (size_t)data[0] + 1, cut);
    if ((a == ERR_OK) != (b == ERR_OK))
        abort();
    for (int i = 0; a == ERR_OK && i < 41; i++) {
        if (whole[i] != cut[i])
            abort();
    }
    return 0;
}
