// From PID 1's fork to a program: signals as they were born, and the program found by the PATH that it will have itself.
#include "pid1.h"
#include "place.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static sigset_t held;

// Blocked signals are kept for PID 1 even where it has no handler; unblocked ones without a handler would be dropped.
void caisson_hold_signals(void) {
  sigemptyset(&held);
  sigaddset(&held, SIGCHLD);
  sigaddset(&held, SIGTERM);
  sigaddset(&held, SIGINT);
  sigaddset(&held, SIGHUP);
  sigprocmask(SIG_BLOCK, &held, NULL);
}

void caisson_free_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  // Whoever started a simulation may have left some ignored, which a program inherits.
  for (int signal_number = 1; signal_number < NSIG; signal_number += 1) signal(signal_number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// Not execvpe, which hands a file of an unknown form to a shell.
int caisson_become(char *const *words, char *const *environment) {
  const char *folders = "/usr/local/bin:/usr/bin:/bin";
  int error = caisson_prepare_exec(&words, &environment);
  if (error < 0) return -error;
  for (char *const *one = environment; *one != NULL; one += 1) {
    if (strncmp(*one, "PATH=", 5) == 0) folders = *one + 5;
  }
  if (strchr(words[0], '/') != NULL) {
    caisson_execute(words[0], words, environment);
    return errno;
  }
  error = ENOENT;
  for (const char *at = folders; at != NULL; at = strchr(at, ':')) {
    if (*at == ':') at += 1;
    char path[1024];
    int length = snprintf(path, sizeof path, "%.*s/%s", (int)strcspn(at, ":"), at, words[0]);
    // An empty part would be the folder it stands in, whoever may write there.
    if (*path == '/' && *words[0] != '\0' && length < (int)sizeof path) caisson_execute(path, words, environment);
    // One that is there and cannot run is the better answer, but not a better program.
    if (*path == '/' && errno != ENOENT && errno != ENOTDIR) error = errno;
  }
  return error;
}
