// The idle crowd: opens its connections, sends each one's first byte so that the bridge has dialled for it, waits for the
// answer, says so, and holds them until its stdin ends.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

void run_idle(const struct plan *plan) {
  struct address to = parse_address(plan->near);
  int *fds = calloc((size_t)plan->connections, sizeof *fds);
  for (int i = 0; i < plan->connections; i++) {
    fds[i] = dial(&to);
    if (fds[i] < 0) die("connect");
    struct pollfd event = {.fd = fds[i], .events = POLLOUT};
    if (poll(&event, 1, 5000) != 1 || send(fds[i], "Ex", 2, MSG_NOSIGNAL) != 2) die("send");
    char byte;
    event.events = POLLIN;
    errno = ETIMEDOUT;
    if (poll(&event, 1, 5000) != 1 || recv(fds[i], &byte, 1, 0) != 1) die("no answer");
  }
  ready();
  wait_for_starter();
}
