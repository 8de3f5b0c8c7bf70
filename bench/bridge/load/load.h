// The load generator of the bridge bench: a client on one thread, the far side on another, in one process, so that what is
// measured lies between them. Linux only, no library.
#ifndef CAISSON_LOAD_H
#define CAISSON_LOAD_H
#include <stdatomic.h>
#include <stdint.h>

// First byte of a connection to the far side: what it shall do with the rest.
enum { KIND_SINK = 'U', KIND_SOURCE = 'D', KIND_ECHO = 'E', KIND_HTTP = 'G' };

struct plan {
  const char *mode;       // up down echo churn serve
  const char *unix_path;  // where the far side listens
  int tcp_port;           // where the bridge listens; 0 = dial the far side directly
  int connections;
  int size;               // bytes of one message (echo, churn)
  int warm_ms, window_ms;
};

// Bytes that arrived at the sink since the start.
extern _Atomic uint64_t sunk_bytes;

uint64_t now_ns(void);
void die(const char *what) __attribute__((noreturn));
// Listens on path and serves until the process ends; returns once it listens.
void start_far_side(const char *path);
// Runs the plan and prints one JSON line.
void run_client(const struct plan *plan);
#endif
