// Everything that came of this process. Without a PID namespace nothing but this ends them together: as their subreaper this process becomes the
// parent of all whose parent dies, so that none can leave the family by dying in between or by a session of its own.
#include "plain.h"
#include "../pid1/place.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Chosen: deeper than any tree of processes that is meant, and how long the last of a family may take to be gone.
enum { most_ancestors = 256, end_ms = 5000, pause_ms = 2 };

static bool is_family(pid_t pid, pid_t first) {
  struct caisson_stat stat;
  for (int step = 0; step < most_ancestors && pid > 1 && caisson_read_stat(pid, &stat) == 0; step += 1) {
    pid = stat.parent;
    if (pid == first) return true;
  }
  return false;
}

// By a handle that is held while its ancestors are looked at: the number could pass to a stranger in between.
static bool kill_of_family(pid_t pid, int signal, pid_t first) {
  if (!is_family(pid, first)) return false;
  int handle = (int)syscall(SYS_pidfd_open, pid, 0);
  if (handle < 0) return false;
  bool done = is_family(pid, first) && syscall(SYS_pidfd_send_signal, handle, signal, NULL, 0) == 0;
  close(handle);
  return done;
}

void caisson_kill_all(int signal) { caisson_kill_some(signal, kill_of_family, getpid()); }

void caisson_leave_place(void) { caisson_end_family(); }

void caisson_end_family(void) {
  for (int waited_ms = 0; waited_ms < end_ms; waited_ms += pause_ms) {
    // Each round kills a generation, and hands the next one to this process.
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    if (waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) return;
    caisson_kill_all(SIGKILL);
    poll(NULL, 0, pause_ms);
  }
}
