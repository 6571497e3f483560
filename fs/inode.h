// The node table: what the kernel knows of the tree, and what we remember of it. No FUSE in here.
//
// Three numbers name a node, and they are not the same thing:
//
//   nodeid   what the kernel calls a node in every request. It is the node's slot and a generation
//            (slot + 1 in the low 32 bits, generation above), so that a number is never given out
//            twice and a request for a node that was forgotten finds nothing. The root is 1.
//   ino      what programs see as st_ino. It is a keyed 64-bit hash of the parent's ino and the name,
//            so that it is the same on each mount and needs no node to be computed (readdir). Never
//            0 or 1 and never above 2^63-1. When two live names meet, the second takes the next number
//            of its group (the low 8 bits go round), so both sit in one bucket of the hash table.
//   slot     where it is in memory: chunks of slots that are mapped when needed and given back when
//            the last of their nodes is gone. A chunk remembers the highest generation of its slots.
//
// A node lives while the kernel has looked it up (nlookup), while a child does, or while it is open.
// FORGET takes nlookup down. Where a reply that counted could not be sent, the count is taken back.
//
// A node costs 112 bytes and 4 to 8 bytes of hash table: names of up to 42 bytes are in the slot.
// Names that are listed without attributes cost nothing.
//
// Everything is thread-safe: one mutex, held for a few probes and never across a call out of here.
// Answers are copies. Times are clock_mono_ms, given by the caller.
#ifndef FS_INODE_H
#define FS_INODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/kind.h"
#include "fs/tree.h"

#define INODE_ROOT 1u

struct inodes;

struct inodes_conf {
    uint8_t key[16];              // of the ino hash: the same for each mount of a datastore
    const struct tattr *root;     // attributes of the root
    // Tests only: takes the place of the hash, so that numbers meet. NULL for SipHash.
    uint64_t (*hash)(uint64_t parent_ino, const char *name);
};

struct inodes *inodes_new(const struct inodes_conf *conf);
void inodes_free(struct inodes *t);

// What is known of a node.
struct inode_view {
    uint64_t nodeid, ino, parent; // parent: a nodeid
    enum kind kind;
    struct tattr attr;            // ttl_ms: what is left of it
    bool fresh;                   // the attributes hold now
};

// The node of a name, where there is one; with `count` its nlookup goes up by one if it is fresh by
// its time to live.
bool inodes_find(struct inodes *t, uint64_t parent, const char *name, bool count, int64_t now,
                 struct inode_view *ret);
// Enters what a look-up found and counts one. An existing node takes the attributes; one of another
// file type is left to those who hold it and a new one made. False when the parent is gone.
bool inodes_enter(struct inodes *t, uint64_t parent, const char *name, enum kind kind,
                  const struct tattr *attr, int64_t now, struct inode_view *ret);
void inodes_forget(struct inodes *t, uint64_t nodeid, uint64_t n);
bool inodes_get(struct inodes *t, uint64_t nodeid, int64_t now, struct inode_view *ret);
// Takes attributes that were asked for anew. A size that OPEN resolved stays, if the new one is not
// exact and the node is open or its mtime is what it was.
bool inodes_set_attr(struct inodes *t, uint64_t nodeid, const struct tattr *attr, int64_t now,
                     struct inode_view *ret);

// What an open, or growth seen by one, changes.
struct inode_size_change {
    uint64_t old_size;
    bool changed;     // the kernel's idea of the size may be another: tell it
    bool same_bytes;  // the version is the last one's, and not doubted: what the kernel cached of the bytes holds
};
// Counts an open of exactly `size` bytes of `version` (0: a snapshot of its own).
bool inodes_open(struct inodes *t, uint64_t nodeid, uint64_t size, uint64_t version,
                 struct inode_size_change *ret);
void inodes_close(struct inodes *t, uint64_t nodeid);
// Bytes were given of which it is not known that they are right: the next open is not of the same bytes.
void inodes_doubt(struct inodes *t, uint64_t nodeid);
// They were found right, and what was opened last is that version.
void inodes_trust(struct inodes *t, uint64_t nodeid, uint64_t version);
// An open file was seen to have another size.
bool inodes_resize(struct inodes *t, uint64_t nodeid, uint64_t size, struct inode_size_change *ret);

// Makes attributes and name stale: the next request asks the tree.
void inodes_expire(struct inodes *t, uint64_t nodeid);
void inodes_expire_child(struct inodes *t, uint64_t parent, const char *name);

// A file was removed: its node is left to those who hold it, and the name is free.
void inodes_unlink(struct inodes *t, uint64_t parent, const char *name);
// A file was renamed in its directory, over what had the name before: its node goes along, as the kernel's does.
void inodes_rename(struct inodes *t, uint64_t parent, const char *name, const char *to);

// The ino that a name has or would have.
uint64_t inodes_child_ino(struct inodes *t, uint64_t parent_ino, const char *name);
// The same without a table, where no collision is known of: pure.
uint64_t inode_number(const uint8_t key[16], uint64_t parent_ino, const char *name);

#define INODE_DEPTH_MAX 28 // RUN/.code and the 24 names of client/code_files.h below it
struct inode_chain {
    unsigned len;                     // steps below the root
    enum kind kind[INODE_DEPTH_MAX];
    const char *name[INODE_DEPTH_MAX]; // in text
    char text[INODE_DEPTH_MAX * 256];
};
// Kinds and names from the root down to a node.
bool inodes_chain(struct inodes *t, uint64_t nodeid, struct inode_chain *ret);
// "F/R/S", or "?" when the node is gone; with "/name" behind it when name is not NULL. Owned.
char *inodes_path(struct inodes *t, uint64_t nodeid, const char *name);
// Follows names that are in the table; 0 when one is not.
uint64_t inodes_walk_path(struct inodes *t, const char *path);

struct inode_ref {
    uint64_t nodeid, parent;
    char name[256];
};
// Nodes at and below `top`, up to `max` at a time: makes each stale and hands it out. *cursor starts
// at 0; the result is 0 at the end.
size_t inodes_expire_below(struct inodes *t, uint64_t top, uint64_t *cursor, struct inode_ref *out,
                           size_t max);

struct inodes_stats {
    uint64_t nodes, bytes; // bytes: mapped slots, hash table and long names
};
void inodes_stats(struct inodes *t, struct inodes_stats *ret);

#endif
