// AF_VSOCK sockets and their options, and the AF_UNIX sockets that stand in for them.
// Sources: include/uapi/linux/vm_sockets.h, vsock(7), net/vmw_vsock/af_vsock.c.
#include "vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

void endpoint_vsock(struct endpoint *endpoint, uint32_t cid, uint32_t port) {
  memset(endpoint, 0, sizeof *endpoint);
  endpoint->length = sizeof endpoint->address.vsock;
  endpoint->address.vsock.svm_family = AF_VSOCK;
  endpoint->address.vsock.svm_cid = cid;
  endpoint->address.vsock.svm_port = port;
}

bool endpoint_unix(struct endpoint *endpoint, const char *name, size_t length) {
  if (length == 0 || length > 100) return false;
  memset(endpoint, 0, sizeof *endpoint);
  endpoint->address.unix_name.sun_family = AF_UNIX;
  // unix(7): a name whose first byte is NUL is abstract and has exactly the bytes that `length` counts.
  memcpy(endpoint->address.unix_name.sun_path + 1, name, length);
  endpoint->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
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
  }
  if (result == 0) return fd;
  close(fd);
  return result;
}

int socket_name(int fd, const struct endpoint *from) {
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

int socket_vsock_peer(int fd, uint32_t *cid, uint32_t *port) {
  union {
    struct sockaddr any;
    struct sockaddr_vm vsock;
    struct sockaddr_storage room;
  } peer;
  socklen_t length = sizeof peer;
  if (getpeername(fd, &peer.any, &length) < 0) return -errno;
  if (peer.any.sa_family != AF_VSOCK) return -EAFNOSUPPORT;
  *cid = peer.vsock.svm_cid;
  *port = peer.vsock.svm_port;
  return 0;
}

int socket_unix_peer(int fd, char *name, size_t *length) {
  struct sockaddr_un peer;
  socklen_t size = sizeof peer;
  if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0) return -errno;
  if (peer.sun_family != AF_UNIX) return -EAFNOSUPPORT;
  size_t start = offsetof(struct sockaddr_un, sun_path) + 1;
  *length = size > start ? size - start : 0;
  memcpy(name, peer.sun_path + 1, *length);
  return 0;
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
