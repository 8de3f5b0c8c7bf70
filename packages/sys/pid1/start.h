// A start that the supervisor asked for: its request as parsed, and the two halves of its fork.
#ifndef CAISSON_START_H
#define CAISSON_START_H

#include "table.h"

// Chosen: what execve gets from one frame of 8 KiB.
#define CAISSON_WORDS 1024

struct caisson_start {
  // Flags of the wire.
  bool no_new_privileges, terminal, hold, has_nofile, has_oom;
  // Rootless simulations cannot change their groups, and need not.
  bool simulated;
  uint32_t uid, gid, nofile;
  uint16_t mask;
  int32_t oom;
  // All in the frame. Empty paths: /dev/null, no cgroup.
  const char *name, *cwd, *cgroup, *streams[3];
  char *words[CAISSON_WORDS + 1];
  char *environment[CAISSON_WORDS + 1];
};

// Where and why it failed.
struct caisson_failure {
  uint32_t step;
  uint32_t error;
};

// False: the frame is none of the protocol. Texts point into it.
bool caisson_parse_start(struct caisson_fields *fields, struct caisson_start *start, struct caisson_failure *failure);
// The forked child: becomes the program, or writes a caisson_failure to `outcome` and ends.
_Noreturn void caisson_become_service(const struct caisson_start *start, int outcome);
// Adds an entry and forks. False: `failure` says why, and nothing is left.
bool caisson_fork_service(const struct caisson_start *start, uint32_t request, struct caisson_failure *failure);

#endif
