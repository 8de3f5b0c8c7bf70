// Connecting without ever blocking JavaScript: one epoll thread per environment, started by the first attempt.
//
// An attempt goes   queued -> connecting -> ended -> told
//   queued      made by the JavaScript thread, in `inbox` under `lock`
//   connecting  on the thread's list, its socket in epoll, its deadline among those that bound epoll_wait
//   ended       its socket is connected (fd >= 0) or closed (result < 0), on its way through the threadsafe function
//   told        `done` has been called on the JavaScript thread, the attempt is freed
//
// Ownership: `live` lists every attempt not yet told and belongs to the JavaScript thread, which alone frees; the thread
// owns `fd` and `result` of queued and connecting ones. At the environment's end the hook joins the thread first and then
// closes and frees what `live` still holds; results left in the threadsafe function's queue are not touched any more. The
// hook is added after the threadsafe function was created, and hooks run in reverse order, so the thread is gone before
// Node deletes the function it calls.
#include "vsock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct attempt {
  struct attempt *live_next, *live_previous;
  struct attempt *next, *previous;
  struct endpoint target;
  struct endpoint from;
  int64_t id;
  int64_t deadline_ms;
  uint32_t window;
  atomic_bool cancelled;
  int fd;
  int result;
  napi_ref done;
};

struct connector {
  napi_env env;
  struct loose *loose;
  // JavaScript thread.
  struct attempt *live;
  int64_t last_id;
  size_t untold;
  bool running;
  // Shared.
  pthread_mutex_t lock;
  struct attempt *inbox;
  bool stop;
  // Thread.
  pthread_t thread;
  napi_threadsafe_function tell;
  struct attempt *connecting;
  int64_t earliest_ms;
  int epoll_fd;
  int wake_fd;
};

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void wake(struct connector *connector) {
  uint64_t one = 1;
  // Fails only when the counter is full, and then the thread is awake anyway.
  ssize_t written = write(connector->wake_fd, &one, sizeof one);
  (void)written;
}

// ---- The thread

static void end(struct connector *connector, struct attempt *attempt, int result) {
  if (attempt->previous != NULL) attempt->previous->next = attempt->next;
  if (attempt->next != NULL) attempt->next->previous = attempt->previous;
  if (connector->connecting == attempt) connector->connecting = attempt->next;
  if (attempt->fd >= 0) {
    // Only close() removes a descriptor from epoll by itself, and a connected one stays open.
    epoll_ctl(connector->epoll_fd, EPOLL_CTL_DEL, attempt->fd, NULL);
    if (result < 0) {
      close(attempt->fd);
      attempt->fd = -1;
    }
  }
  attempt->result = result;
  napi_call_threadsafe_function(connector->tell, attempt, napi_tsfn_nonblocking);
}

static void begin(struct connector *connector, struct attempt *attempt) {
  attempt->previous = NULL;
  attempt->next = connector->connecting;
  if (attempt->next != NULL) attempt->next->previous = attempt;
  connector->connecting = attempt;

  int64_t left_ms = attempt->deadline_ms - now_ms();
  if (left_ms <= 0) return end(connector, attempt, -ETIMEDOUT);
  int fd = socket_open(&attempt->target, attempt->window, (uint32_t)left_ms);
  if (fd < 0) return end(connector, attempt, fd);
  attempt->fd = fd;
  int bound = socket_dial_from(fd, &attempt->from);
  if (bound < 0) return end(connector, attempt, bound);
  if (connect(fd, &attempt->target.address.any, attempt->target.length) == 0) return end(connector, attempt, 0);
  if (errno != EINPROGRESS) return end(connector, attempt, -errno);
  struct epoll_event event = {.events = EPOLLOUT, .data = {.ptr = attempt}};
  if (epoll_ctl(connector->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) return end(connector, attempt, -errno);
  if (attempt->deadline_ms < connector->earliest_ms) connector->earliest_ms = attempt->deadline_ms;
}

static void judge(struct connector *connector, struct attempt *attempt) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) error = errno;
  // Woken without an error and without a peer: libuv must never be given such a socket, it would fail at its first write.
  struct sockaddr_storage peer;
  length = sizeof peer;
  if (error == 0 && getpeername(attempt->fd, (struct sockaddr *)&peer, &length) < 0) error = errno;
  end(connector, attempt, -error);
}

static void sweep(struct connector *connector) {
  int64_t now = now_ms();
  connector->earliest_ms = INT64_MAX;
  for (struct attempt *attempt = connector->connecting, *next; attempt != NULL; attempt = next) {
    next = attempt->next;
    if (atomic_load(&attempt->cancelled)) {
      end(connector, attempt, -ECANCELED);
    } else if (attempt->deadline_ms <= now) {
      end(connector, attempt, -ETIMEDOUT);
    } else if (attempt->deadline_ms < connector->earliest_ms) {
      connector->earliest_ms = attempt->deadline_ms;
    }
  }
}

// Returns false when the thread must end.
static bool take_inbox(struct connector *connector) {
  uint64_t count;
  ssize_t taken = read(connector->wake_fd, &count, sizeof count);
  (void)taken;
  pthread_mutex_lock(&connector->lock);
  struct attempt *attempt = connector->inbox;
  bool stop = connector->stop;
  connector->inbox = NULL;
  pthread_mutex_unlock(&connector->lock);
  if (stop) return false;
  for (struct attempt *next; attempt != NULL; attempt = next) {
    next = attempt->next;
    begin(connector, attempt);
  }
  return true;
}

static void *run(void *data) {
  struct connector *connector = data;
  struct epoll_event events[64];
  for (;;) {
    int timeout_ms = -1;
    if (connector->earliest_ms != INT64_MAX) {
      int64_t left_ms = connector->earliest_ms - now_ms();
      timeout_ms = left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms;
    }
    int count = epoll_wait(connector->epoll_fd, events, 64, timeout_ms);
    bool woken = false;
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == NULL) {
        woken = true;
      } else {
        judge(connector, events[i].data.ptr);
      }
    }
    // After the sockets: a sweep frees nothing, but it closes what this batch of events may still name.
    if (woken && !take_inbox(connector)) return NULL;
    if (woken || now_ms() >= connector->earliest_ms) sweep(connector);
  }
}

// ---- The JavaScript thread

static void drop(struct connector *connector, struct attempt *attempt) {
  if (attempt->live_previous != NULL) attempt->live_previous->live_next = attempt->live_next;
  if (attempt->live_next != NULL) attempt->live_next->live_previous = attempt->live_previous;
  if (connector->live == attempt) connector->live = attempt->live_next;
  free(attempt);
}

static void tell(napi_env env, napi_value unused, void *context, void *data) {
  (void)unused;
  // The environment has ended and the hook below has freed everything.
  if (env == NULL) return;
  struct connector *connector = context;
  struct attempt *attempt = data;
  napi_ref reference = attempt->done;
  int fd = attempt->fd;
  int result = attempt->result;
  drop(connector, attempt);
  if (--connector->untold == 0) napi_unref_threadsafe_function(env, connector->tell);

  if (result == 0) result = loose_add(connector->loose, fd);
  napi_value done, self, argument = caisson_number(env, result);
  if (napi_get_reference_value(env, reference, &done) == napi_ok && napi_get_undefined(env, &self) == napi_ok) {
    napi_call_function(env, self, done, 1, &argument, NULL);
  }
  napi_delete_reference(env, reference);
  // What the callback did not swap away in this tick has no owner: the caller gave up, or its worker is being ended.
  if (result >= 0) loose_discard(connector->loose, result);
}

static void finish(void *data) {
  struct connector *connector = data;
  pthread_mutex_lock(&connector->lock);
  connector->stop = true;
  pthread_mutex_unlock(&connector->lock);
  wake(connector);
  pthread_join(connector->thread, NULL);
  napi_release_threadsafe_function(connector->tell, napi_tsfn_abort);
  while (connector->live != NULL) {
    if (connector->live->fd >= 0) close(connector->live->fd);
    drop(connector, connector->live);
  }
  close(connector->epoll_fd);
  close(connector->wake_fd);
  pthread_mutex_destroy(&connector->lock);
  connector->running = false;
}

static int start_thread(struct connector *connector) {
  sigset_t all, before;
  sigfillset(&all);
  // Signals belong to Node's threads.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&connector->thread, NULL, run, connector);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return -error;
}

static int open_descriptors(struct connector *connector) {
  connector->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (connector->epoll_fd < 0) return -errno;
  connector->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
  if (connector->wake_fd >= 0 && epoll_ctl(connector->epoll_fd, EPOLL_CTL_ADD, connector->wake_fd, &event) == 0) {
    return 0;
  }
  int result = -errno;
  if (connector->wake_fd >= 0) close(connector->wake_fd);
  close(connector->epoll_fd);
  return result;
}

static int ensure_running(struct connector *connector) {
  if (connector->running) return 0;
  int result = open_descriptors(connector);
  if (result < 0) return result;
  pthread_mutex_init(&connector->lock, NULL);
  connector->stop = false;
  connector->earliest_ms = INT64_MAX;
  napi_value name;
  bool told = napi_create_string_utf8(connector->env, "caisson:connect", NAPI_AUTO_LENGTH, &name) == napi_ok &&
              napi_create_threadsafe_function(connector->env, NULL, NULL, name, 0, 1, NULL, NULL, connector, tell,
                                              &connector->tell) == napi_ok;
  result = told ? start_thread(connector) : -ENOMEM;
  if (result < 0) {
    if (told) napi_release_threadsafe_function(connector->tell, napi_tsfn_abort);
    close(connector->epoll_fd);
    close(connector->wake_fd);
    pthread_mutex_destroy(&connector->lock);
    return result;
  }
  napi_unref_threadsafe_function(connector->env, connector->tell);
  napi_add_env_cleanup_hook(connector->env, finish, connector);
  connector->running = true;
  return 0;
}

struct connector *connector_create(napi_env env, struct loose *loose) {
  struct connector *connector = calloc(1, sizeof *connector);
  if (connector == NULL) return NULL;
  connector->env = env;
  connector->loose = loose;
  return connector;
}

void connector_free(struct connector *connector) { free(connector); }

int64_t connector_start(struct connector *connector, const struct endpoint *target, const struct endpoint *from,
                        uint32_t window, uint32_t timeout_ms, napi_value done) {
  int result = ensure_running(connector);
  if (result < 0) return result;
  struct attempt *attempt = calloc(1, sizeof *attempt);
  if (attempt == NULL) return -ENOMEM;
  if (napi_create_reference(connector->env, done, 1, &attempt->done) != napi_ok) {
    free(attempt);
    return -ENOMEM;
  }
  attempt->target = *target;
  attempt->from = *from;
  attempt->window = window;
  attempt->deadline_ms = now_ms() + timeout_ms;
  attempt->fd = -1;
  attempt->id = ++connector->last_id;
  attempt->live_next = connector->live;
  if (attempt->live_next != NULL) attempt->live_next->live_previous = attempt;
  connector->live = attempt;
  if (connector->untold++ == 0) napi_ref_threadsafe_function(connector->env, connector->tell);
  // Read before the thread may end it; it stays alive until `tell` runs on this thread.
  int64_t id = attempt->id;
  pthread_mutex_lock(&connector->lock);
  attempt->next = connector->inbox;
  connector->inbox = attempt;
  pthread_mutex_unlock(&connector->lock);
  wake(connector);
  return id;
}

void connector_cancel(struct connector *connector, int64_t id) {
  for (struct attempt *attempt = connector->live; attempt != NULL; attempt = attempt->live_next) {
    if (attempt->id != id) continue;
    atomic_store(&attempt->cancelled, true);
    return wake(connector);
  }
}
