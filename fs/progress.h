// The text of a copy's progress, and of its end. Pure: no clock, no terminal, no state.
#ifndef FS_PROGRESS_H
#define FS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_WIDTH_MAX 240

struct progress {
    uint64_t bytes, bytes_known; // arrived; of all that the walk found so far
    uint64_t files, files_known; // ended; found
    bool walked;                 // everything was found: the known sums are the whole
    uint64_t rate;               // bytes a second, of the last seconds
};
// One line that fits into `width` columns, its last one left free: no newline, no escapes. What does not fit is left
// out, the bar first, the percentage last. `out` has room for PROGRESS_WIDTH_MAX + 1 bytes; the length is returned.
size_t progress_line(const struct progress *p, unsigned width, char *out);

struct progress_end {
    uint64_t files, bytes, there, links; // copied; were there already; left out, being links
    int64_t ms;
};
// "142 files, 3.2 GiB in 4.1 s (812 MB/s), 12 were there already"
void progress_end_text(const struct progress_end *end, char *out, size_t size);

#endif
