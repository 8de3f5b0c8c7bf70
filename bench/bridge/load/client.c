// The closed loop: N connections driven by one epoll. up and down count bytes; echo counts round trips and their times; churn
// and hold do so with a connection for each.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define MOST_SAMPLES (1 << 23)

struct worker {
  int fd;
  size_t unsent, unread; // of the current message
  uint64_t begun;
};

static const struct plan *plan;
static int loop, up, down, churn;
static char buffer[CHUNK], landing[CHUNK];
static uint32_t *samples;
static size_t sample_count;
static uint64_t round_trips, received, sent, errors, window_from;
static struct address to;

static void begin(struct worker *worker, int first) {
  worker->begun = churn || first ? worker->begun : now_ns();
  worker->unsent = (size_t)plan->size + (first ? 1 : 0);
  worker->unread = (size_t)plan->size;
}

static void open_worker(struct worker *worker) {
  worker->begun = now_ns();
  worker->fd = dial(&to);
  if (worker->fd < 0) die("connect");
  if (!up && !down) begin(worker, 1);
  else worker->unsent = down ? 1 : SIZE_MAX;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = worker};
  epoll_ctl(loop, EPOLL_CTL_ADD, worker->fd, &event);
}

static void reopen(struct worker *worker) {
  close(worker->fd);
  open_worker(worker);
}

// Sends as much as goes; the buffer begins with the kind, the rest is filler.
static void push(struct worker *worker) {
  while (worker->unsent > 0) {
    size_t want = worker->unsent < CHUNK ? worker->unsent : CHUNK;
    ssize_t n = send(worker->fd, buffer, want, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN && errno != ENOTCONN) {
        errors++;
        reopen(worker);
      }
      return;
    }
    if (up) sent += (uint64_t)n;
    else worker->unsent -= (size_t)n;
  }
}

static void finish(struct worker *worker) {
  uint64_t now = now_ns();
  round_trips++;
  if (window_from != 0 && sample_count < MOST_SAMPLES) samples[sample_count++] = (uint32_t)((now - worker->begun) / 100);
  if (churn) {
    reopen(worker);
    return;
  }
  begin(worker, 0);
  push(worker);
}

static void pull(struct worker *worker) {
  for (;;) {
    ssize_t n = recv(worker->fd, landing, CHUNK, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      errors++;
      reopen(worker);
      return;
    }
    received += (uint64_t)n;
    if (down) continue;
    worker->unread -= (size_t)n;
    if (worker->unread == 0) {
      finish(worker);
      if (churn) return;
    }
  }
}

static int by_size(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

static uint64_t progress(void) {
  // What a sink elsewhere took is what was sent, less what fits into the buffers between.
  if (up) return is_elsewhere(plan) ? sent : atomic_load(&sunk_bytes);
  return down ? received : round_trips;
}

void run_client(const struct plan *given) {
  plan = given;
  up = strcmp(plan->mode, "up") == 0;
  down = strcmp(plan->mode, "down") == 0;
  int hold = strcmp(plan->mode, "hold") == 0;
  churn = hold || strcmp(plan->mode, "churn") == 0;
  to = parse_address(strcmp(plan->near, "direct") == 0 ? plan->far : plan->near);
  memset(buffer, 'x', CHUNK);
  // Echo answers exclude the first byte of a connection; later messages may begin with any byte.
  buffer[0] = up ? KIND_SINK : down ? KIND_SOURCE : hold ? KIND_HOLD : KIND_ECHO;
  samples = malloc(MOST_SAMPLES * sizeof *samples);
  loop = epoll_create1(EPOLL_CLOEXEC);
  struct worker *workers = calloc((size_t)plan->connections, sizeof *workers);
  for (int i = 0; i < plan->connections; i++) open_worker(&workers[i]);

  uint64_t start = now_ns(), warm_until = start + (uint64_t)plan->warm_ms * 1000000u;
  uint64_t until = warm_until + (uint64_t)plan->window_ms * 1000000u, at_window = 0, now;
  struct epoll_event events[512];
  while ((now = now_ns()) < until) {
    if (window_from == 0 && now >= warm_until) {
      window_from = now;
      at_window = progress();
    }
    int count = epoll_wait(loop, events, 512, 5);
    for (int i = 0; i < count; i++) {
      struct worker *worker = events[i].data.ptr;
      int fd = worker->fd;
      if (events[i].events & EPOLLOUT) push(worker);
      if (worker->fd == fd && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) pull(worker);
    }
  }
  uint64_t done = progress() - at_window;
  double seconds = (double)(now - window_from) / 1e9;
  qsort(samples, sample_count, sizeof *samples, by_size);
  double p50 = sample_count ? samples[sample_count / 2] / 10.0 : 0;
  double p99 = sample_count ? samples[sample_count - 1 - sample_count / 100] / 10.0 : 0;
  printf("{\"rate\":%.1f,\"total\":%llu,\"p50us\":%.1f,\"p99us\":%.1f,\"errors\":%llu}\n", (double)done / seconds,
         (unsigned long long)progress(), p50, p99, (unsigned long long)errors);
}
