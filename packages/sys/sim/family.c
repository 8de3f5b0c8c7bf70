// Everything that came of this process. Without a PID namespace nothing but this ends them together: as their subreaper this process becomes the
// parent of all whose parent dies, so that none can leave the family by dying in between or by a session of its own.
#include "plain.h"
#include "../pid1/place.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Chosen: deeper than any tree of processes that is meant, and how long the last of a family may take to be gone.
enum { most_ancestors = 256, end_ms = 5000, pause_ms = 2 };

static pid_t parent_of(pid_t pid) {
  char path[32], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0) return 0;
  text[got] = '\0';
  // The name of a program may hold anything; after its last parenthesis come the state and the parent.
  char *at = strrchr(text, ')');
  return at == NULL || strlen(at) < 4 ? 0 : (pid_t)strtol(at + 4, NULL, 10);
}

static bool is_family(pid_t pid) {
  pid_t self = getpid();
  for (int step = 0; step < most_ancestors && pid > 1; step += 1) {
    pid = parent_of(pid);
    if (pid == self) return true;
  }
  return false;
}

// By a handle that is held while its ancestors are looked at: the number could pass to a stranger in between.
static bool signal_one(pid_t pid, int signal) {
  if (!is_family(pid)) return false;
  int handle = (int)syscall(SYS_pidfd_open, pid, 0);
  if (handle < 0) return false;
  bool done = is_family(pid) && syscall(SYS_pidfd_send_signal, handle, signal, NULL, 0) == 0;
  close(handle);
  return done;
}

int caisson_kill_family(int signal) {
  static char names[4096];
  int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return 0;
  int killed = 0;
  // Not readdir, which allocates.
  for (long got; (got = syscall(SYS_getdents64, folder, names, sizeof names)) > 0;) {
    for (long at = 0; at < got;) {
      struct {
        uint64_t inode, offset;
        uint16_t length;
      } head;
      memcpy(&head, names + at, sizeof head);
      pid_t pid = (pid_t)strtol(names + at + 19, NULL, 10);
      at += head.length;
      if (pid > 1 && signal_one(pid, signal)) killed += 1;
    }
  }
  close(folder);
  return killed;
}

void caisson_kill_all(int signal) { caisson_kill_family(signal); }

void caisson_leave_place(void) { caisson_end_family(); }

void caisson_end_family(void) {
  for (int waited_ms = 0; waited_ms < end_ms; waited_ms += pause_ms) {
    // Each round kills a generation, and hands the next one to this process.
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    if (waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) return;
    caisson_kill_family(SIGKILL);
    poll(NULL, 0, pause_ms);
  }
}
