// Whether a signal ends what a caller waits for.
//
// The kernel tells of every signal that reaches a program in a call to the mount, and does not say which: Ctrl-C, but
// also that a child ended (CHLD), that the terminal got another size (WINCH) or that a clock rang (ALRM). A read that
// is interrupted is tried again, or was not worth much; a save that is interrupted is a job that does not run. So a
// save looks at what is pending for its caller in /proc.
//
// The kernel tells once a request. After a signal that ended nothing the next one has to be looked for.
#ifndef FS_CALLER_H
#define FS_CALLER_H

#include <stdbool.h>
#include <stddef.h>

// Whether a signal waits for the thread that ends what it does: INT, QUIT, TERM, HUP or KILL, or another one that is
// not caught and kills. True, too, where nobody can tell: no such thread (0: it is in another namespace), or its
// status may not be read.
bool caller_is_leaving(int thread);
// The same by the text of /proc/PID/status.
bool caller_status_is_leaving(const char *status);

#endif
