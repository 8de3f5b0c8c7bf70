// Services, good and bad.
#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int probe_wait(int ignore) {
  if (ignore) {
    for (int signal_number = 1; signal_number < NSIG; signal_number += 1) signal(signal_number, SIG_IGN);
  }
  printf("waiting\n");
  fflush(stdout);
  for (;;) pause();
}

int probe_count(void) {
  signal(SIGPIPE, SIG_DFL);
  for (unsigned long line = 0;; line += 1) {
    char text[32];
    int length = snprintf(text, sizeof text, "line %lu\n", line);
    if (write(STDOUT_FILENO, text, (size_t)length) != length) return errno == EPIPE ? 32 : 33;
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
  }
}

int probe_leave(void) {
  pid_t child = fork();
  if (child < 0) return 2;
  if (child > 0) return 0;
  return probe_wait(0);
}

int probe_stray(void) {
  pid_t child = fork();
  if (child < 0) return 2;
  // In a session of its own, and nobody's child: only whoever is a subreaper still knows of it.
  if (child == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    setsid();
  }
  return probe_wait(child == 0);
}

int probe_bomb(int limit) {
  if (setrlimit(RLIMIT_NPROC, &(struct rlimit){(rlim_t)limit, (rlim_t)limit}) < 0) return 2;
  int made = 0;
  for (pid_t child; (child = fork()) >= 0; made += 1) {
    if (child == 0) for (;;) pause();
  }
  printf("forked %d: %s\n", made, strerror(errno));
  fflush(stdout);
  for (;;) {
    // As a bomb does: it never stops trying.
    pid_t child = fork();
    if (child == 0) for (;;) pause();
  }
}
