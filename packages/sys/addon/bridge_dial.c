// Reaching the far side: targets in order, a new one every STAGGER_MS or as soon as the last one failed (RFC 8305 section
// 5), each attempt on a socket of its own; the first that is usable wins and the others are closed.
//
// An attempt is CONNECTING, then SPEAKING (its target's preface), then HEARING (the line that must answer it), and then
// usable. A failure makes it LOST, or WAITING when a refusal may be a full backlog: unix says so by EAGAIN, vsock and the
// fabric cannot tell it from nobody listening. One deadline, from accept on, bounds all of it.
#include "bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void win(struct conn *conn, struct attempt *attempt);

static struct engine *engine_of(const struct conn *conn) {
  return conn->listener->engine;
}

// xorshift64: spreads retries of many connections; nothing secret depends on it.
static uint32_t jitter(struct engine *engine, uint32_t below) {
  uint64_t x = engine->random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  engine->random = x;
  return (uint32_t)(x % below);
}

static bool is_refusal(const struct attempt *attempt, int error) {
  if (attempt->target->address.any.sa_family == AF_UNIX) return error == ECONNREFUSED || error == ENOENT;
  return attempt->target->address.any.sa_family == AF_VSOCK && error == ECONNREFUSED;
}

static void lose(struct conn *conn, struct attempt *attempt, int error) {
  struct engine *engine = engine_of(conn);
  // What Linux says of a vsock port where nobody listens, or whose backlog is full.
  if (attempt->target->address.any.sa_family == AF_VSOCK && error == ECONNRESET) error = ECONNREFUSED;
  end_close(&attempt->end, false);
  uint8_t source = attempt->end.source;
  attempt->end = (struct end){.source = source, .fd = -1, .conn = conn};
  attempt->said = 0;
  attempt->error = error;
  // A blocking connect would wait for room in a unix backlog, so EAGAIN is never a refusal.
  bool again = error == EAGAIN || (conn->listener->retry_refused && is_refusal(attempt, error));
  attempt->phase = again ? ATTEMPT_WAITING : ATTEMPT_LOST;
  if (!again) return;
  if (attempt->backoff_ms == 0) attempt->backoff_ms = RETRY_FIRST_MS;
  attempt->retry_at = engine->now + attempt->backoff_ms / 2 + jitter(engine, attempt->backoff_ms) + 1;
  if (attempt->backoff_ms < RETRY_LAST_MS) attempt->backoff_ms *= 2;
}

static void hear(struct conn *conn, struct attempt *attempt) {
  const struct target *target = attempt->target;
  char line[LINE_BYTES];
  ssize_t got = recv(attempt->end.fd, line, target->reply_bytes, MSG_PEEK);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // Firecracker closes without a word when nobody listens in the guest.
  if (got <= 0) return lose(conn, attempt, got < 0 ? errno : ECONNREFUSED);
  size_t known = (size_t)got < target->prefix_bytes ? (size_t)got : target->prefix_bytes;
  if (memcmp(line, target->prefix, known) != 0) return lose(conn, attempt, EPROTO);
  const char *end = memchr(line, '\n', (size_t)got);
  // A peek does not show the end of the stream behind the bytes; the event did.
  if (end == NULL && got < target->reply_bytes && !attempt->end.hup) return;
  size_t bytes = end == NULL ? 0 : (size_t)(end - line) + 1;
  if (bytes <= target->prefix_bytes) return lose(conn, attempt, EPROTO);
  // Only the line is taken from the socket: what follows it belongs to the relay.
  if (recv(attempt->end.fd, line, bytes, 0) != (ssize_t)bytes) return lose(conn, attempt, EPROTO);
  win(conn, attempt);
}

static void speak(struct conn *conn, struct attempt *attempt) {
  const struct target *target = attempt->target;
  attempt->phase = ATTEMPT_SPEAKING;
  while (attempt->said < target->preface_bytes) {
    ssize_t taken = end_give(engine_of(conn), &attempt->end, (const uint8_t *)target->preface + attempt->said,
                             (size_t)(target->preface_bytes - attempt->said));
    if (taken < 0) return lose(conn, attempt, (int)-taken);
    attempt->said += (uint8_t)taken;
    if (attempt->end.blocked) return;
  }
  if (target->reply_bytes == 0) return win(conn, attempt);
  attempt->phase = ATTEMPT_HEARING;
  hear(conn, attempt);
}

static void try_target(struct conn *conn, struct attempt *attempt) {
  struct engine *engine = engine_of(conn);
  attempt->phase = ATTEMPT_CONNECTING;
  uint64_t left = conn->deadline > engine->now ? conn->deadline - engine->now : 1;
  int result = end_connect(engine, &attempt->end, &attempt->target->address, left);
  if (result != 0 && result != -EINPROGRESS) return lose(conn, attempt, -result);
  // A far side that is usable at once is watched by relay_start, which saves a call for each connection over unix.
  bool usable = result == 0 && attempt->target->preface_bytes == 0 && attempt->target->reply_bytes == 0;
  int watched = usable ? 0 : end_watch(engine, &attempt->end, result != 0);
  if (watched != 0) return lose(conn, attempt, -watched);
  if (result == 0) speak(conn, attempt);
}

static void begin_next(struct conn *conn) {
  const struct target *target = &conn->targets->list[conn->next_target++];
  conn->next_start_at = engine_of(conn)->now + STAGGER_MS;
  struct attempt *attempt = calloc(1, sizeof *attempt);
  if (attempt == NULL) return;
  attempt->end = (struct end){.source = SOURCE_FAR, .fd = -1, .conn = conn};
  attempt->target = target;
  attempt->next = conn->attempts;
  conn->attempts = attempt;
  try_target(conn, attempt);
}

static bool is_under_way(const struct conn *conn) {
  for (const struct attempt *attempt = conn->attempts; attempt != NULL; attempt = attempt->next) {
    if (attempt->phase < ATTEMPT_WAITING) return true;
  }
  return false;
}

// After anything that may have changed an attempt: start what is due, give up when nothing can come, set the alarm.
static void advance(struct conn *conn) {
  struct engine *engine = engine_of(conn);
  while (conn->state == CONN_DIALLING && conn->next_target < conn->targets->count &&
         (engine->now >= conn->next_start_at || !is_under_way(conn))) {
    begin_next(conn);
  }
  if (conn->state != CONN_DIALLING) return;
  uint64_t due = conn->deadline;
  if (conn->next_target < conn->targets->count && conn->next_start_at < due) due = conn->next_start_at;
  bool hopeless = true;
  // The list runs from the last target to the first, so the first target's error is the one that is told.
  int error = ENOMEM;
  for (const struct attempt *attempt = conn->attempts; attempt != NULL; attempt = attempt->next) {
    if (attempt->phase == ATTEMPT_WAITING && attempt->retry_at < due) due = attempt->retry_at;
    if (attempt->phase != ATTEMPT_LOST) hopeless = false;
    error = attempt->error;
  }
  if (hopeless) return conn_undialled(conn, error);
  timer_arm(&engine->wheel, &conn->timer, due);
}

static void win(struct conn *conn, struct attempt *attempt) {
  struct attempt **link = &conn->attempts;
  while (*link != attempt) link = &(*link)->next;
  *link = attempt->next;
  attempt->next = NULL;
  conn->far = attempt;
  dial_forget(conn);
  relay_start(conn);
}

void dial_start(struct conn *conn) {
  conn->state = CONN_DIALLING;
  conn->next_start_at = engine_of(conn)->now;
  advance(conn);
}

void dial_timer(struct conn *conn) {
  struct engine *engine = engine_of(conn);
  if (engine->now >= conn->deadline) return conn_undialled(conn, ERROR_DIAL_TIMEOUT);
  for (struct attempt *attempt = conn->attempts; attempt != NULL && conn->state == CONN_DIALLING;) {
    struct attempt *next = attempt->next;  // a win takes the attempt out of the list and ends the others
    if (attempt->phase == ATTEMPT_WAITING && attempt->retry_at <= engine->now) try_target(conn, attempt);
    if (conn->state == CONN_DIALLING) attempt = next;
  }
  advance(conn);
}

void dial_event(struct conn *conn, struct attempt *attempt, uint32_t events) {
  if (attempt->phase == ATTEMPT_CONNECTING) {
    // TCP needs no question: EPOLLOUT without an error means connected.
    bool ask = (events & (EPOLLERR | EPOLLHUP)) != 0 || attempt->end.family == AF_VSOCK;
    int error = ask ? end_error(&attempt->end) : 0;
    if (error == 0 && (events & EPOLLHUP) != 0) error = ECONNREFUSED;
    if (error != 0) {
      lose(conn, attempt, error);
    } else if ((events & EPOLLOUT) != 0) {
      speak(conn, attempt);
    }
  } else if (attempt->phase == ATTEMPT_SPEAKING) {
    attempt->end.blocked = false;
    speak(conn, attempt);
  } else if (attempt->phase == ATTEMPT_HEARING) {
    hear(conn, attempt);
  }
  advance(conn);
}

// Closes every attempt but the winner. Memory that an event of this turn may still point at is given to the graveyard
// with the connection, so the attempts are only emptied here.
void dial_forget(struct conn *conn) {
  for (struct attempt *attempt = conn->attempts; attempt != NULL; attempt = attempt->next) {
    end_close(&attempt->end, false);
    attempt->phase = ATTEMPT_LOST;
  }
}
