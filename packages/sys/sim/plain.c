// The boot of an enclave without a room: PID 1's own steps, with these in the place of its mounts (pid1/mount.c). Nothing is mounted; what a
// mount would have hidden or shown is told with the start.
#include "plain.h"
#include "../pid1/pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// Given: Documentation/admin-guide/devices.txt; what an enclave's kernel makes in devtmpfs and programs rely on.
static const struct {
  const char *path;
  unsigned major, minor;
} nodes[] = {{"rootfs/dev/null", 1, 3},   {"rootfs/dev/zero", 1, 5},    {"rootfs/dev/full", 1, 7},
             {"rootfs/dev/random", 1, 8}, {"rootfs/dev/urandom", 1, 9}, {"rootfs/dev/tty", 5, 0}};

// Made is not usable: a file system may be nodev, and a container's control group may forbid devices.
int caisson_try_node(const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd < 0 ? -errno : 0;
}

int caisson_furnish_plain(const char *nsm, bool is_chroot, const char **object) {
  *object = "rootfs/dev/caisson-nsm";
  // A second name of the same socket: one that is inside.
  if (link(nsm, *object) < 0) return -errno;
  if (!is_chroot) return 0;
  for (size_t at = 0; at < sizeof nodes / sizeof *nodes; at += 1) {
    *object = nodes[at].path;
    if (mknod(*object, S_IFCHR | 0666, makedev(nodes[at].major, nodes[at].minor)) < 0) return -errno;
  }
  *object = "rootfs/dev/shm";
  if (mkdir(*object, 01777) < 0 || chmod(*object, 01777) < 0) return -errno;
  *object = nodes[0].path;
  return caisson_try_node(*object);
}

// Chosen: what files and users of an image take. Not SYS_BOOT, SYS_ADMIN, SYS_MODULE, MKNOD, NET_ADMIN, SYS_PTRACE and the like: the machine's.
int caisson_drop_rights(bool is_chroot) {
  static const int kept[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
                             CAP_SETGID, CAP_SETUID,       CAP_KILL,   CAP_NET_BIND_SERVICE};
  for (int right = 0; prctl(PR_CAPBSET_READ, right, 0, 0, 0) >= 0; right += 1) {
    bool keeps = false;
    for (size_t at = 0; at < sizeof kept / sizeof *kept; at += 1) keeps = keeps || kept[at] == right;
    if (keeps || prctl(PR_CAPBSET_READ, right, 0, 0, 0) == 0) continue;
    // Who has no right to drop one has none that a chroot would have to hold.
    if (prctl(PR_CAPBSET_DROP, right, 0, 0, 0) < 0 && is_chroot) return -errno;
  }
  return 0;
}

// Whoever started this process is gone, and with him the only other one that would end what came of it.
static void end_alone(int signal) {
  (void)signal;
  caisson_end_family();
  _exit(CAISSON_OWN_FAILURE);
}

int caisson_run_plain(int count, char **words) {
  signal(SIGUSR2, end_alone);
  prctl(PR_SET_PDEATHSIG, SIGUSR2);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  return caisson_boot(count, words);
}

int caisson_mount_dev(struct caisson_boot *boot) {
  (void)boot;
  return 0;
}

int caisson_switch_root(struct caisson_boot *boot) {
  boot->object = "/rootfs";
  if (chdir("rootfs") < 0) return -errno;
  caisson_say("root: %s, which shuts %s in", caisson_place_root(), caisson_is_chroot() ? "services" : "nobody");
  return 0;
}

int caisson_mount_rest(struct caisson_boot *boot) {
  (void)boot;
  caisson_say("mount: skipped, plain");
  return 0;
}

// `/run` and `/tmp` were made by whoever unpacked the image, and hold the fabric.
int caisson_lay_out(struct caisson_boot *boot) {
  static char vsock[512], cid[32], root[512], nsm[512];
  boot->object = "run/caisson/log";
  if (mkdir(boot->object, 0700) < 0) return -errno;
  snprintf(vsock, sizeof vsock, "CAISSON_VSOCK=fabric:%s/run/caisson/fabric", caisson_place_root());
  snprintf(cid, sizeof cid, "CAISSON_CID=%u", boot->cid);
  snprintf(root, sizeof root, "CAISSON_ROOT=%s", caisson_place_root());
  snprintf(nsm, sizeof nsm, "CAISSON_NSM=unix:%s/dev/caisson-nsm", caisson_place_root());
  char *const own[] = {vsock, cid, root, nsm};
  char **lines = boot->environment.lines;
  while (*lines != NULL) lines += 1;
  for (size_t at = 0; at < sizeof own / sizeof *own; at += 1) *lines++ = own[at];
  *lines = NULL;
  return 0;
}
