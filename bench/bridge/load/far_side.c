// The far side: sink, source, echo, an echo that takes its time, and a small HTTP server, told apart by a connection's first byte.
// Level-triggered epoll on one thread; a pending answer stops reading until it is written, so memory is bounded.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
// Below malloc's mmap threshold: churn must measure the bridge, not our page faults.
#define KEPT (32 * 1024)

_Atomic uint64_t sunk_bytes;

struct peer {
  int fd;
  char kind;          // 0 until the first byte came
  size_t pending;     // bytes of the answer that are not written yet
  const char *answer; // echo: own buffer; http and source: shared bytes
  size_t seen;        // http: bytes of the request head so far
  uint64_t due;       // hold: when the answer may go; 0 = nothing waits
  struct peer *later, *earlier;
  char buffer[KEPT];  // echo and request head
};

static int listener, loop, hold_ms;
// In order of their time, which is the order in which they came: all wait equally long.
static struct peer *held, *last_held;
static char filler[CHUNK], landing[CHUNK];
static char *pages[4];
static size_t page_bytes[4];

static void make_pages(void) {
  static const size_t sizes[4] = {0, 1024, 32 * 1024, 1024 * 1024};
  for (int i = 0; i < 4; i++) {
    char head[128];
    int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
    page_bytes[i] = (size_t)length + sizes[i];
    pages[i] = malloc(page_bytes[i]);
    memcpy(pages[i], head, (size_t)length);
    memset(pages[i] + length, 'x', sizes[i]);
  }
}

static void let_go(struct peer *peer) {
  if (peer->due == 0) return;
  *(peer->earlier != NULL ? &peer->earlier->later : &held) = peer->later;
  *(peer->later != NULL ? &peer->later->earlier : &last_held) = peer->earlier;
  peer->due = 0;
}

static void drop(struct peer *peer) {
  let_go(peer);
  close(peer->fd);
  free(peer);
}

static void want(struct peer *peer, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = peer};
  epoll_ctl(loop, EPOLL_CTL_MOD, peer->fd, &event);
}

// Writes what is pending; false when the peer is gone.
static int flush_answer(struct peer *peer) {
  while (peer->pending > 0) {
    ssize_t n = send(peer->fd, peer->answer, peer->pending, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN) return 0;
      want(peer, EPOLLOUT);
      return 1;
    }
    peer->answer += n;
    peer->pending -= (size_t)n;
    if (peer->pending == 0 && peer->kind == KIND_SOURCE) {
      peer->answer = filler;
      peer->pending = CHUNK;
    }
  }
  want(peer, EPOLLIN);
  return 1;
}

static int hold(struct peer *peer) {
  peer->due = now_ns() + (uint64_t)hold_ms * 1000000u;
  peer->later = NULL;
  peer->earlier = last_held;
  *(last_held != NULL ? &last_held->later : &held) = peer;
  last_held = peer;
  want(peer, 0);
  return 1;
}

// Answers those whose time has come; returns the milliseconds until the next, -1 for none.
static int answer_held(void) {
  uint64_t now = now_ns();
  while (held != NULL && held->due <= now) {
    struct peer *peer = held;
    let_go(peer);
    if (!flush_answer(peer)) drop(peer);
  }
  return held == NULL ? -1 : (int)((held->due - now) / 1000000u) + 1;
}

// `GET /N`: page N; requests come one at a time (wrk does not pipeline).
static int answer_http(struct peer *peer, size_t n) {
  peer->seen += n;
  if (peer->seen < 8 || memcmp(peer->buffer + peer->seen - 4, "\r\n\r\n", 4) != 0) return peer->seen < KEPT / 2;
  int page = peer->buffer[5] - '0';
  if (page < 0 || page > 3) return 0;
  peer->seen = 0;
  peer->answer = pages[page];
  peer->pending = page_bytes[page];
  return flush_answer(peer);
}

static int take(struct peer *peer) {
  int sink = peer->kind == KIND_SINK;
  char *into = sink ? landing : peer->buffer + (peer->kind == KIND_HTTP ? peer->seen : 0);
  ssize_t n = recv(peer->fd, into, sink ? CHUNK : KEPT / 2, 0);
  if (n < 0) return errno == EAGAIN;
  if (n == 0) return 0;
  char *data = into;
  if (peer->kind == 0) {
    peer->kind = into[0];
    if (peer->kind == KIND_SOURCE) {
      peer->answer = filler;
      peer->pending = CHUNK;
      return flush_answer(peer);
    }
    if (peer->kind != KIND_HTTP) {
      data += 1;
      n -= 1;
    }
  }
  if (peer->kind == KIND_SINK) atomic_fetch_add_explicit(&sunk_bytes, (uint64_t)n, memory_order_relaxed);
  if (peer->kind == KIND_HTTP) return answer_http(peer, (size_t)n);
  if ((peer->kind == KIND_ECHO || peer->kind == KIND_HOLD) && n > 0) {
    peer->answer = data;
    peer->pending = (size_t)n;
    return peer->kind == KIND_HOLD ? hold(peer) : flush_answer(peer);
  }
  return 1;
}

static void *serve(void *unused) {
  (void)unused;
  struct epoll_event events[256];
  for (;;) {
    int count = epoll_wait(loop, events, 256, answer_held());
    for (int i = 0; i < count; i++) {
      struct peer *peer = events[i].data.ptr;
      if (peer == NULL) {
        int fd;
        while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
          peer = malloc(sizeof *peer);
          peer->fd = fd;
          peer->kind = 0;
          peer->pending = peer->seen = peer->due = 0;
          struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
          epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
        }
      } else if (events[i].events & EPOLLOUT ? !flush_answer(peer) : !take(peer)) {
        drop(peer);
      }
    }
  }
  return NULL;
}

void start_far_side(const struct plan *plan) {
  struct address at = parse_address(plan->far);
  hold_ms = plan->hold_ms;
  make_pages();
  listener = listen_on(&at);
  loop = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
  pthread_t thread;
  if (pthread_create(&thread, NULL, serve, NULL) != 0) die("thread");
}
