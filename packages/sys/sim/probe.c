// Which kind of simulation this machine gives, asked of the kernel itself by the very steps that a start takes: the settings that forbid one are
// too many to know. Each is taken by a process of its own, which leaves nothing.
#include "plain.h"
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Chosen: any range but the machine's own users.
enum { strangers = 524288 };

static int try_room(struct caisson_room *room, const char *folder) {
  int error = caisson_make_users(room);
  room->object = "mount namespace";
  if (error == 0 && room->base != 0 && unshare(CLONE_NEWNS) < 0) return -errno;
  if (error == 0 && room->base != 0 && folder != NULL) error = caisson_try_lift(room, folder);
  if (error == 0) error = caisson_enter(room);
  return error == 0 && room->base == 0 && folder != NULL ? caisson_try_lift(room, folder) : error;
}

static bool has_rights(void) {
  static const int needed[] = {CAP_SYS_CHROOT, CAP_MKNOD, CAP_CHOWN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP};
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct rights[2];
  if (geteuid() != 0 || syscall(SYS_capget, &head, rights) < 0) return false;
  // Of a user namespace they are rights over its own, and no device is.
  unsigned long inside, outside, count;
  FILE *map = fopen("/proc/self/uid_map", "re");
  int read = map == NULL ? 0 : fscanf(map, "%lu %lu %lu", &inside, &outside, &count);
  if (map != NULL) fclose(map);
  if (read != 3 || outside != 0 || count != UINT32_MAX) return false;
  for (size_t at = 0; at < sizeof needed / sizeof *needed; at += 1) {
    if ((rights[needed[at] / 32].effective & 1u << needed[at] % 32) == 0) return false;
  }
  return true;
}

static bool may_make_nodes(const char *folder) {
  char path[512];
  if (folder == NULL) return true;
  snprintf(path, sizeof path, "%s/.caisson-%d-null", folder, (int)getpid());
  bool may = mknod(path, S_IFCHR | 0600, makedev(1, 3)) == 0 && caisson_try_node(path) == 0;
  unlink(path);
  return may;
}

static bool gives_room(unsigned long base, const char *folder, char *why, size_t size) {
  int told[2], status = 1;
  *why = '\0';
  if (pipe2(told, O_CLOEXEC) < 0) return false;
  pid_t child = fork();
  if (child == 0) {
    struct caisson_room room = {.object = "", .base = base};
    int error = try_room(&room, folder);
    dprintf(told[1], "%s: %s", room.object, strerror(-error));
    _exit(error == 0 ? 0 : 1);
  }
  close(told[1]);
  ssize_t got = read(told[0], why, size - 1);
  why[got < 0 ? 0 : got] = '\0';
  close(told[0]);
  if (child > 0) waitpid(child, &status, 0);
  return child > 0 && status == 0;
}

int caisson_probe(const char *folder) {
  char why[256], single[256];
  bool is_root = geteuid() == 0;
  const char *kind = "room";
  if (gives_room(is_root ? strangers : 0, folder, why, sizeof why)) *why = '\0';
  else if (is_root && gives_room(0, folder, single, sizeof single)) kind = "single";
  else kind = has_rights() && may_make_nodes(folder) ? "chroot" : "folder";
  printf("%s %s\n", kind, why);
  return 0;
}
