// The ears. Level-triggered, unlike everything else: a listener that is served for a while and left is reported again.
// Options that Linux copies from a listening socket to what it accepts (TCP_NODELAY, congestion control, windows)
// are set once here.
#include "bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_loopback(const struct address *address) {
  if (address->any.sa_family == AF_INET) return ntohl(address->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
}

// On JavaScript's thread: bind and listen do not wait. Returns 0 or a negated errno, after which there is no descriptor.
int listener_bind(struct listener *listener, const struct address *address, int backlog) {
  listener->family = (uint8_t)address->any.sa_family;
  int fd = socket(listener->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (listener->family == AF_VSOCK) {
    vsock_widen(fd, listener->engine->vsock_window_bytes);
  } else if (listener->family != AF_UNIX) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (is_loopback(address)) {
      // Nothing on this way is slow or long: a pacing default (BBR) only makes the sender sleep, and queues that grow to
      // megabytes only leave the cache before they are read. Where reno may not be chosen the default stays.
      setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof "reno" - 1);
      setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &(int){LOOPBACK_WINDOW_BYTES}, sizeof(int));
      setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){LOOPBACK_SEND_BYTES}, sizeof(int));
    }
    // [::] hears both families whatever the host's default is, as Node's own servers do.
    if (listener->family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
  }
  if (bind(fd, &address->any, address->bytes) < 0 || listen(fd, backlog) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  listener->fd = fd;
  return 0;
}

static void interest(struct listener *listener, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = listener};
  epoll_ctl(listener->engine->epoll_fd, operation, listener->fd, &event);
}

void listener_watch(struct listener *listener) {
  listener->next = listener->engine->listeners;
  listener->engine->listeners = listener;
  listener->burst = 1;
  listener->early = EARLY_PAYS;
  interest(listener, EPOLL_CTL_ADD, EPOLLIN);
}

void count(struct listener *listener, enum counter counter, int64_t more) {
  uint64_t *place = &listener->counters[counter];
  // One writer, so no read-modify-write; atomic so that a reader never sees half of it.
  __atomic_store_n(place, __atomic_load_n(place, __ATOMIC_RELAXED) + (uint64_t)more, __ATOMIC_RELAXED);
}

// No descriptor is left for this connection. Without the reserve it would stay in the backlog, be reported again at once,
// and keep the thread busy for as long as the shortage lasts.
static bool turn_away(struct listener *listener) {
  struct engine *engine = listener->engine;
  if (engine->reserve_fd >= 0) close(engine->reserve_fd);
  int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    socket_reset(fd, listener->family);
    close(fd);
    count(listener, EXHAUSTED, 1);
  }
  engine->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd >= 0;
}

// Another thread of the process may have taken the reserve's place: look again later instead of spinning.
static void pause_accepting(struct listener *listener) {
  struct engine *engine = listener->engine;
  listener->paused = true;
  interest(listener, EPOLL_CTL_MOD, 0);
  timer_arm(&engine->wheel, &listener->timer, engine->now + EXHAUSTED_PAUSE_MS);
}

static void take(struct listener *listener, int fd, const struct address *peer) {
  enum refusal reason = REFUSED_CAP;
  bool full = listener->counters[ACTIVE] >= atomic_load_explicit(&listener->max_connections, memory_order_relaxed);
  // Who may not speak at all learns nothing about the load (P-B3).
  if (listener->peer_cid != VMADDR_CID_ANY && peer->vm.svm_cid != listener->peer_cid) reason = REFUSED_CID;
  if (!full && reason == REFUSED_CAP) {
    conn_open(listener, fd, peer);
    return;
  }
  socket_reset(fd, listener->family);
  close(fd);
  struct peer named = peer_of(peer);
  count(listener, REFUSED, 1);
  event_refused(listener, ++listener->engine->next_id, &named, reason);
}

// As many as came last time and twice that while they keep coming: one quiet connection costs one accept, not a second one
// that finds nothing.
void listener_accept(struct listener *listener) {
  if (listener->paused) {
    listener->paused = false;
    interest(listener, EPOLL_CTL_MOD, EPOLLIN);
  }
  uint32_t taken = 0;
  while (taken < listener->burst && !listener->stopped) {
    struct address peer = {.bytes = sizeof(struct sockaddr_un)};
    int fd = accept4(listener->fd, &peer.any, &peer.bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      taken++;
      take(listener, fd, &peer);
      continue;
    }
    int error = errno;
    if (error == EAGAIN) break;
    taken++;
    bool full = error == EMFILE || error == ENFILE;
    if (full ? turn_away(listener) : error != ENOBUFS && error != ENOMEM) continue;  // or the peer's own trouble, now over
    pause_accepting(listener);
    return;
  }
  if (taken == listener->burst) {
    if (listener->burst < ACCEPT_BURST) listener->burst *= 2;
  } else {
    listener->burst = taken > 0 ? taken : 1;
  }
}

void listener_stop(struct listener *listener) {
  if (listener->stopped) return;
  struct engine *engine = listener->engine;
  listener->stopped = true;
  close(listener->fd);
  listener->fd = -1;
  timer_disarm(&listener->timer);
  listener->stopped_note = (struct note){.type = NOTE_STOPPED, .listener = listener->number};
  engine_note(engine, &listener->stopped_note);
  listener_released(listener);
}

void listener_abort(struct listener *listener, int error) {
  while (listener->conns != NULL) {
    struct conn *conn = listener->conns;
    if (conn->state == CONN_RELAYING) {
      conn_abort(conn, error);
    } else {
      conn_undialled(conn, error);
    }
  }
}

// Stopped and nobody left: the note hands the listener to JavaScript's thread, so nothing may touch it after.
void listener_released(struct listener *listener) {
  if (!listener->stopped || listener->living > 0) return;
  struct engine *engine = listener->engine;
  struct listener **link = &engine->listeners;
  while (*link != listener) link = &(*link)->next;
  *link = listener->next;
  listener->gone_note = (struct note){.type = NOTE_GONE, .listener = listener->number};
  engine_note(engine, &listener->gone_note);
}

void listener_free(struct listener *listener) {
  if (listener->fd >= 0) close(listener->fd);
  free(listener->targets);
  free(listener);
}
