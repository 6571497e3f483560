// The text of a job file as it counts: white space around it, by JSON's rules, says nothing. Pure.
#ifndef BATCH_JOB_TEXT_H
#define BATCH_JOB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct job_text {
    const char *at; // borrowed
    size_t len;
};
// What is left without the white space around it.
struct job_text job_text_core(const char *text, size_t len);
// The length without the white space at the end.
size_t job_text_end(const char *text, size_t len);
bool job_text_same(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
