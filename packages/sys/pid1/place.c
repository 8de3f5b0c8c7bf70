// The one place that PID 1 of an enclave knows: its own root, with all processes that there are.
#include "place.h"

#include <signal.h>
#include <unistd.h>

const char *caisson_place(const char *path) { return path; }

void caisson_localize(struct caisson_start *start) { (void)start; }

int caisson_enter_place(void) { return 0; }

int caisson_prepare_exec(char *const **words, char *const **environment) {
  (void)words, (void)environment;
  return 0;
}

void caisson_execute(const char *path, char *const *words, char *const *environment) { execve(path, words, environment); }

void caisson_kill_all(int signal) { kill(-1, signal); }

// The reboot that follows leaves nobody.
void caisson_leave_place(void) {}
