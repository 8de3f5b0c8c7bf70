// The file systems of a simulated enclave: its root is a tmpfs in a mount namespace, so that nothing of it is on a disk and all of it is gone with
// its last process, however that ends.
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Given: what the kernel of an enclave makes in devtmpfs and programs rely on.
static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};

static int change_mount(int fd, unsigned long set, int user_space) {
  struct mount_attr change = {.attr_set = set, .userns_fd = (unsigned long)user_space};
  return syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &change, sizeof change) < 0 ? -errno : 0;
}

// A mount of its own that stands nowhere yet, in which the machine's root is the enclave's.
static int lift(struct caisson_room *room, const char *path, unsigned long flags) {
  // What the enclave's root writes here is root's on the disk: sockets belong here, and no program ever starts from it.
  flags |= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  room->object = path;
  int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (fd < 0) return -errno;
  if (room->base != 0) flags |= MOUNT_ATTR_IDMAP;
  int error = change_mount(fd, flags, room->user_space);
  if (error == 0) return fd;
  close(fd);
  return error;
}

int caisson_try_lift(struct caisson_room *room, const char *path) {
  int fd = lift(room, path, 0);
  if (fd >= 0) close(fd);
  return fd < 0 ? fd : 0;
}

static int set_down(struct caisson_room *room, int fd, const char *path) {
  room->object = path;
  return syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int mount_tmpfs(struct caisson_room *room, const char *path, const char *size, unsigned long flags) {
  char options[128];
  snprintf(options, sizeof options, "mode=0755,uid=%lu,gid=%lu,size=%s", room->base, room->base, size);
  room->object = path;
  return mount("tmpfs", path, "tmpfs", MS_NOSUID | flags, options) < 0 ? -errno : 0;
}

int caisson_raise_stage(struct caisson_room *room) {
  char own[256], parent[256];
  int error;
  room->object = "mount namespace";
  // Before the user namespace is entered: mounts that show another owner are root's to make.
  if (room->base != 0 && unshare(CLONE_NEWNS) < 0) return -errno;
  if (room->base == 0 && (error = caisson_enter(room)) < 0) return error;
  room->object = "/";
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -errno;
  snprintf(own, sizeof own, "%s/%s", room->fabric, room->cid);
  snprintf(parent, sizeof parent, "%s/3", room->fabric);
  if ((room->own_folder = lift(room, own, 0)) < 0) return room->own_folder;
  // It must reach the parent's listeners, and must not be able to listen in their place.
  if ((room->parent_folder = lift(room, parent, MOUNT_ATTR_RDONLY)) < 0) return room->parent_folder;
  if ((room->nsm_socket = lift(room, room->nsm, 0)) < 0) return room->nsm_socket;
  // Over a folder that is there in any case; only this namespace sees it.
  error = mount_tmpfs(room, own, room->size, MS_NODEV);
  if (error < 0) return error;
  return chdir(own) < 0 ? -errno : 0;
}

static int make_folder(struct caisson_room *room, const char *path, mode_t mode) {
  room->object = path;
  if (mkdir(path, mode) < 0) return -errno;
  return chown(path, (uid_t)room->base, (gid_t)room->base) < 0 ? -errno : 0;
}

static int make_target(struct caisson_room *room, const char *path) {
  room->object = path;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return -errno;
  return close(fd) < 0 ? -errno : 0;
}

static int bind_nodes(struct caisson_room *room) {
  static char targets[sizeof nodes / sizeof *nodes][64];
  for (size_t at = 0; at < sizeof nodes / sizeof *nodes; at += 1) {
    char from[64];
    snprintf(from, sizeof from, "/dev/%s", nodes[at]);
    snprintf(targets[at], sizeof targets[at], "rootfs/dev/%s", nodes[at]);
    int error = make_target(room, targets[at]);
    if (error < 0) return error;
    if (mount(from, targets[at], NULL, MS_BIND, NULL) < 0) return -errno;
  }
  room->object = "rootfs/dev/ptmx";
  return symlink("pts/ptmx", room->object) < 0 ? -errno : 0;
}

int caisson_furnish(struct caisson_room *room) {
  static char own[64];
  // Nothing of the image stands in here, so that no link of its can lead one of the next steps elsewhere.
  int error = mount_tmpfs(room, "rootfs/dev", "65536k", MS_NOEXEC);
  if (error == 0) error = bind_nodes(room);
  if (error == 0) error = make_target(room, "rootfs/dev/caisson-nsm");
  if (error == 0) error = set_down(room, room->nsm_socket, "rootfs/dev/caisson-nsm");
  if (error == 0) error = make_folder(room, "fabric", 0700);
  snprintf(own, sizeof own, "fabric/%s", room->cid);
  if (error == 0) error = make_folder(room, own, 0700);
  if (error == 0) error = set_down(room, room->own_folder, own);
  if (error == 0) error = make_folder(room, "fabric/3", 0700);
  if (error == 0) error = set_down(room, room->parent_folder, "fabric/3");
  // Where the next one needs a place: the kernel lets nobody mount these who cannot see them already.
  if (error == 0) error = make_folder(room, "proc", 0755);
  return error == 0 ? make_folder(room, "sys", 0755) : error;
}

int caisson_close_door(struct caisson_room *room) {
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  // The stage that root raised is locked in the namespace that was entered since, and cannot become its root; a mount made here can.
  room->object = "stage";
  int root = (int)syscall(SYS_open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (root < 0) return -errno;
  int error = set_down(room, root, ".");
  if (error == 0 && fchdir(root) < 0) error = -errno;
  close(root);
  if (error < 0) return error;
  room->object = "proc";
  if (mount("proc", "proc", "proc", flags, NULL) < 0) return -errno;
  room->object = "sys";
  if (mount("sysfs", "sys", "sysfs", flags, NULL) < 0) return -errno;
  room->object = "root";
  if (syscall(SYS_pivot_root, ".", ".") < 0) return -errno;
  if (umount2(".", MNT_DETACH) < 0) return -errno;
  return chdir("/") < 0 ? -errno : 0;
}
