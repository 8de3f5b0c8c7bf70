// The child between fork and exec. The order is fixed (docs/wire/pid1.md): what needs root comes before the user, and what
// the supervisor set stands before the program can look. Nothing of PID 1 but descriptors 0 to 2 goes along.
#include "pid1.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static _Noreturn void fail(int outcome, uint32_t step, int error) {
  struct caisson_failure failure = {step, (uint32_t)error};
  // Below PIPE_BUF into an empty pipe: whole or not at all, and without it PID 1 sees the end of a program.
  if (write(outcome, &failure, sizeof failure) < 0) _exit(126);
  _exit(127);
}

static int write_number(const char *path, long number) {
  char text[24];
  int length = snprintf(text, sizeof text, "%ld\n", number);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int error = write(fd, text, (size_t)length) < 0 ? -errno : 0;
  close(fd);
  return error;
}

// O_NONBLOCK for the opening only: a FIFO without its other end would hold the child for ever.
static int open_stream(const char *path, int target, bool terminal) {
  int way = terminal ? O_RDWR : target == STDIN_FILENO ? O_RDONLY : O_WRONLY | O_APPEND;
  int fd = open(*path == '\0' ? "/dev/null" : caisson_place(path), way | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return -errno;
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0) return -errno;
  if (fd == target) return 0;
  int error = dup2(fd, target) < 0 ? -errno : 0;
  close(fd);
  return error;
}

static int set_limits(const struct caisson_start *start) {
  // A core file is the memory of an enclave on a disk that others may read.
  if (setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) < 0) return -errno;
  if (!start->has_nofile) return 0;
  return setrlimit(RLIMIT_NOFILE, &(struct rlimit){start->nofile, start->nofile}) < 0 ? -errno : 0;
}

static int set_groups(const struct caisson_start *start) {
  // Who simulates without privilege is one user: the kernel refuses, and there is no other to become.
  bool needless = start->simulated && start->uid == getuid() && start->gid == getgid();
  gid_t gid = start->gid;
  if (setgroups(gid == 0 ? 0 : 1, &gid) < 0 && !(needless && errno == EPERM)) return -errno;
  return setresgid(gid, gid, gid) < 0 ? -errno : 0;
}

_Noreturn void caisson_become_service(const struct caisson_start *start, int outcome) {
  if (setsid() < 0) fail(outcome, caisson_step_session, errno);
  char path[sizeof "/sys/fs/cgroup//cgroup.procs" + CAISSON_NAME_BYTES];
  snprintf(path, sizeof path, "/sys/fs/cgroup/%s/cgroup.procs", start->cgroup);
  int error = *start->cgroup == '\0' ? 0 : write_number(path, 0);
  if (error < 0) fail(outcome, caisson_step_cgroup, -error);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd += 1) {
    error = open_stream(start->streams[fd], fd, start->terminal);
    if (error < 0) fail(outcome, caisson_step_stdin + (uint32_t)fd, -error);
  }
  if (start->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0) fail(outcome, caisson_step_terminal, errno);
  error = set_limits(start);
  if (error < 0) fail(outcome, caisson_step_limits, -error);
  error = start->has_oom ? write_number("/proc/self/oom_score_adj", start->oom) : 0;
  // To protect a process from the others takes a right that a simulation may lack, and does not need.
  if (error < 0 && !(start->simulated && error == -EACCES)) fail(outcome, caisson_step_oom, -error);
  umask(start->mask);
  error = caisson_enter_place();
  if (error < 0) fail(outcome, caisson_step_folder, -error);
  error = set_groups(start);
  if (error < 0) fail(outcome, caisson_step_group, -error);
  // EAGAIN: the user has as many processes as it may.
  if (setresuid(start->uid, start->uid, start->uid) < 0) fail(outcome, caisson_step_user, errno);
  if (start->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(outcome, caisson_step_privileges, errno);
  caisson_free_signals();
  if (chdir(caisson_place(start->cwd)) < 0) fail(outcome, caisson_step_folder, errno);
  fail(outcome, caisson_step_exec, caisson_become(start->words, start->environment));
}
