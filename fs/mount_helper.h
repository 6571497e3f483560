// mount.metaflowfs: what mount(8) runs for the types metaflowfs and fuse.metaflowfs, and so for lines of fstab, mount
// units of systemd and autofs. It is metaflowfs itself, called by that name.
//
//   mount.metaflowfs SOURCE MOUNTPOINT [-sfnv] [-N NAMESPACE] [-t TYPE] [-o OPTIONS]
//
// SOURCE is a datastore (a directory, or s3://BUCKET/PREFIX), or "metaflow" or "none" for the one that is configured.
// OPTIONS are those of `metaflowfs -o`, and of this program alone:
//   setuid=USER       root mounts as this user, whose name or number it is: with its groups, home directory and files
//   user=USER         the same when root mounts; mount(8) adds it when a user does, and then it says nothing
//   env.NAME=VALUE    a variable of the environment, such as env.METAFLOW_PROFILE=prod
// It starts from the home directory of whoever mounts, as fstab has no other, and returns when the root can be listed.
#ifndef FS_MOUNT_HELPER_H
#define FS_MOUNT_HELPER_H

#include <stdbool.h>

// Whether the program was called as a helper of mount(8): by a name that begins with "mount.".
bool mount_helper_is(const char *argv0);
// The result is main's, as mount(8) has it: 0, 1 for wrong usage, 32 when it could not be mounted.
int mount_helper_run(int argc, char *const *argv);

#endif
