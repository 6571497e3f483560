// S3's XML: a page of ListObjectsV2, and error documents (Amazon S3 API Reference: ListObjectsV2, "Response Syntax"
// with encoding-type=url; "REST error responses"). Fed byte by byte over expat. Document types are refused, and depth,
// sizes and numbers are bounded: a document costs at most S3_XML_MAX_BYTES. Only s3/ includes this.
#ifndef S3_S3_XML_H
#define S3_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "s3/s3.h"

#define S3_XML_MAX_BYTES (32u << 20) // of a document
#define S3_XML_MAX_DEPTH 16
#define S3_XML_MAX_TEXT 8192         // of a key, as it is encoded
#define S3_XML_MAX_ENTRIES 20000     // of a page: it was asked for 1,000

struct s3_xml;

enum s3_xml_kind { S3_XML_OTHER, S3_XML_LIST, S3_XML_ERROR };

// Cut where longer; control characters are spaces. "" where the document does not tell.
struct s3_xml_error {
    char code[64], message[256], region[48], endpoint[256], request_id[80], server_time[40], actual_size[24];
};

struct s3_xml *s3_xml_new(void);
void s3_xml_free(struct s3_xml *x);
void s3_xml_freep(struct s3_xml **x); // for auto_cleanup
// ERR_CORRUPT for what is no XML or breaks a limit. After a failure nothing more is put.
errc s3_xml_put(struct s3_xml *x, const void *data, size_t len, struct err *err) ERR_MUST_CHECK;
// After the last byte. ERR_CORRUPT for a document that is cut, or a listing without a key or size of an entry.
errc s3_xml_end(struct s3_xml *x, struct err *err) ERR_MUST_CHECK;

// Of an ended document.
enum s3_xml_kind s3_xml_kind(const struct s3_xml *x);
const struct s3_xml_error *s3_xml_error(const struct s3_xml *x);
size_t s3_xml_count(const struct s3_xml *x);
// In order of the keys' bytes, objects and prefixes among each other; pointers live as long as x.
struct s3_entry s3_xml_entry(const struct s3_xml *x, size_t i);
bool s3_xml_is_truncated(const struct s3_xml *x);
const char *s3_xml_token(const struct s3_xml *x); // NextContinuationToken, or NULL

// The error document in a body; false, and all "", where there is none. What was read before a fault in it counts.
bool s3_xml_error_of(const void *body, size_t len, struct s3_xml_error *ret);

#endif
