// `metaflowfs get PATHSPEC DIR`: copies what is in the tree to files, in parallel, with no mount and no FUSE.
//
// What is copied, and under which names, is what `cp -r MOUNT/PATHSPEC DIR` would leave: with DIR there already it is
// DIR/<name>, else DIR becomes the object itself. A DIR that holds a copy of the same object that was begun before is
// gone on with. Files are written under a temporary name and renamed when they are whole.
#ifndef FS_GET_H
#define FS_GET_H

// argv[1] is "get". The result is main's (fs/options.h: enum exit_code). Messages go to stderr.
int get_run(int argc, char *const *argv);

#endif
