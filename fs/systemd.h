// What a service manager wants to be told, by sd_notify(3)'s protocol and without its library: a datagram to the socket
// that NOTIFY_SOCKET names. Thread-safe while nobody changes the environment.
#ifndef FS_SYSTEMD_H
#define FS_SYSTEMD_H

// `state`: "READY=1", "STOPPING=1". Does nothing where nobody wants to know, or cannot be told.
void systemd_tell(const char *state);

#endif
