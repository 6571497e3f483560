// What the files of the staging area share among themselves; nobody else includes it.
//
// Two kinds of lock. staging.lock guards the key table, the lists of what is not held, the accounts
// and each object's life (holders, made, attached, in_table). staged.lock guards an object's bytes:
// where they are, how many there are and how they ended. The two are never held together. System
// calls on files are made with neither, since a disk may take its time.
//
// An object's life. Made by staging_get, it is in the table (if it has a key) with one holder, and
// attached to its producer. When the producer returns it is made, and detached a moment later,
// after its end was published. It is freed when it has no holder, is not in the table and is not
// attached.
#ifndef S3_STAGING_I_H
#define S3_STAGING_I_H

#include <pthread.h>
#include <sys/types.h>

#include "s3/staging.h"

struct staged {
    struct staging *st;
    char *key; // NULL: not shared
    uint64_t hash;
    bool patient;
    struct cancel cancel; // the producer's

    // staging.lock
    unsigned holders;
    bool made, attached, in_table;
    struct staged *next;      // in the bucket
    struct staged_list *list; // the list it is in while nobody holds it
    struct staged *older, *newer;
    uint64_t memory_charge, file_charge;
    uint64_t held_charge; // of file_charge: what stays, because somebody who waits for it holds it
    uint64_t promised;    // bytes that it was told there is room for, and that are not charged yet
    bool has_file; // counted in staging.files

    // lock; written by the producer alone
    pthread_mutex_t lock;
    pthread_cond_t grown;
    uint8_t *mem; // the bytes while fd is -1
    size_t mem_cap;
    int fd;
    uint64_t len;           // that readers see
    uint64_t wanted;        // the least length that one of them waits for: nobody is woken for less
    bool told; // a reader, that there is some of it
    uint64_t written, hold; // the producer's alone: appended, and how many of the last are not shown yet
    uint64_t taken;         // the producer's alone: bytes of the file that there is room for
    bool right; // the prefix is the whole, and the producer said so
    bool ended; // the same, or error is set
    struct err *error;
    int64_t moved_ms; // when the prefix last grew

    // the producer's
    staging_produce_fn produce;
    void *arg;
    void (*free_arg)(void *arg);
};

// Objects that nobody holds, least recently used first.
struct staged_list {
    struct staged *oldest, *newest;
};

// The directory of staged files.
struct staging_root {
    char *tempdir; // absolute
    pthread_mutex_t lock;
    char *path; // NULL until made; constant afterwards
    int dirfd, lockfd;
    bool gone; // removed for good
};

struct staging {
    struct staging_conf conf;
    bool floor_scales; // the floor is no more than a part of a small file system
    char *cap_option;
    struct staging_root root;

    pthread_mutex_t lock;
    pthread_cond_t idle; // producers became 0
    struct staged **buckets;
    size_t bucket_count, keyed;
    uint8_t hash_key[16];
    struct staged_list memory_list, file_list;
    uint64_t file_bytes, memory_bytes, free_budget;
    uint64_t held_bytes, promised_bytes; // the sums of held_charge and promised
    unsigned files, producers;
    uint64_t objects;
    bool closing; // staging_free was called: nothing is kept for later any more
    bool closed;  // it is done: the last object frees the area
    struct staging_stats stats;
};

// A system call on temporary files failed: `code` with a cause that ends with the system's reason.
errc staging_set_errno(struct err *err, errc code, int sys_errno, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

// staging_root.c
errc staging_root_init(struct staging_root *r, const char *tempdir, struct err *err) ERR_MUST_CHECK;
void staging_root_close(struct staging_root *r);
const char *staging_root_path(struct staging_root *r, struct err *err); // NULL: err has the cause
errc staging_root_file(struct staging_root *r, int *ret_fd, struct err *err) ERR_MUST_CHECK;
// Bytes that an unprivileged process may still write there, and the size of the file system; UINT64_MAX where it
// cannot be told.
uint64_t staging_root_free_bytes(struct staging_root *r, uint64_t *ret_total);

// staging_space.c. Charge an object for what it is about to take, dropping what nobody holds.
bool staging_take_memory(struct staged *s, uint64_t bytes);
errc staging_take_file(struct staged *s, uint64_t bytes, struct err *err) ERR_MUST_CHECK;
errc staging_open_file(struct staged *s, int *ret_fd, struct err *err) ERR_MUST_CHECK;
void staging_give_memory(struct staged *s, uint64_t bytes);
// How many bytes the file system has for staged files in all; UINT64_MAX where `bytes` need no file. Takes the lock,
// and asks the file system without it.
uint64_t staging_room_for(struct staging *st, uint64_t bytes);
// With staging.lock held: whether so many fit beside what is held and promised. `room` is what staging_room_for said;
// *ret_beside tells that they would if others let go.
errc staging_fits(struct staging *st, uint64_t bytes, uint64_t room, bool *ret_beside, struct err *err) ERR_MUST_CHECK;
// With staging.lock held: promises them to a new object, or takes back what is left of the promise.
void staging_promise(struct staged *s, uint64_t bytes);
void staging_unpromise(struct staged *s);
// With staging.lock held: after its holders, its charge or whether it is ahead have changed.
void staging_charge_held(struct staged *s);
void staging_uncharge(struct staged *s); // of everything; with staging.lock held
// With staging.lock held: takes an object out of, or puts it into, the list of its kind.
void staging_list_remove(struct staged *s);
void staging_list_push(struct staged *s);
// With staging.lock held: forgets the oldest object of a list; NULL when the list is empty, or when
// the object's producer is still attached and frees it. Freed by staging_drop without the lock.
struct staged *staging_evict(struct staging *st, struct staged_list *list);
// With staging.lock held: victims beyond the caps on memory and files, chained by next.
struct staged *staging_trim(struct staging *st);
void staging_drop(struct staged *victims);

// staging.c
struct staged *staging_object_new(struct staging *st, const char *key); // with staging.lock held
// True: it was the last of a closed area, which the caller frees.
bool staging_object_free(struct staged *s);
void staging_table_remove(struct staged *s); // with staging.lock held

// staging_bytes.c
void staged_show_all(struct staged *s); // nothing is held back any more
void staged_finish_bytes(struct staged *s, const struct err *error); // NULL: a good end
void staged_shrink(struct staged *s); // gives back memory beyond the bytes
void staged_keep_in_memory(struct staged *s, const void *data, size_t len); // whatever the caps say

#endif
