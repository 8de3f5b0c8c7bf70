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
// Chosen: as docker and `caisson exec` have it for a failure of their own.
#define CAISSON_OWN_FAILURE 125
#define CAISSON_MOST_DEATHS 1024

struct caisson_list {
  char text[CAISSON_TEXT_BYTES];
  // Four more for what a simulation adds.
  char *lines[CAISSON_TEXT_LINES + 5];
};

struct caisson_boot {
  bool simulated;
  // Nothing has said `development`.
  bool production;
  // The boot ramdisk names a supervisor: `command` is its words, and there is no plain command.
  bool supervised;
  // The fabric's folder as an O_PATH descriptor, so that it is reached from the new root too; -1: real vsock.
  int fabric;
  // Of this enclave; 0: not said, the kernel knows.
  uint32_t cid;
  const char *object;
  struct caisson_list command;
  struct caisson_list environment;
  // Deaths of a supervisor within a minute that end the boot, its longest back-off, how long it may take to end after a
  // SIGTERM, and how long services may take then. Only a simulation may change them.
  uint32_t deaths;
  uint32_t back_off_ms;
  uint32_t end_ms;
  uint32_t stop_ms;
};

// Every step of a boot and what it was for, to the last line on the console. Returns 0..255.
int caisson_boot(int count, char **words);

int caisson_load_modules(struct caisson_boot *boot);
int caisson_mount_dev(struct caisson_boot *boot);
int caisson_mount_rest(struct caisson_boot *boot);
// The folders that PID 1 and the supervisor use, and the way to a simulated parent.
int caisson_lay_out(struct caisson_boot *boot);
int caisson_read_profile(struct caisson_boot *boot);
int caisson_read_command(struct caisson_boot *boot);
int caisson_read_arguments(struct caisson_boot *boot, int count, char **words);
int caisson_switch_root(struct caisson_boot *boot);
int caisson_bring_up_loopback(struct caisson_boot *boot);
int caisson_check_entropy(struct caisson_boot *boot);
int caisson_tell_clock(struct caisson_boot *boot);
int caisson_beat(struct caisson_boot *boot);

// The parent's port, in steps that end at `deadline_ms` of the monotonic clock. Descriptors, 0 or negated errnos.
long caisson_now_ms(void);
int caisson_await(int fd, short events, long deadline_ms);
int caisson_dial_parent(const struct caisson_boot *boot, uint32_t port, long deadline_ms);
// The last line of the ready port (docs/wire/ready.md): `code` is one of its closed list. At most two seconds; nobody need hear it.
void caisson_send_last_word(const struct caisson_boot *boot, int exit, const char *code);

// Blocks the signals that PID 1 waits for; before the first step, so that none is lost while it boots.
void caisson_hold_signals(void);
// As the kernel would have it for a program that it starts itself.
void caisson_free_signals(void);
// Finds words[0] along the PATH of `environment` and becomes it. Returns the errno.
int caisson_become(char *const *words, char *const *environment);
// Runs the command to its end, reaping every orphan. Returns 0..255 (128 + n for signal n) or a negated errno.
int caisson_run(char *const *command, char *const *environment);
// Runs the supervisor, whatever becomes of it, until it says the end. Returns 0..255; the reason for the ready port is
// in `*code` when PID 1 ends on its own account, else NULL.
int caisson_supervise(struct caisson_boot *boot, const char **code);

// One line on the console: `caisson-init: ...`.
void caisson_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
