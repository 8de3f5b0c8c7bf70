// The word that an enclave has booted: one byte 0xB7 to the parent (CID 3) on port 9000, which must send it back
// (aws-nitro-enclaves-sdk-bootstrap, init.c). nitro-cli waits for it.
#include "pid1.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

// Given.
enum { heartbeat_port = 9000, heartbeat_byte = 0xB7 };
// Given by docs/pid1.md.
enum { tries = 3, try_ms = 5000 };
// Chosen: a refusal is immediate, and a parent that is about to listen gets this long.
enum { pause_ms = 250 };

static int exchange(int fd, long deadline_ms) {
  unsigned char byte = heartbeat_byte;
  if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1) return -errno;
  int error = caisson_await(fd, POLLIN, deadline_ms);
  if (error < 0) return error;
  ssize_t got = recv(fd, &byte, 1, 0);
  if (got < 0) return -errno;
  return got == 1 && byte == heartbeat_byte ? 0 : -EPROTO;
}

int caisson_beat(struct caisson_boot *boot) {
  int error = 0;
  boot->object = boot->fabric >= 0 ? "to fabric 3/9000" : "to vsock 3:9000";
  for (int try = 1; try <= tries; try += 1) {
    if (try > 1) poll(NULL, 0, pause_ms);
    long deadline_ms = caisson_now_ms() + try_ms;
    int fd = caisson_dial_parent(boot, heartbeat_port, deadline_ms);
    error = fd;
    if (fd < 0) continue;
    error = exchange(fd, deadline_ms);
    close(fd);
    if (error == 0) return 0;
  }
  return error;
}
