// A simulated enclave without a room (docs/simulation.md): a process of this machine whose root is a folder. As root its services are shut into it
// by chroot; otherwise they run from it by path. PID 1's own sources are linked in, and place.c answers where their files are.
#ifndef CAISSON_PLAIN_H
#define CAISSON_PLAIN_H

#include <stdbool.h>
#include <sys/types.h>

// `root`: the real path of the enclave's root, without a slash at its end.
void caisson_set_place(const char *root, bool is_chroot);
const char *caisson_place_root(void);
bool caisson_is_chroot(void);

// Returns when no process that came of this one is left, or after a bounded time; this process must be their subreaper.
void caisson_end_family(void);

// Under `rootfs/dev` of the working folder: the NSM's socket, and where services are shut in device nodes. 0 or a negated errno, `*object` says where.
int caisson_furnish_plain(const char *nsm, bool is_chroot, const char **object);
// Whether the device at `path` can be used. 0 or a negated errno.
int caisson_try_node(const char *path);
// Gives up, for whatever is started from now on, the rights over the machine that files and users of an image do not take.
int caisson_drop_rights(bool is_chroot);
// In the forked first process: becomes the enclave. Returns its exit code.
int caisson_run_plain(int count, char **words);

// A line on standard output: `room`, `single` (a room of one user), `chroot` or `folder`, and why it is nothing before it. `folder`: where an enclave's would be; NULL: not known yet.
int caisson_probe(const char *folder);

#endif
