// The code package of a run, as the client's Run.code finds it and its code.extract() unpacks it
// (metaflow/client/core.py, metaflow/package, metaflow/packaging_sys). Thread-safe; calls may wait and look at `cancel`
// as client/meta.h says.
//
// extract() asks for the members that are the user's, and what it is given differs from layout to layout: of version 1
// (an archive with a member `.mf_install`) all but those whose name begins with `.mf_code`, so that `.mf_install` and
// `.mf_meta/` are there too; of version 0, without that member, the whole archive. So it is here.
#ifndef CLIENT_CODE_H
#define CLIENT_CODE_H

#include "client/code_files.h"
#include "client/content.h"
#include "client/model.h"

// What the metadata says of a package. An immutable snapshot.
struct code_package {
    char *ds_type, *sha, *location;
    char *metadata;     // JSON text: archive_format, mfcontent_version; NULL in records before there was one
    int64_t created_ms; // when it was recorded
};
// The package of a run: that of the first step, newest first, whose newest task has one. ERR_NOT_FOUND when no task has
// one or the run does not exist; ERR_CORRUPT when its record does not tell where it is.
errc client_code(struct client *c, const struct pathspec *run, struct cancel *cancel, const struct code_package **ret,
                 struct err *err) ERR_MUST_CHECK;
void code_package_unref(const struct code_package *p);
void code_package_unrefp(const struct code_package **p);

// Its archive as it is stored: how large, without reading it (one request), and its bytes, checked against its SHA-1.
errc client_code_size(struct client *c, const struct pathspec *run, const struct code_package *p,
                      struct cancel *cancel, uint64_t *ret, struct err *err) ERR_MUST_CHECK;
errc client_code_open(struct client *c, const struct pathspec *run, const struct code_package *p,
                      struct cancel *cancel, struct content **ret, struct err *err) ERR_MUST_CHECK;

// The files in it; reads the archive once, and remembers what is in it as other answers. ERR_CORRUPT where it is no
// archive, ERR_LIMIT where it unpacks to more than is sane (client/code_files.h), ERR_NO_FORM for a format or layout
// that is not known.
errc client_code_files(struct client *c, const struct pathspec *run, const struct code_package *p,
                       struct cancel *cancel, const struct code_files **ret, struct err *err) ERR_MUST_CHECK;
void code_files_unref(const struct code_files *f);
void code_files_unrefp(const struct code_files **f);
// The content of one of them. The first open unpacks all of them into the staging area, in one pass.
errc client_code_open_file(struct client *c, const struct pathspec *run, const struct code_package *p,
                           const struct code_files *files, const struct code_file *file, struct cancel *cancel,
                           struct content **ret, struct err *err) ERR_MUST_CHECK;

#endif
