// The engine's thread: one epoll, one turn after another.
//
// A turn: wait; hand out events; fire timers; carry out JavaScript's commands; let those who used up their share go on;
// bury the dead; wake JavaScript if it has something to read. Commands come after events, so that nothing that an event of
// this turn points at is taken away under it.
//
// The two threads meet in two lists, each pushed by one compare-and-swap and emptied by one exchange, and an eventfd that
// is never read: it is edge-triggered. JavaScript is woken at most once until it has looked (`signalled`).
#include "bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS = 256 };

void engine_post(struct engine *engine, struct command *command) {
  command->next = atomic_load(&engine->inbox);
  while (!atomic_compare_exchange_weak(&engine->inbox, &command->next, command)) {
  }
  // Fails only when 2^64 - 2 wakes are outstanding.
  ssize_t written = write(engine->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
  (void)written;
}

void engine_note(struct engine *engine, struct note *note) {
  note->next = atomic_load(&engine->outbox);
  while (!atomic_compare_exchange_weak(&engine->outbox, &note->next, note)) {
  }
  engine->noted = true;
}

void engine_queue(struct conn *conn) {
  struct engine *engine = conn->listener->engine;
  if (conn->queued) return;
  conn->queued = true;
  conn->queue_next = NULL;
  if (engine->queue == NULL) {
    engine->queue = conn;
  } else {
    engine->queue_last->queue_next = conn;
  }
  engine->queue_last = conn;
}

// Only those that stand in it now: who uses up the next share as well waits behind the next events.
static void run_queue(struct engine *engine) {
  struct conn *conn = engine->queue;
  engine->queue = engine->queue_last = NULL;
  while (conn != NULL) {
    struct conn *next = conn->queue_next;
    conn->queued = false;
    if (conn->state == CONN_RELAYING) relay_resume(conn);
    conn = next;
  }
}

// By its number and not by a pointer: a listener may have been handed over while the command was on its way.
static struct listener *find_listener(struct engine *engine, uint32_t number) {
  struct listener *listener = engine->listeners;
  while (listener != NULL && listener->number != number) listener = listener->next;
  return listener;
}

static void obey(struct engine *engine, struct command *command) {
  if (command->type == COMMAND_QUIT) {
    engine->quitting = true;
    return;
  }
  if (command->type == COMMAND_LISTEN) {
    listener_watch(command->listener);
    return;
  }
  if (command->type == COMMAND_ANSWER) {
    conn_answer(engine, command);
  } else {
    struct listener *listener = find_listener(engine, command->number);
    if (listener != NULL && command->type == COMMAND_STOP) listener_stop(listener);
    if (listener != NULL && command->type == COMMAND_ABORT) listener_abort(listener, ERROR_DRAINED);
  }
  free(command->targets);
  free(command);
}

static void run_inbox(struct engine *engine) {
  struct command *newest = atomic_exchange(&engine->inbox, NULL);
  struct command *oldest = NULL;
  while (newest != NULL) {
    struct command *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != NULL) {
    struct command *next = oldest->next;  // before the command is freed, or its listener handed over
    obey(engine, oldest);
    oldest = next;
  }
}

static void run_timers(struct engine *engine) {
  for (struct timer *timer = wheel_take(&engine->wheel, engine->now); timer != NULL;
       timer = wheel_take(&engine->wheel, engine->now)) {
    if (timer->kind == TIMER_CONN) {
      conn_timer((struct conn *)((char *)timer - offsetof(struct conn, timer)));
    } else if (timer->kind == TIMER_LISTENER) {
      listener_accept((struct listener *)((char *)timer - offsetof(struct listener, timer)));
    } else {
      engine->noted = true;
    }
  }
}

// Returns true when JavaScript has written to the inbox.
static bool run_events(const struct epoll_event *events, int count) {
  bool woken = false;
  for (int i = 0; i < count; i++) {
    void *place = events[i].data.ptr;
    switch (*(uint8_t *)place) {
      case SOURCE_WAKE:
        woken = true;
        break;
      case SOURCE_LISTENER:
        listener_accept(place);
        break;
      default: {
        struct end *end = place;
        conn_event(end->conn, end, events[i].events);
      }
    }
  }
  return woken;
}

static void wake_javascript(struct engine *engine) {
  if (!engine->noted) return;
  engine->noted = false;
  if (!atomic_exchange(&engine->signalled, true)) engine->signal(engine->context);
}

static void *run(void *argument) {
  struct engine *engine = argument;
  struct epoll_event events[EVENTS];
  while (!engine->quitting) {
    int wait = engine->queue != NULL ? 0 : wheel_wait(&engine->wheel, clock_ms());
    int count = epoll_wait(engine->epoll_fd, events, EVENTS, wait);
    engine->now = clock_ms();
    bool woken = run_events(events, count > 0 ? count : 0);
    run_timers(engine);
    if (woken) run_inbox(engine);
    if (engine->queue != NULL) run_queue(engine);
    if (engine->graveyard != NULL) conn_bury(engine);
    wake_javascript(engine);
  }
  while (engine->listeners != NULL) {
    struct listener *listener = engine->listeners;
    // Stopping an empty listener hands it over, and so does burying the last connection of a stopped one: it may not be
    // touched after either.
    bool is_empty = listener->living == 0;
    listener_stop(listener);
    if (is_empty) continue;
    listener_abort(listener, ECANCELED);
    run_queue(engine);  // the dead leave the queue
    conn_bury(engine);
  }
  engine->quit_note = (struct note){.type = NOTE_QUIT};
  engine_note(engine, &engine->quit_note);
  wake_javascript(engine);
  engine->leave(engine->context);
  return NULL;
}

static int open_descriptors(struct engine *engine) {
  engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  engine->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  engine->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (engine->epoll_fd < 0 || engine->wake_fd < 0 || engine->reserve_fd < 0) return -errno;
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = engine};
  return epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, engine->wake_fd, &event) < 0 ? -errno : 0;
}

// Assumes a zeroed engine with its options, `signal`, `leave` and `context` set. After an error engine_free is still due.
int engine_start(struct engine *engine) {
  engine->epoll_fd = engine->wake_fd = engine->reserve_fd = -1;
  int result = open_descriptors(engine);
  if (result != 0) return result;
  engine->ring = ring_create();
  if (engine->ring == NULL) return -ENOMEM;
  engine->now = clock_ms();
  engine->wheel.turned = engine->now / SLOT_MS;
  engine->event_timer.kind = TIMER_EVENTS;
  engine->random = (uint64_t)(uintptr_t)engine ^ engine->now << 20 ^ UINT64_C(0x9e3779b97f4a7c15);
  // Signals belong to Node's threads. SIGPIPE from a splice stays pending here and is never delivered.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  result = pthread_create(&engine->thread, NULL, run, engine);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return -result;
}

// Assumes that the thread was joined or never started.
void engine_free(struct engine *engine) {
  for (struct command *command = atomic_exchange(&engine->inbox, NULL); command != NULL;) {
    struct command *next = command->next;
    if (command->type != COMMAND_LISTEN && command->type != COMMAND_QUIT) {
      free(command->targets);
      free(command);
    }
    command = next;
  }
  for (struct note *note = atomic_exchange(&engine->outbox, NULL); note != NULL;) {
    struct note *next = note->next;
    if (note->type == NOTE_ASK) free(note);
    note = next;
  }
  block_free(engine);
  pipe_free(engine);
  ring_free(engine->ring);
  engine->ring = NULL;
  int *fds[] = {&engine->epoll_fd, &engine->wake_fd, &engine->reserve_fd};
  for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
    if (*fds[i] >= 0) close(*fds[i]);
    *fds[i] = -1;
  }
}
