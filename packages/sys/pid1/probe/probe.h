// The program that the tests of PID 1 run: as the command, as a service, and as a supervisor that is driven from outside.
#ifndef CAISSON_PROBE_H
#define CAISSON_PROBE_H

// Carries fd 3 to the unix socket at `path` and back, until either ends.
int probe_relay(const char *path);
// Writes numbered lines to standard output until it is killed.
int probe_count(void);
// Leaves a child of a child behind, which waits, and ends.
int probe_leave(void);
// Waits, and has left a process that heeds no signal, in a session of its own and without a parent.
int probe_stray(void);
// Forks until it may not, under a limit of its own, and waits with what it has.
int probe_bomb(int limit);
// Ends by any signal, or by none but SIGKILL.
int probe_wait(int ignore);

#endif
