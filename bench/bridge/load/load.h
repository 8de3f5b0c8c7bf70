// The load generator of the bridge bench: a client on one thread, the far side on another, in one process, so that what is
// measured lies between them. Linux only, no library.
#ifndef CAISSON_LOAD_H
#define CAISSON_LOAD_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

// First byte of a connection to the far side: what it shall do with the rest. HOLD echoes after a while.
enum { KIND_SINK = 'U', KIND_SOURCE = 'D', KIND_ECHO = 'E', KIND_HOLD = 'W', KIND_HTTP = 'G' };

struct plan {
  const char *mode;   // up down echo churn hold offer idle serve
  const char *far;    // where the far side listens; `elsewhere` = in another process
  const char *near;   // where the bridge listens; `direct` = dial the far side
  int connections;    // offer: new ones a second
  int size;           // bytes of one message (echo, churn, hold, offer)
  int hold_ms;        // what HOLD waits
  int warm_ms, window_ms;
};

struct address {
  socklen_t bytes;
  struct sockaddr_storage any;
};

bool is_elsewhere(const struct plan *plan);
// Bytes that arrived at the sink since the start.
extern _Atomic uint64_t sunk_bytes;

uint64_t now_ns(void);
void die(const char *what) __attribute__((noreturn));
void ready(void);
// Until whoever started us closes our stdin.
void wait_for_starter(void);

// address.c. In Caisson's own spelling: `tcp:127.0.0.1:PORT`, `unix:PATH`, `vsock:CID:PORT`, `vsock:any:PORT`.
struct address parse_address(const char *text);
// A non-blocking socket on its way; -1 and errno when the kernel refuses at once.
int dial(const struct address *to);
int listen_on(const struct address *at);

// Listens and serves until the process ends; returns once it listens.
void start_far_side(const struct plan *plan);
// Each runs its plan; the first two print one JSON line.
void run_client(const struct plan *plan);
void run_offer(const struct plan *plan);
void run_idle(const struct plan *plan);
#endif
