// Included files (Metaflow: metaflow/includefile.py): an artifact that describes where the file's
// body is. The body is looked for below the mounted root first, by flow and key; the recorded path
// counts only where it exists, and an s3:// URL that is not below the mounted root is read from its bucket.
#ifndef CLIENT_INCLUDED_H
#define CLIENT_INCLUDED_H

#include "client/artifact.h"

struct included {
    char *url;
    bool gzip; // stored by an uploader; else a file that was there before, as it is
    bool is_text;
};

// Reads the descriptor out of an IncludedFile's pickled value. ERR_CORRUPT where it is none,
// ERR_NO_FORM for a descriptor type that Metaflow does not read either.
errc included_parse(const struct value *root, struct included *ret, struct err *err) ERR_MUST_CHECK;
void included_free(struct included *i); // empties it

// Holds the body, which may still be arriving: for one who reads only so much of it.
errc included_begin(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                    struct staged **ret, struct err *err) ERR_MUST_CHECK;
// Holds the body, which has ended.
errc included_stage(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                    struct staged **ret, struct err *err) ERR_MUST_CHECK;
// The file's own bytes. Waits for them, as its size is known at the end only. A body in S3 is
// ERR_NO_FORM where the mount reads no S3.
errc included_open(const struct artifact_env *env, const struct artifact *a, struct cancel *cancel,
                   struct content **ret, struct err *err) ERR_MUST_CHECK;

#endif
