// Open files that may still grow (logs of a task that runs). All handles of one such file share what
// is known of it: the newest content, and what the tree said when it was taken. Looking for growth is
// done by whoever asks for the attributes or reads past the end, and costs a metadata look at most
// once in GROWING_TTL_MS.
#ifndef FS_LIVE_H
#define FS_LIVE_H

#include "client/content.h"
#include "fs/tree.h"

struct lives;
struct live;

struct lives *lives_new(void);
void lives_free(struct lives *l);

// The file `nodeid`, shared by its handles: an open gives its newest content (one reference taken) and
// the attributes from before it was taken.
struct live *live_open(struct lives *l, uint64_t nodeid, struct content *content, const struct tattr *attr);
void live_close(struct lives *l, struct live *f);
// The file of a node while it is open, held; NULL when it is not.
struct live *live_find(struct lives *l, uint64_t nodeid);
struct content *live_content(struct live *f); // a reference
// Whether growth may be looked for now.
bool live_is_due(struct live *f, int64_t now);
// The same, and takes the turn: the next is GROWING_TTL_MS later.
bool live_due(struct live *f, int64_t now);
// Whether what the tree says now differs from what it said when the content was taken.
bool live_differs(struct live *f, const struct tattr *attr);
void live_replace(struct live *f, struct content *content, const struct tattr *attr);

#endif
