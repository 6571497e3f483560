// Tells the kernel to ask again for what it remembers. On a thread of its own and with no lock held:
// the kernel may be waiting for one of our replies while it takes the note.
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/inode.h"

struct fuse_session;
struct notify;

struct notify *notify_new(struct inodes *inodes);   // borrowed; NULL when there is no thread to be had
// From here on notes are sent; `expire_only` tells that the kernel can expire a name without dropping
// what is below it (a shell that stands there keeps its directory).
void notify_start(struct notify *n, struct fuse_session *se, bool expire_only);
// Everything at and below a node is to be asked for again. Does not wait.
void notify_below(struct notify *n, uint64_t nodeid);
// The kernel is to drop the bytes that it holds of a file. Does not wait; forgotten where too many are to be told, so
// that who opens the file next must not rely on it.
void notify_bytes(struct notify *n, uint64_t nodeid);
void notify_free(struct notify *n);

#endif
