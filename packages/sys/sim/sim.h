// The room of a simulated enclave (docs/simulation.md): what its parts share. One static program, no allocation, no threads, no set-uid bit: it does
// what the kernel allows to whoever starts it.
//
// A step returns 0 or a negated errno and puts what it was at into `room->object` before anything that can fail.
#ifndef CAISSON_SIM_H
#define CAISSON_SIM_H

#include <stdbool.h>
#include <sys/types.h>

// Chosen: the users of one enclave, as of a container.
#define CAISSON_SIM_USERS 65536

struct caisson_room {
  // Absolute paths: the fabric's folder, and the socket of the simulated NSM.
  const char *fabric;
  const char *nsm;
  const char *cid;
  // Of the root file system, as tmpfs takes it: bytes.
  const char *size;
  // First user of the range that the enclave's 0 to 65535 become; 0: only the caller's own user.
  unsigned long base;
  // The program after the stage is set, and its words; of a plain one the words of PID 1 alone.
  char **command;
  int count;
  // No room: the folder that the image is unpacked into, and whether services are shut into its root.
  const char *target;
  bool is_chroot;
  // Whoever started this and holds the other end: its end is the enclave's end.
  int control;
  int user_space;
  // Mounts that stand nowhere yet.
  int own_folder;
  int parent_folder;
  int nsm_socket;
  const char *object;
};

// A user namespace with the map of `base`, as a descriptor.
int caisson_make_users(struct caisson_room *room);
// All other namespaces; from then on this process is root of nothing but them.
int caisson_enter(struct caisson_room *room);
// A tmpfs that becomes the enclave's root, as the working folder, in a mount namespace that nobody else sees.
int caisson_raise_stage(struct caisson_room *room);
// Whether the machine's root can be shown as the enclave's there.
int caisson_try_lift(struct caisson_room *room, const char *path);
// What stands in it besides the image: device nodes, the fabric, the NSM.
int caisson_furnish(struct caisson_room *room);
// In process 1: proc and sys of its own, and nothing of the machine's files.
int caisson_close_door(struct caisson_room *room);

#endif
