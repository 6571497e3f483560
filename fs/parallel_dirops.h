// Lets the kernel look up names of one directory in parallel.
//
// Without FUSE_PARALLEL_DIROPS in the reply to INIT the kernel holds one mutex a directory over LOOKUP
// and READDIR: while one look-up waits, a second one and `ls` of that directory cannot even be killed.
// libfuse before 3.17 never sends the bit, whatever is asked of it (libfuse issue 861), so there the
// session gets a writev of ours that sets the bit in the INIT reply. Later versions do it themselves.
#ifndef FS_PARALLEL_DIROPS_H
#define FS_PARALLEL_DIROPS_H

#include "base/err.h"

struct fuse_session;

// To be called after fuse_session_mount and before the loop; the session's user data is a struct serve.
errc parallel_dirops_enable(struct fuse_session *se, struct err *err) ERR_MUST_CHECK;

#endif
