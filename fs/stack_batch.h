// The part of the stack that .batch needs: jobs and drafts, made when somebody first looks there. Private to
// fs/stack*.c but for what the mount and .metaflowfs/ ask. Thread-safe.
#ifndef FS_STACK_BATCH_H
#define FS_STACK_BATCH_H

#include "fs/batch_source.h"
#include "fs/stack.h"

struct stack_batch;

// Makes nothing yet, asks nobody. Both are borrowed.
struct stack_batch *stack_batch_new(struct stack *s, const struct options *o);
// No file of .batch is open and nobody is in a call any more. No job ends because of it. NULL is fine.
void stack_batch_free(struct stack_batch *b);
struct batch_source *stack_batch_source(struct stack_batch *b);

// For people, a label of `width` columns and a text a line; and counters, through stats_put.
void stack_batch_describe(struct stack_batch *b, int width, struct buf *out); // NULL: there is no .batch
void stack_batch_counters(struct stack_batch *b, struct buf *out);

// fs/batch_settings.c: what jobs take from the configuration. `settings` is how AWS is reached. Pure but for the
// system's name of the user.
void batch_settings_find(const struct config *c, const struct s3_settings *aws, struct batch_settings *ret);
// The text that Python's json.dumps has for a JSON text. Owned by the caller; the text itself where it is none.
char *batch_python_json(const char *json);

// fs/batch_code.c: the code package of a run "Flow/run", as Metaflow's client finds it.
errc batch_code_find(struct client *c, const char *run, struct cancel *cancel, struct job_code *ret, struct err *err)
    ERR_MUST_CHECK;

#endif
