// Both ends of systemd's notify protocol, sd_notify(3): datagrams on a unix socket, which Node cannot make. The receiving one becomes a
// net.Socket by the same swap as a vsock (vsock_loose.c); libuv then reads with read(2), and one read is one datagram, unix(7).
#include "vsock.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

// 0, or a negated errno.
static int address_of(const char *path, struct sockaddr_un *address) {
  address->sun_family = AF_UNIX;
  // With its NUL, so that the name is the same for a program that looks at sun_path as text.
  if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
  // An empty name would be autobind: a socket that nobody can find.
  if (*path == '\0') return -EINVAL;
  strcpy(address->sun_path, path);
  return 0;
}

int socket_datagram(const char *path) {
  struct sockaddr_un address = {0};
  int result = address_of(path, &address);
  if (result < 0) return result;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
  result = -errno;
  close(fd);
  return result;
}

int socket_send_datagram(const char *path, const char *text, size_t length) {
  struct sockaddr_un address = {0};
  int result = address_of(path, &address);
  if (result < 0) return result;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  // Whole or not at all, unix(7); a receiver whose queue is full is EAGAIN and never waited for.
  ssize_t sent = sendto(fd, text, length, MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof address);
  if (sent < 0) result = -errno;
  close(fd);
  return result;
}
