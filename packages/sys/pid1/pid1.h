// The first process of an enclave (docs/pid1.md): what its parts share. One static program, no allocation, no threads.
//
// A boot step returns 0 or a negated errno, and puts what it was at into `boot->object` before anything that can fail, so
// that the one line a person sees on the console says which file, mount or port it was.
#ifndef CAISSON_PID1_H
#define CAISSON_PID1_H

#include <stdbool.h>
#include <stdint.h>

// Chosen: far above what a container image has, small enough to stand in .bss.
#define CAISSON_TEXT_BYTES 65536
#define CAISSON_TEXT_LINES 1024

struct caisson_list {
  char text[CAISSON_TEXT_BYTES];
  char *lines[CAISSON_TEXT_LINES + 1];
};

struct caisson_boot {
  bool simulated;
  // The fabric's folder as an O_PATH descriptor, so that it is reached from the new root too; -1: real vsock.
  int fabric;
  uint32_t cid;
  const char *object;
  struct caisson_list command;
  struct caisson_list environment;
};

int caisson_load_modules(struct caisson_boot *boot);
int caisson_mount_dev(struct caisson_boot *boot);
int caisson_mount_rest(struct caisson_boot *boot);
int caisson_read_command(struct caisson_boot *boot);
int caisson_switch_root(struct caisson_boot *boot);
int caisson_bring_up_loopback(struct caisson_boot *boot);
int caisson_check_entropy(struct caisson_boot *boot);
int caisson_beat(struct caisson_boot *boot);

// Blocks the signals that PID 1 waits for; before the first step, so that none is lost while it boots.
void caisson_hold_signals(void);
// Runs the command to its end, reaping every orphan. Returns 0..255 (128 + n for signal n) or a negated errno.
int caisson_run(char *const *command, char *const *environment);

// One line on the console: `caisson-init: ...`.
void caisson_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
