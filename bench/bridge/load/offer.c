// The open loop: begins `connections` new connections every second whatever becomes of the earlier ones, as a crowd does.
// Each sends one message and wants it back; a reset or an end before that is a refusal, and how long it took is kept.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

// Chosen: what is on its way at once; more is counted as skipped, and a run that skips does not count.
enum { MOST_ON_THE_WAY = 8192, MOST_REFUSALS = 1 << 22, LONGEST_MESSAGE = 4096 };

struct visit {
  int fd;
  size_t unsent, unread;
  uint64_t begun;
  struct visit *next_free;
};

static struct visit visits[MOST_ON_THE_WAY];
static struct visit *free_visits;
static char message[LONGEST_MESSAGE + 1], landing[LONGEST_MESSAGE];
static uint32_t *refusal_us;
static size_t refusals;
static uint64_t good, slowest_us;
static int loop;

static void leave(struct visit *visit, int answered) {
  uint64_t took_us = (now_ns() - visit->begun) / 1000;
  if (answered) good++;
  else if (refusals < MOST_REFUSALS) refusal_us[refusals++] = (uint32_t)took_us;
  if (answered && took_us > slowest_us) slowest_us = took_us;
  close(visit->fd);
  visit->next_free = free_visits;
  free_visits = visit;
}

static int begin(const struct address *to, size_t size) {
  struct visit *visit = free_visits;
  if (visit == NULL) return 0;
  visit->begun = now_ns();
  visit->fd = dial(to);
  if (visit->fd < 0) {
    if (refusals < MOST_REFUSALS) refusal_us[refusals++] = 0;
    return 1;
  }
  free_visits = visit->next_free;
  visit->unsent = size + 1;
  visit->unread = size;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = visit};
  epoll_ctl(loop, EPOLL_CTL_ADD, visit->fd, &event);
  return 1;
}

static void advance(struct visit *visit, uint32_t events) {
  if ((events & EPOLLOUT) != 0 && visit->unsent > 0) {
    ssize_t n = send(visit->fd, message, visit->unsent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return leave(visit, 0);
    if (n > 0) visit->unsent -= (size_t)n;
  }
  while ((events & ~(uint32_t)EPOLLOUT) != 0) {
    ssize_t n = recv(visit->fd, landing, sizeof landing, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return leave(visit, 0);
    visit->unread -= (size_t)n < visit->unread ? (size_t)n : visit->unread;
    if (visit->unread == 0) return leave(visit, 1);
  }
}

static int by_size(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

void run_offer(const struct plan *plan) {
  struct address to = parse_address(plan->near);
  errno = EMSGSIZE;
  if (plan->size < 1 || plan->size > LONGEST_MESSAGE) die("size of an offered message");
  memset(message, 'x', sizeof message);
  message[0] = KIND_HOLD;
  refusal_us = malloc(MOST_REFUSALS * sizeof *refusal_us);
  loop = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < MOST_ON_THE_WAY; i++) {
    visits[i].next_free = free_visits;
    free_visits = &visits[i];
  }
  uint64_t start = now_ns(), window = (uint64_t)plan->window_ms * 1000000u, now, begun = 0, skipped = 0;
  struct epoll_event events[512];
  while ((now = now_ns()) - start < window) {
    uint64_t due = (uint64_t)((double)(now - start) / 1e9 * plan->connections);
    for (; begun + skipped < due;) {
      if (begin(&to, (size_t)plan->size)) begun++;
      else skipped++;
    }
    int count = epoll_wait(loop, events, 512, 1);
    for (int i = 0; i < count; i++) advance(events[i].data.ptr, events[i].events);
  }
  double seconds = (double)(now - start) / 1e9;
  qsort(refusal_us, refusals, sizeof *refusal_us, by_size);
  printf("{\"offered\":%.1f,\"good\":%.1f,\"refused\":%zu,\"refusalP99us\":%u,\"refusalMaxUs\":%u,\"slowestUs\":%llu,"
         "\"skipped\":%llu}\n",
         (double)begun / seconds, (double)good / seconds, refusals, refusals ? refusal_us[refusals - 1 - refusals / 100] : 0,
         refusals ? refusal_us[refusals - 1] : 0, (unsigned long long)slowest_us, (unsigned long long)skipped);
}
