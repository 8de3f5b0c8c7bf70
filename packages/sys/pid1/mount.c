// File systems: /dev and the console first, the others in the root that the command will see.
// Targets are folders of a measured image; flags keep device files and setuid programs out of what is writable.
#include "pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct mount_plan {
  const char *type;
  const char *target;
  unsigned long flags;
  const char *options;
  // A kernel may be built without it (ENODEV); the application finds the folder empty, and the console says so.
  bool optional;
};

static const struct mount_plan dev_plan = {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755", false};

static const struct mount_plan plans[] = {
    // hidepid: a service sees no process of another user.
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2", false},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false},
    {"tmpfs", "/run", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755", false},
    {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777", false},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777", false},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0666,mode=0620", true},
    {"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, true},
};

static const char *const links[][2] = {
    {"/proc/self/fd", "/dev/fd"},
    {"/proc/self/fd/0", "/dev/stdin"},
    {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"},
};

static int mount_one(struct caisson_boot *boot, const struct mount_plan *plan) {
  boot->object = plan->target;
  // Another error than EEXIST shows itself in the mount.
  mkdir(plan->target, 0755);
  if (mount(plan->type, plan->target, plan->type, plan->flags, plan->options) == 0) return 0;
  // A simulation without root may mount some of them only in namespaces that it was not given.
  bool lacks = errno == ENODEV || (boot->simulated && errno == EPERM);
  if (!plan->optional || !lacks) return -errno;
  caisson_say("mount %s: not in this kernel, left out", plan->target);
  return 0;
}

int caisson_mount_dev(struct caisson_boot *boot) {
  int error = mount_one(boot, &dev_plan);
  if (error < 0) return error;
  boot->object = "/dev/console";
  int console = open(boot->object, O_RDWR | O_NOCTTY);
  if (console < 0) return -errno;
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd += 1) {
    if (dup2(console, fd) < 0) return -errno;
  }
  if (console > STDERR_FILENO) close(console);
  return 0;
}

int caisson_mount_rest(struct caisson_boot *boot) {
  for (size_t at = 0; at < sizeof plans / sizeof *plans; at += 1) {
    int error = mount_one(boot, &plans[at]);
    if (error < 0) return error;
  }
  for (size_t at = 0; at < sizeof links / sizeof *links; at += 1) {
    boot->object = links[at][1];
    if (symlink(links[at][0], links[at][1]) < 0 && errno != EEXIST) return -errno;
  }
  return 0;
}

static int make_folder(struct caisson_boot *boot, const char *path, mode_t mode) {
  boot->object = path;
  return mkdir(path, mode) < 0 ? -errno : 0;
}

int caisson_lay_out(struct caisson_boot *boot) {
  int error = make_folder(boot, "/run/caisson", 0755);
  // What services say is for the supervisor alone.
  if (error == 0) error = make_folder(boot, "/run/caisson/log", 0700);
  if (error < 0 || boot->fabric < 0) return error;
  static char from[32], cid[32];
  snprintf(from, sizeof from, "/proc/self/fd/%d", boot->fabric);
  error = make_folder(boot, "/run/caisson/fabric", 0700);
  if (error < 0) return error;
  // With what is mounted below it: whoever simulates shows this enclave its own folder and the parent's, and no other.
  if (mount(from, boot->object, NULL, MS_BIND | MS_REC, NULL) < 0) return -errno;
  snprintf(cid, sizeof cid, "CAISSON_CID=%u", boot->cid);
  char **lines = boot->environment.lines;
  while (*lines != NULL) lines += 1;
  *lines++ = "CAISSON_VSOCK=fabric:/run/caisson/fabric";
  *lines++ = cid;
  // A production program ignores it; on hardware the kernel's command line could have set it, and is not asked.
  char *nsm = getenv("CAISSON_NSM");
  if (nsm != NULL) *lines++ = nsm - strlen("CAISSON_NSM=");
  *lines = NULL;
  return 0;
}

// The boot ramdisk is the kernel's rootfs, which pivot_root(2) refuses to leave: the new root is moved over it instead, as
// switch_root(8) does. /dev goes along, so that the console stays open on the file the command sees.
int caisson_switch_root(struct caisson_boot *boot) {
  boot->object = "/rootfs";
  // With what a simulation has mounted below it: its /dev, for one.
  if (mount("/rootfs", "/rootfs", NULL, MS_BIND | MS_REC, NULL) < 0) return -errno;
  mkdir("/rootfs/dev", 0755);
  if (!boot->simulated && mount("/dev", "/rootfs/dev", NULL, MS_MOVE, NULL) < 0) return -errno;
  if (chdir("/rootfs") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0) return -errno;
  if (chroot(".") < 0 || chdir("/") < 0) return -errno;
  return 0;
}
