// Growth of open files that may still grow: looked for when their attributes are asked for, or when
// somebody reads at their end.
#ifndef FS_GROW_H
#define FS_GROW_H

#include "fs/serve.h"

// Whether the attributes of a node must be asked for again because it is open, may grow, and was last
// looked at longer ago than GROWING_TTL_MS. From memory.
bool grow_due(struct serve *s, const struct inode_view *v);
// Where the node is open and may grow: takes its newest content, if it changed. May wait.
errc grow_look(struct serve *s, uint64_t nodeid, const struct tref *node, struct cancel *cancel,
               struct err *err) ERR_MUST_CHECK;

// Whether the newest content of an open file is known not to be all there is: its size holds for no time then.
bool grow_has_more(struct serve *s, const struct inode_view *v);
// Takes the newest content of an open file, when it is more than `from` bytes, whole, or a sign of more came. Fails
// where nothing comes behind `from`.
errc grow_wait(struct serve *s, uint64_t nodeid, const struct tref *node, uint64_t from, struct cancel *cancel,
               struct err *err) ERR_MUST_CHECK;

#endif
