// One command, and every orphan of it: PID 1 is the parent of all whose parent died, and one that does not wait for them
// fills the process table (R-I1). SIGCHLD says that there is something to reap, never how much, so each takes all.
#include "pid1.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static sigset_t held;

// Blocked signals are kept for PID 1 even where it has no handler; unblocked ones without a handler would be dropped.
void caisson_hold_signals(void) {
  sigemptyset(&held);
  sigaddset(&held, SIGCHLD);
  sigaddset(&held, SIGTERM);
  sigaddset(&held, SIGINT);
  sigprocmask(SIG_BLOCK, &held, NULL);
}

static void become(char *const *command, char *const *environment) {
  static char *nothing[] = {NULL};
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setsid();
  // The PATH that finds the command is the image's, not the one the kernel gave to PID 1.
  environ = environment[0] == NULL ? nothing : (char **)environment;
  execvp(command[0], command);
  int error = errno;
  caisson_say("exec %s: %s", command[0], strerror(error));
  // As the shell has them (POSIX 2.8.2): 127 not found, 126 found but not runnable.
  _exit(error == ENOENT ? 127 : 126);
}

int caisson_run(char *const *command, char *const *environment) {
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) become(command, environment);
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
