// A connection's life.
//
//   accepted --> LINE --> ASKING --> DIALLING --> RELAYING --> DEAD      (LINE and ASKING only where the listener says so)
//                  |         |           |            |
//                  +---------+-----------+------------+-------> DEAD      (refused, failed, aborted)
//
//   LINE      only with acceptLine: the first line is not complete. Ends by the line, its own deadline, or its limit.
//   ASKING    only when JavaScript decides: the question is on its way or being thought about. Bounded by the dial
//             deadline, as DIALLING is; an answer for a connection that is gone is dropped (bridge_engine.c).
//   DIALLING  attempts are under way (bridge_dial.c). The near side is only watched: nothing is read from it.
//   RELAYING  a far side exists (bridge_relay.c); the only bound now is the idle time.
//   DEAD      descriptors closed, memory kept until the turn ends, because an event that epoll has already handed out
//             may still point at it. Nothing leaves this state.
//
// The near side is not watched before it must be: when the far side is reached at once (unix), both ends enter epoll
// together and an accept costs no more calls than the relay needs.
// Refused (cap, CID, first line, JavaScript's no), failed (no far side) and aborted connections are all closed by reset.
#include "bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void conn_open(struct listener *listener, int fd, const struct address *peer) {
  struct engine *engine = listener->engine;
  struct conn *conn = calloc(1, sizeof *conn);
  if (conn == NULL) {
    socket_reset(fd, listener->family);
    close(fd);
    count(listener, REFUSED, 1);
    return;
  }
  conn->near = (struct end){.source = SOURCE_NEAR, .family = listener->family, .fd = fd, .conn = conn};
  conn->timer.kind = TIMER_CONN;
  conn->listener = listener;
  conn->id = ++engine->next_id;
  conn->peer = peer_of(peer);
  conn->began_at = engine->now;
  conn->idle_ms = atomic_load_explicit(&listener->idle_ms, memory_order_relaxed);
  conn->deadline = engine->now + atomic_load_explicit(&listener->dial_ms, memory_order_relaxed);
  conn->next = listener->conns;
  if (conn->next != NULL) conn->next->previous = conn;
  listener->conns = conn;
  listener->living++;
  count(listener, ACCEPTED, 1);
  count(listener, ACTIVE, 1);
  event_accepted(conn);

  if (listener->line_bytes > 0) {
    conn->state = CONN_LINE;
    timer_arm(&engine->wheel, &conn->timer, engine->now + listener->line_timeout_ms);
  } else if (listener->asks) {
    line_ask(conn, NULL, 0);
  } else {
    conn_dial(conn);
  }
  if (conn->state == CONN_DEAD || conn->near.watched) return;
  int result = end_watch(engine, &conn->near, false);
  if (result != 0) conn_undialled(conn, -result);
}

void conn_dial(struct conn *conn) {
  conn->targets = conn->own_targets != NULL ? conn->own_targets : conn->listener->targets;
  dial_start(conn);
}

void conn_event(struct conn *conn, struct end *end, uint32_t events) {
  if (conn->state == CONN_DEAD || end->fd < 0) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) end->hup = true;
  if ((events & EPOLLPRI) != 0) end->urgent = true;
  if (conn->state == CONN_RELAYING) {
    relay_event(conn, end, events);
    return;
  }
  if ((events & ~(uint32_t)EPOLLOUT) != 0) end->readable = true;
  if (end != &conn->near) {
    dial_event(conn, (struct attempt *)end, events);
    return;
  }
  if (conn->state == CONN_LINE) {
    line_read(conn);
  } else if ((events & EPOLLERR) != 0) {
    int error = end_error(end);
    conn_undialled(conn, error != 0 ? error : ECONNRESET);
  }
}

void conn_timer(struct conn *conn) {
  if (conn->state == CONN_LINE) {
    conn_refuse(conn, REFUSED_LINE_LATE);
  } else if (conn->state == CONN_ASKING) {
    conn_undialled(conn, ERROR_DIAL_TIMEOUT);
  } else if (conn->state == CONN_DIALLING) {
    dial_timer(conn);
  } else if (conn->state == CONN_RELAYING) {
    relay_timer(conn);
  }
}

// Takes over the command's targets; the listener's own stand in for none.
void conn_answer(struct engine *engine, struct command *command) {
  struct conn *conn = engine->asking[command->id % ASKING_SLOTS];
  while (conn != NULL && conn->id != command->id) conn = conn->asking_next;
  if (conn != NULL) {
    struct conn **link = &engine->asking[command->id % ASKING_SLOTS];
    while (*link != conn) link = &(*link)->asking_next;
    *link = conn->asking_next;
    conn->own_targets = command->targets;
    command->targets = NULL;
    if (command->refuse) {
      conn_refuse(conn, REFUSED_ASKED);
    } else if (conn->own_targets == NULL && conn->listener->targets == NULL) {
      conn_undialled(conn, EDESTADDRREQ);
    } else {
      conn_dial(conn);
    }
  }
}

// The one way into DEAD.
static void die(struct conn *conn, bool reset) {
  struct listener *listener = conn->listener;
  struct engine *engine = listener->engine;
  if (conn->state == CONN_ASKING) {
    struct conn **link = &engine->asking[conn->id % ASKING_SLOTS];
    while (*link != NULL && *link != conn) link = &(*link)->asking_next;
    if (*link == conn) *link = conn->asking_next;
  }
  conn->state = CONN_DEAD;
  timer_disarm(&conn->timer);
  dial_forget(conn);
  end_close(&conn->near, reset);
  if (conn->far != NULL) end_close(&conn->far->end, reset);
  for (int way = FORWARD; way <= BACKWARD; way++) {
    block_release(engine, &conn->flow[way]);
    pipe_release(engine, &conn->flow[way]);
  }
  if (conn->previous != NULL) conn->previous->next = conn->next;
  if (listener->conns == conn) listener->conns = conn->next;
  if (conn->next != NULL) conn->next->previous = conn->previous;
  count(listener, ACTIVE, -1);
  conn->next = engine->graveyard;
  engine->graveyard = conn;
}

void conn_end(struct conn *conn) {
  event_closed(conn);
  die(conn, false);
}

void conn_abort(struct conn *conn, int error) {
  if (conn->state == CONN_DEAD) return;
  for (int way = FORWARD; way <= BACKWARD; way++) {
    if (!conn->flow[way].done) conn->flow[way].error = error;
  }
  event_closed(conn);
  die(conn, true);
}

void conn_undialled(struct conn *conn, int error) {
  if (conn->state == CONN_DEAD) return;
  count(conn->listener, FAILED, 1);
  conn_abort(conn, error);
}

void conn_refuse(struct conn *conn, enum refusal reason) {
  count(conn->listener, REFUSED, 1);
  event_refused(conn->listener, conn->id, &conn->peer, reason);
  die(conn, true);
}

// Called between turns, when no event can point at the dead any more. One that still stands in the engine's queue waits
// until it was taken out there.
void conn_bury(struct engine *engine) {
  struct conn **link = &engine->graveyard;
  while (*link != NULL) {
    struct conn *conn = *link;
    if (conn->queued) {
      link = &conn->next;
      continue;
    }
    *link = conn->next;
    while (conn->attempts != NULL) {
      struct attempt *attempt = conn->attempts;
      conn->attempts = attempt->next;
      free(attempt);
    }
    struct listener *listener = conn->listener;
    free(conn->far);
    free(conn->own_targets);
    free(conn);
    listener->living--;
    listener_released(listener);
  }
}
