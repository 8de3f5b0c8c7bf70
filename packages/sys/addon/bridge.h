// The native data plane: what its files share. One engine is one thread with one epoll; everything below that is not
// marked "any thread" is touched by that thread alone and needs no lock. The essay of a connection's life opens
// bridge_conn.c; how bytes move stands in bridge_relay.c; how the two threads talk stands in bridge_engine.c.
#ifndef CAISSON_BRIDGE_H
#define CAISSON_BRIDGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

#include "bridge_ring.h"
#include "bridge_timer.h"

// Chosen.
enum {
  LANDING_BYTES = 256 * 1024,    // one read takes all that a unix socket holds; the most that one direction can owe
  LANDING_KEPT = 8,              // spare blocks kept for the next slow reader
  SPLICE_BYTES = 512 * 1024,     // one splice and a pipe's capacity; less of it costs more CPU a byte
  LOOPBACK_WINDOW_BYTES = 1024 * 1024,
  LOOPBACK_SEND_BYTES = 208 * 1024,  // Linux doubles it
  STEAL_BYTES = 16 * 1024,       // a greater rest keeps the block it landed in, a smaller one is copied out
  PREFACE_BYTES = 64,            // NativeTarget.preface
  PREFIX_BYTES = 32,             // NativeTarget.replyLine.prefix
  LINE_BYTES = 4096,             // greatest first line or reply line
  TARGETS = 16,                  // addresses tried for one connection
  STAGGER_MS = 250,              // RFC 8305 section 5, Connection Attempt Delay
  RETRY_FIRST_MS = 8,            // first wait after a refusal; doubles
  RETRY_LAST_MS = 128,
  EXHAUSTED_PAUSE_MS = 100,      // no accept for so long when not even the reserve descriptor helps
  ACCEPT_BURST = 64,             // accepts of one listener before others get their turn
  EARLY_PAYS = 4,                // reading before an end is watched goes on while `early` is at least so much,
  EARLY_MOST = 8,                // which grows by one for a read that found something, and shrinks for one that did not
  EARLY_PROBE = 16,              // else one connection in so many is tried
  EVENT_DELAY_MS = 20,           // events are gathered for so long before JavaScript is woken
  ASKING_SLOTS = 256,
};

// What ended a connection besides an errno; shown by engine-event.ts.
enum { ERROR_IDLE = -1, ERROR_DIAL_TIMEOUT = -2, ERROR_DRAINED = -3 };
enum refusal { REFUSED_CAP = 1, REFUSED_CID, REFUSED_LINE_LONG, REFUSED_LINE_LATE, REFUSED_LINE_ENDED, REFUSED_ASKED };

// The counters of one listener, in this order in memory shared with JavaScript (src/engine-listener.ts).
enum counter { ACCEPTED, ACTIVE, REFUSED, FAILED, FORWARD_BYTES, BACKWARD_BYTES, EXHAUSTED, EVENTS_DROPPED, COUNTERS };

enum way { FORWARD, BACKWARD };

struct address {
  socklen_t bytes;
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_vm vm;
  };
};

struct target {
  struct address address;
  uint16_t reply_bytes;  // 0: no reply line is expected
  uint8_t preface_bytes, prefix_bytes;
  char preface[PREFACE_BYTES], prefix[PREFIX_BYTES];
};

struct targets {
  uint32_t count;
  struct target list[];
};

// The first member of everything that epoll points at.
enum source { SOURCE_WAKE, SOURCE_LISTENER, SOURCE_NEAR, SOURCE_FAR };

struct conn;

// One socket of a connection. Edge-triggered: `readable` stays true until a read says otherwise.
struct end {
  uint8_t source;
  uint8_t family;
  bool watched;
  bool wants_out;  // EPOLLOUT is in the interest
  bool readable;
  bool blocked;    // the last write did not take everything
  bool hup;        // the peer's end is in sight: a short read does not prove that the queue is empty
  bool urgent;     // TCP urgent data make short reads that prove nothing
  int fd;
  struct conn *conn;
};

struct pipe {
  int read_fd, write_fd;
  size_t bytes;
  struct pipe *next;
};

// One direction of a connection, from the end it reads to the other end.
struct flow {
  uint8_t *rest;  // read and not yet taken by the other end
  uint32_t rest_at, rest_bytes;
  struct pipe *pipe;
  uint64_t bytes;
  uint64_t active_at;
  int error;
  int8_t large;  // reads in a row that were worth a splice
  bool stolen;   // `rest` is a landing block
  bool eof, done;
};

enum attempt_phase { ATTEMPT_CONNECTING, ATTEMPT_SPEAKING, ATTEMPT_HEARING, ATTEMPT_WAITING, ATTEMPT_LOST };

// One try to reach one target. The one that wins lends its end to the connection.
struct attempt {
  struct end end;
  uint8_t phase;
  uint8_t said;
  uint16_t backoff_ms;
  int error;
  uint64_t retry_at;
  const struct target *target;
  struct attempt *next;
};

enum conn_state { CONN_LINE, CONN_ASKING, CONN_DIALLING, CONN_RELAYING, CONN_DEAD };

struct conn {
  struct end near;
  uint8_t state;
  bool queued;   // in the engine's list of those who still have work
  bool failing;  // a last look at what the broken end had sent
  struct peer peer;
  struct attempt *far;
  struct attempt *attempts;
  struct flow flow[2];
  struct listener *listener;
  struct targets *own_targets;
  const struct targets *targets;
  uint32_t next_target;
  uint32_t idle_ms;
  uint64_t next_start_at, deadline;
  uint64_t id, began_at;
  struct timer timer;
  struct conn *next, *previous;  // of the listener; of the graveyard once dead
  struct conn *queue_next, *asking_next;
};
_Static_assert(sizeof(struct conn) + sizeof(struct attempt) <= 512, "an idle connection costs at most 512 bytes");

// JavaScript's thread to the engine's. LISTEN and QUIT lie within what they speak of; the others are freed when obeyed.
enum command_type { COMMAND_LISTEN, COMMAND_STOP, COMMAND_ABORT, COMMAND_ANSWER, COMMAND_QUIT };
struct command {
  struct command *next;
  uint8_t type;
  bool refuse;
  uint32_t number;  // the listener's, for STOP and ABORT
  struct listener *listener;
  uint64_t id;
  struct targets *targets;
};

// The engine's thread to JavaScript's. After NOTE_GONE the listener belongs to JavaScript's thread, which frees it.
enum note_type { NOTE_ASK, NOTE_STOPPED, NOTE_GONE, NOTE_QUIT };
struct note {
  struct note *next;
  uint8_t type;
  uint32_t listener;
  uint64_t id;
  struct peer peer;
  int32_t line_bytes;  // -1: no line
  char line[];
};

struct listener {
  uint8_t source;
  uint8_t family;
  bool asks, reports, retry_refused, stopped, paused;
  uint8_t early;
  int fd;
  uint32_t number;
  struct engine *engine;
  uint32_t line_bytes, line_timeout_ms;
  uint32_t peer_cid;  // VMADDR_CID_ANY: every peer
  struct targets *targets;
  _Atomic uint32_t max_connections, idle_ms, dial_ms;  // any thread
  uint64_t *counters;                                  // written by the engine's thread, read by any
  uint32_t living, burst;
  struct conn *conns;
  struct timer timer;
  struct listener *next;
  struct command listen;
  struct note stopped_note, gone_note;
};

struct engine {
  uint8_t source;
  int epoll_fd, wake_fd, reserve_fd;
  pthread_t thread;
  uint32_t vsock_write_bytes;
  uint64_t vsock_window_bytes;
  uint32_t fairness_bytes;
  bool splice;

  _Atomic(struct command *) inbox;  // any thread
  _Atomic(struct note *) outbox;    // any thread
  atomic_bool signalled;            // any thread
  void (*signal)(void *context);
  void (*leave)(void *context);  // the thread's last call
  void *context;
  struct command quit;
  struct note quit_note;

  bool quitting, noted, events_due;
  uint64_t now;
  uint64_t next_id, random;
  struct wheel wheel;
  struct timer event_timer;
  struct ring *ring;
  uint8_t *landing;
  uint8_t *spare_blocks;
  uint32_t spare_count;
  struct pipe *spare_pipes;
  uint32_t pipe_count;
  struct listener *listeners;
  struct conn *queue, *queue_last;
  struct conn *graveyard;
  struct conn *asking[ASKING_SLOTS];
};

// bridge_engine.c. Create and destroy on one thread; post on any. 0 or a negated errno.
int engine_start(struct engine *engine);
void engine_post(struct engine *engine, struct command *command);
void engine_note(struct engine *engine, struct note *note);
void engine_free(struct engine *engine);

void engine_queue(struct conn *conn);

// bridge_listen.c
int listener_bind(struct listener *listener, const struct address *address, int backlog);
void listener_watch(struct listener *listener);
void listener_accept(struct listener *listener);
void listener_stop(struct listener *listener);
void listener_abort(struct listener *listener, int error);
void listener_released(struct listener *listener);
void listener_free(struct listener *listener);
void count(struct listener *listener, enum counter counter, int64_t more);

// bridge_conn.c
void conn_open(struct listener *listener, int fd, const struct address *peer);
void conn_event(struct conn *conn, struct end *end, uint32_t events);
void conn_timer(struct conn *conn);
void conn_dial(struct conn *conn);
void conn_answer(struct engine *engine, struct command *command);
void conn_refuse(struct conn *conn, enum refusal reason);
void conn_undialled(struct conn *conn, int error);
void conn_end(struct conn *conn);
void conn_abort(struct conn *conn, int error);
void conn_bury(struct engine *engine);

// bridge_line.c
void line_read(struct conn *conn);
void line_ask(struct conn *conn, const char *line, int bytes);

// bridge_dial.c
void dial_start(struct conn *conn);
void dial_timer(struct conn *conn);
void dial_event(struct conn *conn, struct attempt *attempt, uint32_t events);
void dial_forget(struct conn *conn);

// bridge_relay.c
void relay_start(struct conn *conn);
void relay_event(struct conn *conn, struct end *end, uint32_t events);
void relay_resume(struct conn *conn);
void relay_timer(struct conn *conn);

// bridge_block.c: what read bytes wait in.
bool block_ready(struct engine *engine);
bool block_keep(struct engine *engine, struct flow *flow, uint32_t at, uint32_t bytes);
void block_release(struct engine *engine, struct flow *flow);
void block_free(struct engine *engine);

// bridge_splice.c
struct pipe *pipe_take(struct engine *engine);
void pipe_release(struct engine *engine, struct flow *flow);
void pipe_free(struct engine *engine);

// bridge_socket.c: one socket, its options and its place in epoll.
int end_connect(struct engine *engine, struct end *end, const struct address *address, uint64_t timeout_ms);
int end_watch(struct engine *engine, struct end *end, bool out);
void end_want_out(struct engine *engine, struct end *end, bool out);
void end_close(struct end *end, bool reset);
int end_error(const struct end *end);
ssize_t end_give(struct engine *engine, struct end *end, const uint8_t *bytes, size_t count);
void vsock_widen(int fd, uint64_t window_bytes);
void socket_reset(int fd, int family);

// bridge_event.c: what JavaScript is told of a connection.
void event_accepted(const struct conn *conn);
void event_refused(struct listener *listener, uint64_t id, const struct peer *peer, enum refusal reason);
void event_closed(const struct conn *conn);
struct peer peer_of(const struct address *address);

// Milliseconds of CLOCK_MONOTONIC_COARSE: never a system call, a few milliseconds behind.
uint64_t clock_ms(void);

#endif
