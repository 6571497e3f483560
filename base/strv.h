// An owned list of strings.
#ifndef BASE_STRV_H
#define BASE_STRV_H

#include <stdbool.h>
#include <stddef.h>

struct strv {
    char **items; // each owned
    size_t len, cap;
};

void strv_add(struct strv *v, const char *s);        // copies s
void strv_take(struct strv *v, char *s);             // takes s
bool strv_has(const struct strv *v, const char *s);
void strv_remove(struct strv *v, const char *s);     // every equal item; s is none of them
void strv_sort(struct strv *v);                      // by bytes
void strv_copy(struct strv *to, const struct strv *from); // appends
void strv_free(struct strv *v);                      // empties it

#endif
