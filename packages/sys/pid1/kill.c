// Signals to what a service is: its process, its process group, or all that came of it. Only PID 1 reaps, so a pid in the
// table that has not ended is that very process, dead or alive, and no other.
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Chosen: passes over a crowd that may be growing.
enum { rounds = 4 };

static ssize_t read_whole(const char *path, char *text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t got = read(fd, text, size - 1);
  int error = errno;
  close(fd);
  if (got < 0) return -error;
  text[got] = '\0';
  return got;
}

int caisson_read_stat(pid_t pid, struct caisson_stat *stat) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  ssize_t got = read_whole(path, text, sizeof text);
  if (got < 0) return (int)got;
  // The name of a program may hold anything, parentheses and spaces too; after the last one there are only numbers.
  char *at = strrchr(text, ')');
  for (int field = 3; at != NULL && field <= 22; field += 1) {
    at = strchr(at + 1, ' ');
    if (at != NULL && field == 4) stat->parent = (pid_t)strtol(at, NULL, 10);
    if (at != NULL && field == 6) stat->session = (pid_t)strtol(at, NULL, 10);
  }
  if (at == NULL) return -EPROTO;
  stat->start_time = strtoull(at, NULL, 10);
  return 0;
}

int caisson_kill_some(int signal, bool (*kill_one)(pid_t pid, int signal, pid_t of), pid_t of) {
  int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return -errno;
  static char names[4096];
  int killed = 0;
  // Not readdir, which allocates.
  for (long got; (got = syscall(SYS_getdents64, folder, names, sizeof names)) > 0;) {
    for (long at = 0; at < got;) {
      struct {
        uint64_t inode, offset;
        uint16_t length;
      } head;
      memcpy(&head, names + at, sizeof head);
      pid_t pid = (pid_t)strtol(names + at + 19, NULL, 10);
      at += head.length;
      if (pid > 1 && kill_one(pid, signal, of)) killed += 1;
    }
  }
  close(folder);
  return killed;
}

static bool kill_of_session(pid_t pid, int signal, pid_t session) {
  struct caisson_stat stat;
  return caisson_read_stat(pid, &stat) == 0 && stat.session == session && kill(pid, signal) == 0;
}

// Every process of that session; a kernel without cgroup2 has nothing better, and only one that calls setsid itself escapes.
static int kill_session(const struct caisson_entry *entry, int signal) {
  struct caisson_stat stat;
  // The leader's number may have passed to another since; then the session is not ours.
  if (entry->state == caisson_over && caisson_read_stat(entry->pid, &stat) == 0) return -ESRCH;
  int killed = caisson_kill_some(signal, kill_of_session, entry->pid);
  return killed > 0 ? 0 : killed < 0 ? killed : -ESRCH;
}

static int write_word(const char *path, const char *word) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int error = write(fd, word, strlen(word)) < 0 ? -errno : 0;
  close(fd);
  return error;
}

static int kill_cgroup(const struct caisson_entry *entry, int signal) {
  static char pids[4096];
  char path[sizeof "/sys/fs/cgroup//cgroup.procs" + CAISSON_NAME_BYTES];
  snprintf(path, sizeof path, "/sys/fs/cgroup/%s/cgroup.kill", entry->cgroup);
  // Since Linux 5.14, at once and with everything below; before it, one by one.
  if (signal == SIGKILL && write_word(path, "1") == 0) return 0;
  snprintf(path, sizeof path, "/sys/fs/cgroup/%s/cgroup.procs", entry->cgroup);
  int killed = 0;
  // Other signals are sent once: a service must not meet the same one twice.
  for (int round = 0; round < (signal == SIGKILL ? rounds : 1); round += 1) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    size_t kept = 0;
    for (ssize_t got; (got = read(fd, pids + kept, sizeof pids - 1 - kept)) > 0;) {
      pids[kept + (size_t)got] = '\0';
      char *at = pids;
      for (char *line; (line = strchr(at, '\n')) != NULL; at = line + 1) {
        // 0: a process that this PID namespace does not see.
        pid_t pid = (pid_t)strtol(at, NULL, 10);
        if (pid > 1 && kill(pid, signal) == 0) killed += 1;
      }
      kept = strlen(at);
      memmove(pids, at, kept);
    }
    close(fd);
  }
  return killed > 0 ? 0 : -ESRCH;
}

int caisson_kill_entry(const struct caisson_entry *entry, int signal, uint8_t scope) {
  if (scope == caisson_scope_cgroup) return *entry->cgroup == '\0' ? kill_session(entry, signal) : kill_cgroup(entry, signal);
  // Its number may be another's now, alone or as a group's.
  if (entry->state == caisson_over) return -ESRCH;
  return kill(scope == caisson_scope_group ? -entry->pid : entry->pid, signal) < 0 ? -errno : 0;
}
