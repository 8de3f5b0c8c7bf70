// Descriptors between the system call that made them and the net.Socket or net.Server that will close them.
//
// The swap: libuv judges a descriptor's family once, when it is opened, and knows only TCP, UDP and unix. So it is given an
// AF_UNIX placeholder through the public `{fd}` option, and in the same tick dup3 puts the real socket under that number.
// libuv registers with epoll in the next turn of the loop and so never sees the placeholder at work.
//
// Whoever may end at any moment is a worker thread: terminate() can strike between two lines of JavaScript. Then a
// placeholder may or may not have reached libuv. libuv closes its handles before the cleanup hooks run, so the hook can
// tell by the socket cookie (unique in the kernel) whether the number still means our socket, and closes only then; a
// number that libuv closed and another thread reuses is left alone.
#include "vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

static bool read_cookie(int fd, uint64_t *cookie) {
  socklen_t length = sizeof *cookie;
  return getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &length) == 0;
}

static size_t find(const struct loose *loose, int fd) {
  size_t at = 0;
  while (at < loose->count && loose->items[at].fd != fd) at++;
  return at;
}

static void forget(struct loose *loose, size_t at) { loose->items[at] = loose->items[--loose->count]; }

static void close_if_same(int fd, uint64_t cookie) {
  uint64_t now;
  if (read_cookie(fd, &now) && now == cookie) close(fd);
}

int loose_add(struct loose *loose, int fd) {
  if (loose->count == loose->capacity) {
    size_t capacity = loose->capacity == 0 ? 16 : loose->capacity * 2;
    void *items = realloc(loose->items, capacity * sizeof *loose->items);
    if (items == NULL) {
      close(fd);
      return -ENOMEM;
    }
    loose->items = items;
    loose->capacity = capacity;
  }
  uint64_t cookie;
  if (!read_cookie(fd, &cookie)) {
    int result = -errno;
    close(fd);
    return result;
  }
  loose->items[loose->count].fd = fd;
  loose->items[loose->count].cookie = cookie;
  loose->count++;
  return fd;
}

int loose_swap(struct loose *loose, int fd, int placeholder) {
  if (fd == placeholder || find(loose, fd) == loose->count || find(loose, placeholder) == loose->count) return -EBADF;
  // EBUSY is a race with open() in another thread, dup3(2); it cannot last.
  int result;
  do {
    result = dup3(fd, placeholder, O_CLOEXEC);
  } while (result < 0 && (errno == EBUSY || errno == EINTR));
  if (result < 0) return -errno;
  close(fd);
  forget(loose, find(loose, fd));
  forget(loose, find(loose, placeholder));
  return 0;
}

void loose_discard(struct loose *loose, int fd) {
  size_t at = find(loose, fd);
  if (at == loose->count) return;
  uint64_t cookie = loose->items[at].cookie;
  forget(loose, at);
  close_if_same(fd, cookie);
}

void loose_end(struct loose *loose) {
  while (loose->count > 0) loose_discard(loose, loose->items[loose->count - 1].fd);
  free(loose->items);
  loose->items = NULL;
  loose->capacity = 0;
}
