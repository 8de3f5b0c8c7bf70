// AF_VSOCK sockets and their options, the loopback TCP that stands in for them, and placeholders.
// Sources: include/uapi/linux/vm_sockets.h, vsock(7), net/vmw_vsock/af_vsock.c.
#include "vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

void endpoint_vsock(struct endpoint *endpoint, uint32_t cid, uint32_t port) {
  memset(endpoint, 0, sizeof *endpoint);
  endpoint->length = sizeof endpoint->address.vsock;
  endpoint->address.vsock.svm_family = AF_VSOCK;
  endpoint->address.vsock.svm_cid = cid;
  endpoint->address.vsock.svm_port = port;
}

bool endpoint_loopback(struct endpoint *endpoint, uint32_t host, uint32_t port) {
  if (host >> 24 != IN_LOOPBACKNET || port > UINT16_MAX) return false;
  memset(endpoint, 0, sizeof *endpoint);
  endpoint->length = sizeof endpoint->address.inet;
  endpoint->address.inet.sin_family = AF_INET;
  endpoint->address.inet.sin_addr.s_addr = htonl(host);
  endpoint->address.inet.sin_port = htons((uint16_t)port);
  return true;
}

static int set_window(int fd, uint64_t bytes) {
  // The maximum first: a size above it is cut down to it without an error. A small window is not only slow: since
  // Linux 6.12.92 a receiver resets a stream whose queued packets outgrow it.
  if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &bytes, sizeof bytes) < 0) return -errno;
  if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes, sizeof bytes) < 0) return -errno;
  return 0;
}

static int set_connect_timeout(int fd, uint32_t timeout_ms) {
  struct timeval time = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
  if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &time, sizeof time) < 0) return -errno;
  return 0;
}

int socket_open(const struct endpoint *endpoint, uint32_t window, uint32_t timeout_ms) {
  int fd = socket(endpoint->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int result = 0;
  if (endpoint->address.any.sa_family == AF_VSOCK) {
    result = set_window(fd, window);
    // Otherwise the kernel gives up after 2 s, whatever the caller allows (VSOCK_DEFAULT_CONNECT_TIMEOUT).
    if (result == 0 && timeout_ms > 0) result = set_connect_timeout(fd, timeout_ms);
  } else {
    // As on vsock: small writes go at once, and an address is free when its listener has closed.
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) {
      result = -errno;
    }
  }
  if (result == 0) return fd;
  close(fd);
  return result;
}

int socket_dial_from(int fd, const struct endpoint *from) {
  if (from->length == 0) return 0;
  return bind(fd, &from->address.any, from->length) < 0 ? -errno : 0;
}

int socket_listen(const struct endpoint *endpoint, uint32_t window, int backlog) {
  // Accepted sockets inherit the window (af_vsock.c, __vsock_create with a parent).
  int fd = socket_open(endpoint, window, 0);
  if (fd < 0) return fd;
  if (bind(fd, &endpoint->address.any, endpoint->length) == 0 && listen(fd, backlog) == 0) return fd;
  int result = -errno;
  close(fd);
  return result;
}

int socket_placeholder(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  // Autobind: bind() with only the family, unix(7). An unbound socket would refuse listen() with EINVAL.
  sa_family_t family = AF_UNIX;
  if (bind(fd, (const struct sockaddr *)&family, sizeof family) == 0) return fd;
  int result = -errno;
  close(fd);
  return result;
}

int socket_peer(int fd, uint32_t peer[2]) {
  union {
    struct sockaddr any;
    struct sockaddr_vm vsock;
    struct sockaddr_in inet;
    struct sockaddr_storage room;
  } address;
  socklen_t length = sizeof address;
  if (getpeername(fd, &address.any, &length) < 0) return -errno;
  switch (address.any.sa_family) {
    case AF_VSOCK:
      peer[0] = address.vsock.svm_cid;
      peer[1] = address.vsock.svm_port;
      return 0;
    case AF_INET:
      peer[0] = ntohl(address.inet.sin_addr.s_addr);
      peer[1] = ntohs(address.inet.sin_port);
      return 0;
    default:
      return -EAFNOSUPPORT;
  }
}

int socket_vsock_window(int fd, uint64_t *bytes) {
  socklen_t length = sizeof *bytes;
  return getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, bytes, &length) < 0 ? -errno : 0;
}

int64_t socket_local_cid(void) {
  int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  unsigned int cid = VMADDR_CID_ANY;
  int64_t result = ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0 ? -errno : (int64_t)cid;
  close(fd);
  // The module is loaded, but no transport has given this machine an address.
  return result == VMADDR_CID_ANY ? -ENODEV : result;
}
