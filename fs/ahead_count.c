// The accounts of the tasks of a step: made ready, asked for then or given up; bytes fetched, and read.
#include "fs/ahead_i.h"

void ahead_count_ready(struct ahead *a, struct stream *s, uint32_t task)
{
    a->stats.tasks += !(s->counted[task] & COUNTED_READY);
    s->counted[task] |= COUNTED_READY;
}

void ahead_count_right(struct ahead *a, struct stream *s, uint32_t task)
{
    a->stats.right += !(s->counted[task] & COUNTED_END);
    s->counted[task] |= COUNTED_END;
}

void ahead_count_wrong(struct ahead *a, struct stream *s, enum ahead_event track)
{
    struct guess *g = &s->guess[track];
    for (size_t i = 0; g->wrong && i < s->roster->names.len; i++) {
        if (g->state[i] == GUESS_DROPPED && !(s->counted[i] & COUNTED_END)) {
            a->stats.wrong++;
            s->counted[i] |= COUNTED_END;
        }
    }
    g->wrong = 0;
}

void ahead_count_fetched(struct ahead *a, struct stream *s, const struct job *j)
{
    uint32_t *unread = &s->bytes[j->task];
    uint8_t state = s->guess[AHEAD_OPENED].state[j->task];
    if (state == GUESS_SEEN || state == GUESS_RENEWED) {
        a->stats.read_bytes += j->bytes; // its reader came meanwhile
    } else if (j->bytes < UINT32_MAX - *unread) {
        *unread += (uint32_t)j->bytes;
        a->stats.unread_bytes += j->bytes;
    }
}

void ahead_count_read(struct ahead *a, struct stream *s, uint32_t task)
{
    a->stats.read_bytes += s->bytes[task];
    a->stats.unread_bytes -= s->bytes[task];
    s->bytes[task] = 0;
}

void ahead_forget_unread(struct ahead *a, struct stream *s)
{
    ahead_rest_drop(a, s);
    for (size_t i = 0; s->roster && i < s->roster->names.len; i++) {
        a->stats.unread_bytes -= s->bytes[i];
        s->bytes[i] = 0;
    }
    for (int i = 0; s->roster && i < TRACKS; i++) {
        guess_drop(&s->guess[i], s->roster);
        ahead_count_wrong(a, s, (enum ahead_event)i);
    }
}
