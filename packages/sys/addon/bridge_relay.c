// A connected pair: two flows, each reading one end and writing the other.
//
// A flow is OPEN, then ENDED (its source said EOF; what it owes is still on the way), then DONE (everything was taken and
// the other end was told by shutdown(SHUT_WR)). Both done: the connection ends cleanly by close alone, which sends what
// the second shutdown would have. An error on either end aborts both: never a clean EOF for a stream that broke (P-B4).
//
// A flow moves while its source is readable and its target is not blocked, for at most `fairness_bytes` a turn; then the
// connection waits in the engine's queue for the next turn. Bytes go straight from the landing block into the target. What
// the target does not take becomes the flow's rest, and nothing more is read until it is gone: one block, or one of the few
// pipes, is all that a slow reader can make us hold.
//
// Epoll is edge-triggered, and EPOLLOUT is asked for only after a short write: unix and vsock sockets report each read of
// their peer as new space, which would wake the thread twice per request. A read that did not fill the block emptied the
// queue, so the read that would return EAGAIN is skipped, unless the end of the stream is in sight.
#include "bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

// Chosen. Splice pays for large reads only: it starts after some and ends after a small one.
enum { LARGE_BYTES = 32 * 1024, LARGE_READS = 4, SMALL_BYTES = 8 * 1024 };

enum step { STEP_AGAIN, STEP_WAIT, STEP_OVER };

static void fail(struct conn *conn, struct end *broken, int error);

static struct end *source_of(struct conn *conn, enum way way) {
  return way == FORWARD ? &conn->near : &conn->far->end;
}

static struct end *target_of(struct conn *conn, enum way way) {
  return source_of(conn, way == FORWARD ? BACKWARD : FORWARD);
}

static void moved(struct conn *conn, enum way way, uint64_t bytes) {
  struct flow *flow = &conn->flow[way];
  flow->bytes += bytes;
  flow->active_at = conn->listener->engine->now;
  count(conn->listener, way == FORWARD ? FORWARD_BYTES : BACKWARD_BYTES, (int64_t)bytes);
}

static enum step flush_rest(struct conn *conn, enum way way) {
  struct engine *engine = conn->listener->engine;
  struct flow *flow = &conn->flow[way];
  struct end *target = target_of(conn, way);
  ssize_t taken = end_give(engine, target, flow->rest + flow->rest_at, flow->rest_bytes);
  if (taken < 0) return fail(conn, target, (int)-taken), STEP_OVER;
  if (taken > 0) moved(conn, way, (uint64_t)taken);
  flow->rest_at += (uint32_t)taken;
  flow->rest_bytes -= (uint32_t)taken;
  if (flow->rest_bytes > 0) return target->blocked ? STEP_WAIT : STEP_AGAIN;
  block_release(engine, flow);
  return STEP_AGAIN;
}

static enum step flush_pipe(struct conn *conn, enum way way) {
  struct flow *flow = &conn->flow[way];
  struct end *target = target_of(conn, way);
  // SIGPIPE is blocked in this thread: splice has no MSG_NOSIGNAL.
  ssize_t taken = splice(flow->pipe->read_fd, NULL, target->fd, NULL, flow->pipe->bytes,
                         SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (taken < 0 && errno == EINTR) return STEP_AGAIN;
  if (taken < 0 && errno == EAGAIN) {
    target->blocked = true;
    end_want_out(conn->listener->engine, target, true);
    return STEP_WAIT;
  }
  if (taken <= 0) return fail(conn, target, taken < 0 ? errno : EIO), STEP_OVER;
  flow->pipe->bytes -= (size_t)taken;
  moved(conn, way, (uint64_t)taken);
  return STEP_AGAIN;
}

// The other direction's clock starts anew: whoever waited for this end of stream has waited long enough already.
static enum step finish(struct conn *conn, enum way way) {
  if (conn->failing) return STEP_OVER;
  conn->flow[way].done = true;
  struct flow *other = &conn->flow[way == FORWARD ? BACKWARD : FORWARD];
  if (other->done) return conn_end(conn), STEP_OVER;
  other->active_at = conn->listener->engine->now;
  // Fails only on an end that is gone, which the other direction is about to find out.
  shutdown(target_of(conn, way)->fd, SHUT_WR);
  return STEP_OVER;
}

// What a read's result means. `asked` is the room it had.
static enum step judge_read(struct conn *conn, enum way way, ssize_t got, size_t asked) {
  struct flow *flow = &conn->flow[way];
  struct end *source = source_of(conn, way);
  if (got < 0) {
    if (errno == EINTR) return STEP_AGAIN;
    if (errno != EAGAIN) return fail(conn, source, errno), STEP_OVER;
    source->readable = false;
    return STEP_WAIT;
  }
  if (got == 0) {
    source->readable = false;
    flow->eof = true;
    return STEP_AGAIN;
  }
  if ((size_t)got < asked && !source->hup && !source->urgent) source->readable = false;
  if (got >= LARGE_BYTES && flow->large < LARGE_READS) flow->large++;
  if (got < SMALL_BYTES) flow->large = 0;
  return STEP_AGAIN;
}

static enum step copy(struct conn *conn, enum way way, size_t *budget) {
  struct engine *engine = conn->listener->engine;
  struct flow *flow = &conn->flow[way];
  struct end *target = target_of(conn, way);
  if (!block_ready(engine)) return fail(conn, target, ENOMEM), STEP_OVER;
  ssize_t got = recv(source_of(conn, way)->fd, engine->landing, LANDING_BYTES, 0);
  enum step step = judge_read(conn, way, got, LANDING_BYTES);
  if (got <= 0) return step;
  *budget -= (size_t)got < *budget ? (size_t)got : *budget;
  ssize_t taken = end_give(engine, target, engine->landing, (size_t)got);
  if (taken < 0) return fail(conn, target, (int)-taken), STEP_OVER;
  if (taken > 0) moved(conn, way, (uint64_t)taken);
  if (taken == got) return STEP_AGAIN;
  if (!block_keep(engine, flow, (uint32_t)taken, (uint32_t)(got - taken))) return fail(conn, target, ENOMEM), STEP_OVER;
  return target->blocked ? STEP_WAIT : STEP_AGAIN;
}

static bool splice_pays(struct conn *conn, enum way way) {
  struct flow *flow = &conn->flow[way];
  struct engine *engine = conn->listener->engine;
  if (flow->large < LARGE_READS || !engine->splice || target_of(conn, way)->family != AF_UNIX) return false;
  if (source_of(conn, way)->family != AF_INET && source_of(conn, way)->family != AF_INET6) return false;
  if (flow->pipe == NULL) flow->pipe = pipe_take(engine);
  return flow->pipe != NULL;
}

// Assumes an empty pipe, so that EAGAIN can only mean an empty socket.
static enum step splice_in(struct conn *conn, enum way way, size_t *budget) {
  struct pipe *pipe = conn->flow[way].pipe;
  ssize_t got = splice(source_of(conn, way)->fd, NULL, pipe->write_fd, NULL, SPLICE_BYTES,
                       SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  // A splice stops where the pipe's slots end, so less than was asked for proves nothing: ask until EAGAIN.
  enum step step = judge_read(conn, way, got, 0);
  if (got <= 0) return step;
  *budget -= (size_t)got < *budget ? (size_t)got : *budget;
  pipe->bytes = (size_t)got;
  return STEP_AGAIN;
}

static enum step step_flow(struct conn *conn, enum way way, size_t *budget) {
  struct flow *flow = &conn->flow[way];
  if (flow->done || target_of(conn, way)->blocked) return STEP_WAIT;
  if (flow->rest != NULL) return flush_rest(conn, way);
  if (flow->pipe != NULL && flow->pipe->bytes > 0) return flush_pipe(conn, way);
  if (flow->eof) return finish(conn, way);
  if (!source_of(conn, way)->readable) return STEP_WAIT;
  if (*budget == 0) {
    engine_queue(conn);
    return STEP_WAIT;
  }
  return splice_pays(conn, way) ? splice_in(conn, way, budget) : copy(conn, way, budget);
}

static void pump(struct conn *conn, enum way way) {
  size_t budget = conn->listener->engine->fairness_bytes;
  enum step step = STEP_AGAIN;
  while (step == STEP_AGAIN) step = step_flow(conn, way, &budget);
  struct flow *flow = &conn->flow[way];
  if (conn->state == CONN_RELAYING && flow->pipe != NULL && flow->pipe->bytes == 0) {
    pipe_release(conn->listener->engine, flow);
  }
}

// An end that answered and went away leaves its answer in our queue: one look at it, then the abort. Its EOF is not passed
// on (finish refuses while failing), so the other end never sees a clean end.
static void fail(struct conn *conn, struct end *broken, int error) {
  if (conn->failing) return;
  conn->failing = true;
  if (broken->readable) pump(conn, broken == &conn->near ? FORWARD : BACKWARD);
  conn_abort(conn, error);
}

// A client that speaks first has often spoken before its connection is accepted. Where that is the rule, one read before
// the end is watched saves an event and a turn; where it is not, the read would be wasted, so few are spent on finding out.
static void read_early(struct conn *conn) {
  struct listener *listener = conn->listener;
  if (listener->early < EARLY_PAYS && listener->counters[ACCEPTED] % EARLY_PROBE != 0) return;
  conn->near.readable = true;
  pump(conn, FORWARD);
  if (conn->flow[FORWARD].bytes > 0) {
    if (listener->early < EARLY_MOST) listener->early++;
  } else if (listener->early > 0) {
    listener->early--;
  }
}

void relay_start(struct conn *conn) {
  struct engine *engine = conn->listener->engine;
  conn->state = CONN_RELAYING;
  conn->flow[FORWARD].active_at = conn->flow[BACKWARD].active_at = engine->now;
  if (!conn->near.watched) read_early(conn);
  if (conn->state != CONN_RELAYING) return;
  int result = end_watch(engine, &conn->near, false);
  if (result == 0) result = end_watch(engine, &conn->far->end, false);
  if (result != 0) {
    conn_abort(conn, -result);
    return;
  }
  relay_timer(conn);
  relay_resume(conn);
}

void relay_resume(struct conn *conn) {
  pump(conn, BACKWARD);
  if (conn->state == CONN_RELAYING) pump(conn, FORWARD);
}

void relay_event(struct conn *conn, struct end *end, uint32_t events) {
  enum way out_of = end == &conn->near ? FORWARD : BACKWARD;
  enum way into = out_of == FORWARD ? BACKWARD : FORWARD;
  // A vsock that was reset shows HUP and never EPOLLOUT again: the write that fails is what ends the connection.
  if (end->blocked && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    end->blocked = false;
    pump(conn, into);
  } else if (end->wants_out && events == EPOLLOUT && end->family != AF_INET && end->family != AF_INET6) {
    end_want_out(conn->listener->engine, end, false);
  }
  if (conn->state != CONN_RELAYING) return;
  if ((events & ~(uint32_t)EPOLLOUT) != 0) {
    end->readable = true;
    pump(conn, out_of);
  }
  // The read that would have found the error waits behind a slow reader, or this direction ended long ago.
  if (conn->state == CONN_RELAYING && (events & EPOLLERR) != 0) {
    int error = end_error(end);
    if (error != 0) conn_abort(conn, error);
  }
}

void relay_timer(struct conn *conn) {
  if (conn->idle_ms == 0) return;
  struct engine *engine = conn->listener->engine;
  uint64_t active_at = 0;
  for (enum way way = FORWARD; way <= BACKWARD; way++) {
    if (!conn->flow[way].done && conn->flow[way].active_at > active_at) active_at = conn->flow[way].active_at;
  }
  if (engine->now < active_at + conn->idle_ms) {
    timer_arm(&engine->wheel, &conn->timer, active_at + conn->idle_ms);
  } else {
    conn_abort(conn, ERROR_IDLE);
  }
}
