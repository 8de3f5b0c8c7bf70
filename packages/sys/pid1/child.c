// A plain image: one command, and every orphan of it. PID 1 is the parent of all whose parent died, and one that does not
// wait for them fills the process table (R-I1). SIGCHLD says that there is something to reap, never how much.
#include "pid1.h"
#include "place.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void start(char *const *command, char *const *environment) {
  caisson_free_signals();
  setsid();
  int error = -caisson_enter_place();
  // The PATH that finds the command is the image's, not the one the kernel gave to PID 1.
  if (error == 0) error = caisson_become(command, environment);
  caisson_say("exec %s: %s", command[0], strerror(error));
  // As the shell has them (POSIX 2.8.2): 127 not found, 126 found but not runnable.
  _exit(error == ENOENT ? 127 : 126);
}

int caisson_run(char *const *command, char *const *environment) {
  sigset_t held;
  sigprocmask(SIG_BLOCK, NULL, &held);
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) start(command, environment);
  for (;;) {
    siginfo_t signal;
    if (sigwaitinfo(&held, &signal) < 0) continue;
    if (signal.si_signo != SIGCHLD) {
      kill(child, signal.si_signo);
      continue;
    }
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
}
