// Users and namespaces. As root an enclave has 65,536 users of its own, none of them the machine's root: what is written into /proc/sys or left
// behind by a service of user 0 is then a stranger's. Without root it has one, which is the caller.
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t put = write(fd, text, strlen(text));
  int error = put < 0 ? -errno : 0;
  close(fd);
  return error;
}

static int write_map(const char *process, unsigned long outside, unsigned long gid, unsigned long count) {
  char path[64], text[64];
  snprintf(path, sizeof path, "/proc/%s/uid_map", process);
  snprintf(text, sizeof text, "0 %lu %lu\n", outside, count);
  int error = write_text(path, text);
  if (error < 0) return error;
  snprintf(path, sizeof path, "/proc/%s/gid_map", process);
  snprintf(text, sizeof text, "0 %lu %lu\n", gid, count);
  return write_text(path, text);
}

// Holds the namespace open until the pipe of its parent closes. Without root only a process inside may write the map (user_namespaces(7)).
static int hold_space(const struct caisson_room *room, int told, int until) {
  unsigned long uid = getuid(), gid = getgid();
  int error = unshare(CLONE_NEWUSER) < 0 ? -errno : 0;
  if (error == 0 && room->base == 0) {
    error = write_text("/proc/self/setgroups", "deny");
    if (error == 0) error = write_map("self", uid, gid, 1);
  }
  if (write(told, &error, sizeof error) != sizeof error) return 1;
  char end;
  return read(until, &end, 1) == 0 ? 0 : 1;
}

int caisson_make_users(struct caisson_room *room) {
  int told[2], until[2];
  room->object = "user namespace";
  if (pipe2(told, O_CLOEXEC) < 0 || pipe2(until, O_CLOEXEC) < 0) return -errno;
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) {
    close(until[1]);
    _exit(hold_space(room, told[1], until[0]));
  }
  close(told[1]);
  int error = -EIO;
  if (read(told[0], &error, sizeof error) != sizeof error) error = -EIO;
  char process[16], path[64];
  snprintf(process, sizeof process, "%d", (int)child);
  if (error == 0 && room->base != 0) error = write_map(process, room->base, room->base, CAISSON_SIM_USERS);
  if (error == 0) {
    snprintf(path, sizeof path, "/proc/%s/ns/user", process);
    room->user_space = open(path, O_RDONLY | O_CLOEXEC);
    if (room->user_space < 0) error = -errno;
  }
  close(told[0]);
  close(until[0]);
  close(until[1]);
  waitpid(child, NULL, 0);
  return error;
}

int caisson_enter(struct caisson_room *room) {
  const int spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
  room->object = "user namespace";
  // Groups of the machine would be groups of the enclave.
  if (room->base != 0 && setgroups(0, NULL) < 0) return -errno;
  if (setns(room->user_space, CLONE_NEWUSER) < 0) return -errno;
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) return -errno;
  room->object = "namespaces";
  if (unshare(spaces) < 0) return -errno;
  // As the kernel of an enclave has it; the machine's name is not the enclave's business.
  return sethostname("(none)", 6) < 0 ? -errno : 0;
}
