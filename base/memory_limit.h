// How much memory this process may take: the machine's, or less where a cgroup says so, as in a container or a job.
#ifndef BASE_MEMORY_LIMIT_H
#define BASE_MEMORY_LIMIT_H

#include <stdint.h>

// Bytes. `root` is put before /proc and /sys, "" for the real ones. Formats: cgroups(7); memory.max of cgroup v2
// (Linux, admin-guide/cgroup-v2) or memory.limit_in_bytes of v1, in our own cgroup and in those above it. What cannot
// be read limits nothing.
uint64_t memory_limit(const char *root);

#endif
