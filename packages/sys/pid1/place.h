// Where the enclave's files are for PID 1, and what becoming one of its programs takes. In an enclave that is the root and execve (place.c), and
// nothing here can be told otherwise; a simulation without a root of its own links other answers (packages/sys/sim/place.c).
#ifndef CAISSON_PLACE_H
#define CAISSON_PLACE_H

#include "start.h"

// What to hand to the kernel for an absolute path of the enclave.
const char *caisson_place(const char *path);
// Texts of a start as the enclave's own programs would say them.
void caisson_localize(struct caisson_start *start);
// In the child of a service or command, while it has its privileges; the supervisor's takes no such step. 0 or a negated errno.
int caisson_enter_place(void);
// In each child, last: other words and variables for the same program. 0 or a negated errno.
int caisson_prepare_exec(char *const **words, char *const **environment);
// As execve: returns only when it fails, with errno.
void caisson_execute(const char *path, char *const *words, char *const *environment);
// All processes of the enclave but this one; nobody need be there.
void caisson_kill_all(int signal);

// Before the last line on the console, after which nobody of the enclave may say anything.
void caisson_leave_place(void);

#endif
