// caisson-sim: sets the room of one simulated enclave, lets its caller unpack the image into it, and starts PID 1 there.
//
//   caisson-sim FABRIC CID NSM BASE SIZE PROGRAM WORD...            descriptor 3: a socket to the caller
//   caisson-sim --plain chroot|folder TARGET NSM WORD...            as well; without a room (plain.h), TARGET as the working folder
//   caisson-sim --probe [FOLDER]                                    which of them this machine gives
//
// On descriptor 3 it says `stage PID` (unpack into the working folder of PID), waits for one byte, and says `init PID`; a fault is `fault STEP
// OBJECT: ERROR`. The end of descriptor 3 is the end of the enclave, and so is the end of this process: whoever dies by SIGKILL leaves nothing.
#include "plain.h"
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { control_fd = 3, own_failure = 125 };

static struct caisson_room room = {.control = control_fd};

static void say(const char *word, long number) {
  char line[64];
  int used = snprintf(line, sizeof line, "%s %ld\n", word, number);
  if (write(control_fd, line, (size_t)used) != used) _exit(own_failure);
}

static int fail(const char *step, int error) {
  char line[512];
  int used = snprintf(line, sizeof line, "fault %s %s: %s\n", step, room.object == NULL ? "" : room.object, strerror(-error));
  if (used >= (int)sizeof line) used = (int)sizeof line - 1;
  // Nobody to be told is the end as well.
  if (write(control_fd, line, (size_t)used) < 0) return own_failure;
  return own_failure;
}

static int run_init(int ready) {
  // An enclave has one console: what comes over two pipes need not be heard in the order in which it was said.
  dup2(STDERR_FILENO, STDOUT_FILENO);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char byte;
  // Its parent may have died before the line above; then this pipe has ended.
  if (read(ready, &byte, 1) != 1) return own_failure;
  if (room.target != NULL) {
    umask(022);
    return caisson_run_plain(room.count, room.command);
  }
  int error = caisson_close_door(&room);
  if (error == 0) {
    close(control_fd);
    umask(022);
    char *const environment[] = {"CAISSON_NSM=unix:/dev/caisson-nsm", NULL};
    room.object = room.command[0];
    execve(room.command[0], room.command, environment);
    error = -errno;
  }
  // The caller has heard that process 1 is there: its console is where he looks now.
  dprintf(STDERR_FILENO, "caisson-sim: %s: %s\n", room.object, strerror(-error));
  return own_failure;
}

static int watch(pid_t child) {
  int handle = (int)syscall(SYS_pidfd_open, child, 0);
  if (handle < 0) {
    kill(child, SIGKILL);
    return fail("watch", -errno);
  }
  struct pollfd watched[] = {{.fd = control_fd, .events = POLLIN}, {.fd = handle, .events = POLLIN}};
  for (;;) {
    if (poll(watched, 2, -1) < 0 && errno != EINTR) break;
    char byte;
    if (watched[0].revents != 0 && read(control_fd, &byte, 1) <= 0) break;
    if (watched[1].revents != 0) break;
  }
  kill(child, SIGKILL);
  // Returns when the last process of the namespace is gone.
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (room.target != NULL) caisson_end_family();
  say("end", status);
  return 0;
}

static int set_stage(void) {
  if (room.target != NULL) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    room.object = room.target;
    return chdir(room.target) < 0 ? fail("stage", -errno) : 0;
  }
  int error = caisson_make_users(&room);
  if (error < 0) return fail("users", error);
  error = caisson_raise_stage(&room);
  if (error < 0) return fail("stage", error);
  // Entering a namespace makes it unreadable to its own user, who must unpack into it.
  prctl(PR_SET_DUMPABLE, 1);
  return 0;
}

static int furnish(void) {
  if (room.target == NULL) return caisson_furnish(&room);
  int error = caisson_furnish_plain(room.nsm, room.is_chroot, &room.object);
  if (error < 0) return error;
  room.object = "rights";
  return caisson_drop_rights(room.is_chroot);
}

static int run(void) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  umask(0);
  signal(SIGPIPE, SIG_IGN);
  int error = set_stage();
  if (error != 0) return error;
  say("stage", getpid());
  char byte;
  if (read(control_fd, &byte, 1) != 1) return own_failure;
  error = furnish();
  if (error < 0) return fail("furnish", error);
  if (room.base != 0 && (error = caisson_enter(&room)) < 0) return fail("enter", error);
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0) return fail("start", -errno);
  pid_t child = fork();
  if (child < 0) return fail("start", -errno);
  if (child == 0) {
    close(ready[1]);
    _exit(run_init(ready[0]));
  }
  close(ready[0]);
  say("init", child);
  if (write(ready[1], "", 1) != 1) return own_failure;
  return watch(child);
}

static int run_plain(int count, char **words) {
  static char root[512];
  room.is_chroot = strcmp(words[2], "chroot") == 0;
  room.target = words[3];
  room.nsm = words[4];
  room.count = count - 5;
  room.command = words + 5;
  snprintf(root, sizeof root, "%s/rootfs", room.target);
  caisson_set_place(root, room.is_chroot);
  return run();
}

int main(int count, char **words) {
  if (count >= 2 && strcmp(words[1], "--probe") == 0) return caisson_probe(count > 2 ? words[2] : NULL);
  if (count > 5 && strcmp(words[1], "--plain") == 0) return run_plain(count, words);
  if (count < 7 || words[1][0] != '/' || words[3][0] != '/' || words[6][0] != '/') {
    fputs("usage: caisson-sim FABRIC CID NSM BASE SIZE PROGRAM WORD...   started by caisson with descriptor 3\n", stderr);
    return 64;
  }
  room.fabric = words[1];
  room.cid = words[2];
  room.nsm = words[3];
  room.base = strtoul(words[4], NULL, 10);
  room.size = words[5];
  room.command = words + 6;
  return run();
}
