// How base/child.c begins and ends the process of a program; nobody else includes it.
//
// Where we run in the foreground of a terminal the program runs in our process group, so that it may ask the person
// there, and Ctrl-C ends it with us. Else it has a group of its own: one that reads from a terminal in the background
// would be stopped, and we with it. In both cases the kernel ends it when the thread that began it ends: that one has
// to wait for it.
#ifndef BASE_CHILD_I_H
#define BASE_CHILD_I_H

#include <stdbool.h>
#include <sys/types.h>

struct child_process {
    pid_t pid;           // -1 when there is none (any more)
    bool has_own_group;
};
// Runs argv with /dev/null as its standard input; out and errors, both above 2, are its standard output and error. 0,
// or the errno of what failed.
int child_process_start(struct child_process *p, char *const *argv, int out, int errors);
enum child_state { CHILD_RUNS, CHILD_ENDED, CHILD_WAITS_FOR_TERMINAL };
enum child_state child_process_look(struct child_process *p, int *ret_code); // ret_code: 128 + signal when one ended it
// Kills it, and what it began, and waits for it. Nothing to do when it has ended.
void child_process_kill(struct child_process *p);

#endif
