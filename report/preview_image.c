// Images: bytes that are one already, and arrays that look like one, as PNG without compression (RFC 2083, RFC 1950).
#include <string.h>

#include "base/mem.h"
#include "report/preview_i.h"

enum { MIN_SIDE = 8, MAX_SIDE = 1024, MAX_PIXELS = 256 * 1024 };

const char *image_type(const uint8_t *s, size_t len)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (len > 24 && !memcmp(s, png, sizeof png) && !memcmp(s + 12, "IHDR", 4))
        return "image/png";
    if (len > 10 && s[0] == 0xff && s[1] == 0xd8 && s[2] == 0xff)
        return "image/jpeg";
    if (len > 10 && (!memcmp(s, "GIF87a", 6) || !memcmp(s, "GIF89a", 6)))
        return "image/gif";
    if (len > 16 && !memcmp(s, "RIFF", 4) && !memcmp(s + 8, "WEBP", 4))
        return "image/webp";
    return NULL;
}

static void put_base64(struct buf *out, const uint8_t *s, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = buf_reserve(out, (len + 2) / 3 * 4 + 1);
    if (!to)
        return;
    for (; len; s += 3) {
        size_t n = len < 3 ? len : 3;
        uint32_t bits = (uint32_t)s[0] << 16 | (n > 1 ? (uint32_t)s[1] << 8 : 0) | (n > 2 ? s[2] : 0u);
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = n > 1 ? digits[bits >> 6 & 63] : '=';
        *to++ = n > 2 ? digits[bits & 63] : '=';
        out->len += 4;
        len -= n;
    }
    *to = '\0';
}

void preview_image(struct preview *p, const char *type, bool pixels, const uint8_t *s, size_t len)
{
    if (len > PREVIEW_MAX_IMAGE) {
        preview_note(p->out, "An image (%s) of %zu bytes: images of more than 1 MiB are not shown here.", type, len);
        return;
    }
    if (len > p->budget->images) {
        preview_note(p->out, "An image (%s) of %zu bytes: the page has its 4 MiB of images already.", type, len);
        return;
    }
    p->budget->images -= len;
    if (!pixels) {
        buf_printf(p->out, "<p class=\"note\">%s, ", type);
        put_size(p->out, len);
        buf_puts(p->out, "</p>\n");
    }
    buf_printf(p->out, "<img alt=\"%s\"%s src=\"data:%s;base64,", type, pixels ? " class=\"pixels\"" : "", type);
    put_base64(p->out, s, len);
    buf_puts(p->out, "\">\n");
}

// --- arrays --------------------------------------------------------------------------------------

bool array_is_picture(const struct npy_array *a)
{
    if (a->objects || a->type->kind != 'u' || a->type->itemsize != 1 || a->ndim < 2 || a->ndim > 3)
        return false;
    if (a->ndim == 3 && a->shape[2] != 3 && a->shape[2] != 4)
        return false;
    return a->shape[0] >= MIN_SIDE && a->shape[1] >= MIN_SIDE && a->shape[0] <= MAX_SIDE && a->shape[1] <= MAX_SIDE &&
           a->shape[0] * a->shape[1] <= MAX_PIXELS;
}

static void put_be32(struct buf *out, uint32_t v)
{
    const uint8_t bytes[] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_put(out, bytes, sizeof bytes);
}

static uint32_t crc32_of(const uint8_t *s, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= s[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static uint32_t adler32_of(const uint8_t *s, size_t len)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < len; i++) {
        a = (a + s[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void put_chunk(struct buf *out, const char *type, const uint8_t *s, size_t len)
{
    put_be32(out, (uint32_t)len);
    size_t begin = out->len;
    buf_put(out, type, 4);
    buf_put(out, s, len);
    if (!out->over)
        put_be32(out, crc32_of((const uint8_t *)out->data + begin, len + 4));
}

// The rows from top to bottom, each behind its filter's number.
static void put_rows(struct buf *out, const struct npy_array *a, size_t channels)
{
    size_t height = a->shape[0], width = a->shape[1];
    for (size_t y = 0; y < height; y++) {
        buf_putc(out, 0);
        uint8_t *to = (uint8_t *)buf_reserve(out, width * channels);
        if (!to)
            return;
        for (size_t i = 0; i < width * channels; i++) {
            size_t x = i / channels, c = i % channels;
            to[i] = a->data[a->fortran ? (c * width + x) * height + y : (y * width + x) * channels + c];
        }
        out->len += width * channels;
    }
}

// A zlib stream of stored blocks.
static void put_stored(struct buf *out, const uint8_t *s, size_t len)
{
    buf_put(out, "\x78\x01", 2);
    for (size_t at = 0; at < len;) {
        size_t n = len - at < 65535 ? len - at : 65535;
        const uint8_t head[] = {at + n == len, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
        buf_put(out, head, sizeof head);
        buf_put(out, s + at, n);
        at += n;
    }
    put_be32(out, adler32_of(s, len));
}

void preview_picture(struct preview *p, const struct npy_array *a)
{
    size_t channels = a->ndim == 3 ? a->shape[2] : 1;
    auto_cleanup(buf_free) struct buf rows = {0};
    auto_cleanup(buf_free) struct buf stream = {0};
    auto_cleanup(buf_free) struct buf head = {0};
    auto_cleanup(buf_free) struct buf png = {0};
    put_rows(&rows, a, channels);
    if (rows.over)
        return;
    put_stored(&stream, (const uint8_t *)rows.data, rows.len);
    put_be32(&head, (uint32_t)a->shape[1]);
    put_be32(&head, (uint32_t)a->shape[0]);
    const uint8_t rest[] = {8, channels == 1 ? 0 : channels == 3 ? 2 : 6, 0, 0, 0};
    buf_put(&head, rest, sizeof rest);
    buf_put(&png, "\x89PNG\r\n\x1a\n", 8);
    if (stream.over || head.over)
        return;
    put_chunk(&png, "IHDR", (const uint8_t *)head.data, head.len);
    put_chunk(&png, "IDAT", (const uint8_t *)stream.data, stream.len);
    put_chunk(&png, "IEND", (const uint8_t *)"", 0);
    if (!png.over)
        preview_image(p, "image/png", true, (const uint8_t *)png.data, png.len);
}
