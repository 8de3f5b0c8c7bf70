// The parent (CID 3) over vsock or, in a simulation, over the fabric, whose dialler first says who it is (docs/wire/fabric.md).
// He may refuse, stall and lie: every step has a deadline, and nothing he sends is kept.
#include "pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
// After sys/socket.h, of which it needs sa_family_t.
#include <linux/vm_sockets.h>

// Given (docs/wire/addresses.md).
enum { parent_cid = 3, first_enclave_cid = 4, last_enclave_cid = 4194303, host_ports = 0x40000000, ports_each = 256 };
// Chosen.
enum { word_ms = 1000 };

long caisson_now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000L + time.tv_nsec / 1000000L;
}

int caisson_await(int fd, short events, long deadline_ms) {
  for (;;) {
    long left = deadline_ms - caisson_now_ms();
    if (left <= 0) return -ETIMEDOUT;
    struct pollfd wait = {.fd = fd, .events = events};
    int ready = poll(&wait, 1, (int)left);
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return -errno;
  }
}

static int reach(const struct caisson_boot *boot, int fd, uint32_t port, long deadline_ms) {
  struct sockaddr_vm vsock = {.svm_family = AF_VSOCK, .svm_cid = parent_cid, .svm_port = port};
  struct sockaddr_un fabric = {.sun_family = AF_UNIX};
  int result;
  if (boot->fabric >= 0) {
    // From the folder itself: early, there is no /proc that could name it, and later no path.
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0 || fchdir(boot->fabric) < 0) return -errno;
    snprintf(fabric.sun_path, sizeof fabric.sun_path, "%d/%u", parent_cid, port);
    result = connect(fd, (struct sockaddr *)&fabric, sizeof fabric);
    int error = errno;
    if (fchdir(here) < 0) return -errno;
    close(here);
    errno = error;
  } else {
    result = connect(fd, (struct sockaddr *)&vsock, sizeof vsock);
  }
  if (result < 0 && errno != EINPROGRESS) return -errno;
  if (result < 0) {
    int error = caisson_await(fd, POLLOUT, deadline_ms);
    if (error < 0) return error;
    socklen_t size = sizeof result;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) < 0) return -errno;
    if (result != 0) return -result;
  }
  if (boot->fabric < 0) return 0;
  char line[64];
  // The source port is made up; nothing is ever sent to it. At most 40 bytes into an empty socket buffer: never short.
  int length = snprintf(line, sizeof line, "CAISSON-FABRIC/1 %u %u\n", boot->cid, port);
  return send(fd, line, (size_t)length, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int caisson_dial_parent(const struct caisson_boot *boot, uint32_t port, long deadline_ms) {
  int fd = socket(boot->fabric >= 0 ? AF_UNIX : AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  int error = reach(boot, fd, port, deadline_ms);
  if (error == 0) return fd;
  close(fd);
  return error;
}

static uint32_t own_cid(const struct caisson_boot *boot) {
  uint32_t cid = boot->cid;
  int fd = cid == 0 ? open("/dev/vsock", O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return cid;
  if (ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0) cid = 0;
  close(fd);
  return cid;
}

void caisson_send_last_word(const struct caisson_boot *boot, int exit, const char *code) {
  uint32_t cid = own_cid(boot);
  if (cid < first_enclave_cid || cid > last_enclave_cid) return;
  int fd = caisson_dial_parent(boot, host_ports + cid * ports_each, caisson_now_ms() + word_ms);
  if (fd < 0) return;
  char line[96];
  int length = snprintf(line, sizeof line, "{\"v\":1,\"final\":true,\"exit\":%d,\"code\":\"%s\"}\n", exit, code);
  if (send(fd, line, (size_t)length, MSG_NOSIGNAL) == length && shutdown(fd, SHUT_WR) == 0) {
    // The machine is about to be gone, and what is still queued with it: the parent's end of file says that he has it.
    char answer[64];
    long deadline_ms = caisson_now_ms() + word_ms;
    while (caisson_await(fd, POLLIN, deadline_ms) == 0 && recv(fd, answer, sizeof answer, 0) > 0) continue;
  }
  close(fd);
}
