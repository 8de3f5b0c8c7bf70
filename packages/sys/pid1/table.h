// The table of what PID 1 has started (docs/wire/pid1.md): fixed, and the truth. It outlives any supervisor; events only
// say that it has changed.
#ifndef CAISSON_TABLE_H
#define CAISSON_TABLE_H

#include "frame.h"

#include <sys/types.h>

// Given (docs/wire/pid1.md).
#define CAISSON_ENTRIES 256
#define CAISSON_LOG_FOLDER "/run/caisson/log"
// Chosen: with the NUL. A file name has at most 255 bytes, and `NAME.out` must be one.
#define CAISSON_NAME_BYTES 128

enum caisson_state { caisson_free, caisson_starting, caisson_running, caisson_over };

// The step of a start that failed, as the wire has it.
enum caisson_step {
  caisson_step_request,
  caisson_step_table,
  caisson_step_fifo,
  caisson_step_fork,
  caisson_step_session,
  caisson_step_cgroup,
  caisson_step_stdin,
  caisson_step_stdout,
  caisson_step_stderr,
  caisson_step_terminal,
  caisson_step_limits,
  caisson_step_oom,
  caisson_step_group,
  caisson_step_user,
  caisson_step_privileges,
  caisson_step_folder,
  caisson_step_exec,
  caisson_step_kill,
  caisson_step_forget,
};

struct caisson_entry {
  enum caisson_state state;
  pid_t pid;
  // Clock ticks since boot, field 22 of /proc/PID/stat: with it a reused pid is never mistaken for this process.
  uint64_t start_time;
  // As of waitpid, once over.
  int wait_status;
  // The supervisor of now knows that it is over.
  bool told;
  // Reads the end of the file when the program runs, or the step and errno that failed; -1 once that is known.
  int outcome;
  // Id of the request that has not been answered yet; 0: its supervisor is gone.
  uint32_t request;
  // The FIFOs of stdout and stderr, open both ways; -1: none.
  int held[2];
  char name[CAISSON_NAME_BYTES];
  // Under /sys/fs/cgroup; empty: none.
  char cgroup[CAISSON_NAME_BYTES];
};

extern struct caisson_entry caisson_table[CAISSON_ENTRIES];

struct caisson_entry *caisson_add_entry(const char *name);
// The entry that has not ended under that name; NULL: none.
struct caisson_entry *caisson_find_alive(const char *name);
struct caisson_entry *caisson_find_entry(const char *name, pid_t pid, uint64_t start_time);
struct caisson_entry *caisson_find_pid(pid_t pid);
// Closes what it holds; removes its FIFOs and its cgroup unless another entry has the same.
void caisson_forget_entry(struct caisson_entry *entry);
void caisson_put_entry(struct caisson_outbox *outbox, const struct caisson_entry *entry, uint8_t type, uint32_t id);

// Printable, no slash, no dot first: it becomes part of a file's name and of a console line.
bool caisson_is_name(const char *name);
// Relative, without empty, `.` and `..` parts.
bool caisson_is_inside(const char *path);

// 0 or a negated errno. stream: 0 stdout, 1 stderr.
int caisson_hold_fifo(struct caisson_entry *entry, int stream, const char *path);
int caisson_make_cgroup(const char *cgroup);

struct caisson_stat {
  pid_t parent;
  pid_t session;
  uint64_t start_time;
};
// Reads /proc/PID/stat; 0 or a negated errno.
int caisson_read_stat(pid_t pid, struct caisson_stat *stat);

// Hands every process there is but 1 to `kill_one`, with `of`; how many times it returned true, or a negated errno.
int caisson_kill_some(int signal, bool (*kill_one)(pid_t pid, int signal, pid_t of), pid_t of);

enum caisson_scope { caisson_scope_process, caisson_scope_group, caisson_scope_cgroup };
int caisson_kill_entry(const struct caisson_entry *entry, int signal, uint8_t scope);

#endif
