// What JavaScript is told of single connections. Only listeners with an `onEvents` write records; nothing here waits.
#include "bridge.h"

#include <string.h>
#include <time.h>

uint64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static double unix_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return (double)now.tv_sec * 1000 + (double)(now.tv_nsec / 1000000);
}

struct peer peer_of(const struct address *address) {
  struct peer peer = {.kind = PEER_NONE};
  if (address->any.sa_family == AF_INET) {
    peer.kind = PEER_IN;
    peer.port = ntohs(address->in.sin_port);
    memcpy(peer.address, &address->in.sin_addr, 4);
  } else if (address->any.sa_family == AF_INET6) {
    // Two spellings of one peer would be two peers to whoever keeps lists.
    bool mapped = IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr);
    peer.kind = mapped ? PEER_IN : PEER_IN6;
    peer.port = ntohs(address->in6.sin6_port);
    memcpy(peer.address, address->in6.sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
  } else if (address->any.sa_family == AF_VSOCK) {
    peer.kind = PEER_VSOCK;
    peer.port = address->vm.svm_port;
    uint32_t cid = address->vm.svm_cid;
    memcpy(peer.address, &cid, sizeof cid);
  }
  return peer;
}

static void put(struct listener *listener, struct record *record) {
  struct engine *engine = listener->engine;
  record->listener = listener->number;
  record->at_ms = unix_ms();
  if (!ring_put(engine->ring, record)) count(listener, EVENTS_DROPPED, 1);
  if (ring_is_pressing(engine->ring)) {
    engine->noted = true;
  } else if (engine->event_timer.link == NULL) {
    timer_arm(&engine->wheel, &engine->event_timer, engine->now + EVENT_DELAY_MS);
  }
}

void event_accepted(const struct conn *conn) {
  if (!conn->listener->reports) return;
  struct record record = {.type = RECORD_ACCEPTED, .id = (double)conn->id, .peer = conn->peer};
  put(conn->listener, &record);
}

void event_refused(struct listener *listener, uint64_t id, const struct peer *peer, enum refusal reason) {
  if (!listener->reports) return;
  struct record record = {.type = RECORD_REFUSED, .id = (double)id, .peer = *peer, .reason = reason};
  put(listener, &record);
}

void event_closed(const struct conn *conn) {
  if (!conn->listener->reports) return;
  struct record record = {.type = RECORD_CLOSED,
                          .id = (double)conn->id,
                          .peer = conn->peer,
                          .dialled = conn->far != NULL,
                          .duration_ms = (double)(clock_ms() - conn->began_at),
                          .forward_bytes = (double)conn->flow[FORWARD].bytes,
                          .backward_bytes = (double)conn->flow[BACKWARD].bytes,
                          .forward_error = conn->flow[FORWARD].error,
                          .backward_error = conn->flow[BACKWARD].error};
  put(conn->listener, &record);
}
