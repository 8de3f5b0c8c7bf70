// A supervisor without a mind: what stands on the other side of a unix socket, outside of the namespace, speaks on fd 3.
#include "probe.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool carry(int from, int to) {
  char bytes[65536];
  ssize_t got = read(from, bytes, sizeof bytes);
  for (ssize_t sent = 0, step; sent < got; sent += step) {
    step = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
    if (step <= 0) return false;
  }
  return got > 0;
}

int probe_relay(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (door < 0 || connect(door, (struct sockaddr *)&address, sizeof address) < 0) return 2;
  for (;;) {
    struct pollfd waits[] = {{.fd = 3, .events = POLLIN}, {.fd = door, .events = POLLIN}};
    if (poll(waits, 2, -1) < 0) return 3;
    if (waits[0].revents != 0 && !carry(3, door)) return 4;
    if (waits[1].revents != 0 && !carry(door, 3)) return 5;
  }
}
