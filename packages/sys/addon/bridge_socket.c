// One socket of a connection: made, watched, written to and closed. Every descriptor here is non-blocking and
// close-on-exec, belongs to exactly one `struct end`, and is closed only by end_close.
#include "bridge.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

// Assumes a vsock that is not yet connected; a failure leaves the kernel's default window, which still works.
// The maximum goes first: a size above it would be cut to it. The window also bounds the number of small packets that
// may queue before newer kernels reset the stream (CVE-2026-23086 mitigation: packets x 576 bytes against the window).
void vsock_widen(int fd, uint64_t window_bytes) {
  setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &window_bytes, sizeof window_bytes);
  setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &window_bytes, sizeof window_bytes);
}

// Returns 0 when connected, -EINPROGRESS, or a negated errno; only after an error is there no descriptor.
int end_connect(struct engine *engine, struct end *end, const struct address *address, uint64_t timeout_ms) {
  int family = address->any.sa_family;
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (family == AF_VSOCK) {
    vsock_widen(fd, engine->vsock_window_bytes);
    // The kernel's own limit of 2 s would end a dial that may take longer.
    struct timeval limit = {(time_t)(timeout_ms / 1000), (suseconds_t)(timeout_ms % 1000 * 1000)};
    setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof limit);
  } else if (family != AF_UNIX) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  }
  int result = connect(fd, &address->any, address->bytes) == 0 ? 0 : -errno;
  if (result == -EINTR) result = -EINPROGRESS;  // POSIX connect(): an interrupted one goes on by itself
  if (result != 0 && result != -EINPROGRESS) {
    close(fd);
    return result;
  }
  end->fd = fd;
  end->family = (uint8_t)family;
  return result;
}

static int end_control(struct engine *engine, struct end *end, int operation, bool out) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET | (out ? EPOLLOUT : 0),
                              .data.ptr = end};
  if (epoll_ctl(engine->epoll_fd, operation, end->fd, &event) < 0) return -errno;
  end->wants_out = out;
  return 0;
}

// EPOLLOUT as well when an earlier write already met a full socket.
int end_watch(struct engine *engine, struct end *end, bool out) {
  if (end->watched) return 0;
  int result = end_control(engine, end, EPOLL_CTL_ADD, out || end->wants_out);
  end->watched = result == 0;
  return result;
}

// EPOLL_CTL_MOD looks at the socket again, so space that came between the short write and this call is not missed.
// It cannot fail on a watched descriptor (no memory is taken). An end that is not watched yet is so with its wish.
void end_want_out(struct engine *engine, struct end *end, bool out) {
  if (end->wants_out == out) return;
  if (end->watched) {
    end_control(engine, end, EPOLL_CTL_MOD, out);
  } else {
    end->wants_out = out;
  }
}

// A reset where the family has one; unix and vsock peers see EOF, or ECONNRESET when unread data are left.
void socket_reset(int fd, int family) {
  if (family != AF_INET && family != AF_INET6) return;
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void end_close(struct end *end, bool reset) {
  if (end->fd < 0) return;
  if (reset) socket_reset(end->fd, end->family);
  close(end->fd);
  end->fd = -1;
}

int end_error(const struct end *end) {
  int error = 0;
  socklen_t bytes = sizeof error;
  if (getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0) return errno;
  return error;
}

// Writes what the end takes now. Returns the bytes taken, or a negated errno when the end is broken and took none.
// Less than `count` means `blocked`, and EPOLLOUT is asked for.
ssize_t end_give(struct engine *engine, struct end *end, const uint8_t *bytes, size_t count) {
  size_t taken = 0;
  while (taken < count) {
    size_t piece = count - taken;
    // Larger packets were corrupted by some kernel and hypervisor pairs (docs/wire/addresses.md).
    if (end->family == AF_VSOCK && piece > engine->vsock_write_bytes) piece = engine->vsock_write_bytes;
    ssize_t sent = send(end->fd, bytes + taken, piece, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return taken > 0 ? (ssize_t)taken : -errno;
      sent = 0;
    }
    taken += (size_t)sent;
    if ((size_t)sent == piece) continue;
    end->blocked = true;
    end_want_out(engine, end, true);
    break;
  }
  return (ssize_t)taken;
}
