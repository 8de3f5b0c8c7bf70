// Sockets by their names: loopback TCP, unix, AF_VSOCK.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

struct address parse_address(const char *text) {
  struct address address = {0};
  unsigned cid, port;
  if (sscanf(text, "tcp:127.0.0.1:%u", &port) == 1) {
    struct sockaddr_in *in = (struct sockaddr_in *)&address.any;
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.bytes = sizeof *in;
  } else if (sscanf(text, "vsock:%u:%u", &cid, &port) == 2 ||
             (cid = VMADDR_CID_ANY, sscanf(text, "vsock:any:%u", &port) == 1)) {
    struct sockaddr_vm *vm = (struct sockaddr_vm *)&address.any;
    *vm = (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
    address.bytes = sizeof *vm;
  } else {
    struct sockaddr_un *un = (struct sockaddr_un *)&address.any;
    errno = EINVAL;
    if (strncmp(text, "unix:", 5) != 0 || strlen(text + 5) >= sizeof un->sun_path) die(text);
    un->sun_family = AF_UNIX;
    strcpy(un->sun_path, text + 5);
    address.bytes = sizeof *un;
  }
  return address;
}

int dial(const struct address *to) {
  static unsigned dialled;
  int fd = socket(to->any.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (to->any.ss_family == AF_INET) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Many source addresses, so that churn does not run out of ports in TIME_WAIT.
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000100u + (dialled++ & 255u))};
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind source");
  }
  if (connect(fd, (const struct sockaddr *)&to->any, to->bytes) < 0 && errno != EINPROGRESS) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

int listen_on(const struct address *at) {
  if (at->any.ss_family == AF_UNIX) unlink(((const struct sockaddr_un *)&at->any)->sun_path);
  int fd = socket(at->any.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) die("socket");
  if (at->any.ss_family == AF_INET) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (const struct sockaddr *)&at->any, at->bytes) < 0 || listen(fd, 4096) < 0) die("listen");
  return fd;
}
