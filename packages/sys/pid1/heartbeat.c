// The word that an enclave has booted: one byte 0xB7 to the parent (CID 3) on port 9000, which must send it back
// (aws-nitro-enclaves-sdk-bootstrap, init.c). nitro-cli waits for it. In a simulation the same over the fabric, whose
// dialler first says who it is (docs/wire/fabric.md).
#include "pid1.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
// After sys/socket.h, of which it needs sa_family_t.
#include <linux/vm_sockets.h>

// Given.
enum { parent_cid = 3, heartbeat_port = 9000, heartbeat_byte = 0xB7 };
// Given by docs/pid1.md.
enum { tries = 3, try_ms = 5000 };
// Chosen: a refusal is immediate, and a parent that is about to listen gets this long.
enum { pause_ms = 250 };

static long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000L + time.tv_nsec / 1000000L;
}

static int await(int fd, short events, long deadline_ms) {
  for (;;) {
    long left = deadline_ms - now_ms();
    if (left <= 0) return -ETIMEDOUT;
    struct pollfd wait = {.fd = fd, .events = events};
    int ready = poll(&wait, 1, (int)left);
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return -errno;
  }
}

static int dial(const struct caisson_boot *boot, int fd, long deadline_ms) {
  struct sockaddr_vm vsock = {.svm_family = AF_VSOCK, .svm_cid = parent_cid, .svm_port = heartbeat_port};
  struct sockaddr_un fabric = {.sun_family = AF_UNIX};
  int result;
  if (boot->fabric >= 0) {
    snprintf(fabric.sun_path, sizeof fabric.sun_path, "/proc/self/fd/%d/%d/%d", boot->fabric, parent_cid, heartbeat_port);
    result = connect(fd, (struct sockaddr *)&fabric, sizeof fabric);
  } else {
    result = connect(fd, (struct sockaddr *)&vsock, sizeof vsock);
  }
  if (result == 0) return 0;
  if (errno != EINPROGRESS) return -errno;
  int error = await(fd, POLLOUT, deadline_ms);
  if (error < 0) return error;
  socklen_t size = sizeof result;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) < 0) return -errno;
  return -result;
}

static int exchange(const struct caisson_boot *boot, int fd, long deadline_ms) {
  int error = dial(boot, fd, deadline_ms);
  if (error < 0) return error;
  char line[64];
  int length = 0;
  // The source port is made up; nothing is ever sent to it.
  if (boot->fabric >= 0) length = snprintf(line, sizeof line - 1, "CAISSON-FABRIC/1 %u %d\n", boot->cid, heartbeat_port);
  line[length++] = (char)heartbeat_byte;
  // At most 41 bytes into an empty socket buffer: never short.
  if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length) return errno == 0 ? -EIO : -errno;
  error = await(fd, POLLIN, deadline_ms);
  if (error < 0) return error;
  unsigned char answer;
  ssize_t got = recv(fd, &answer, 1, 0);
  if (got < 0) return -errno;
  return got == 1 && answer == heartbeat_byte ? 0 : -EPROTO;
}

int caisson_beat(struct caisson_boot *boot) {
  int error = 0;
  boot->object = boot->fabric >= 0 ? "to fabric 3/9000" : "to vsock 3:9000";
  for (int try = 1; try <= tries; try += 1) {
    if (try > 1) poll(NULL, 0, pause_ms);
    int fd = socket(boot->fabric >= 0 ? AF_UNIX : AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    error = exchange(boot, fd, now_ms() + try_ms);
    close(fd);
    if (error == 0) return 0;
  }
  return error;
}
