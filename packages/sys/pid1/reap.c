// What has ended, and what has become of a start. PID 1 is the parent of all whose parent died; one that does not wait for
// them fills the process table (R-I1).
#include "link.h"
#include "start.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

// Chosen: a storm of orphans must not keep PID 1 from its supervisor.
enum { reaps_at_once = 1024 };

static void free_failed(struct caisson_link *link, struct caisson_entry *entry, const struct caisson_failure *failure) {
  if (entry->request != 0) {
    size_t opened = caisson_open_frame(&link->outbox, caisson_frame_error, entry->request);
    caisson_put(&link->outbox, failure->error, 4);
    caisson_put(&link->outbox, failure->step, 1);
    caisson_close_frame(&link->outbox, opened);
    caisson_forget_entry(entry);
    return;
  }
  // The supervisor that asked is gone, and the one of now may have seen it in the table: it has ended, with 127. It is
  // reaped as an orphan.
  entry->state = caisson_over;
  entry->wait_status = 127 << 8;
  entry->told = false;
}

static void settle(struct caisson_link *link, struct caisson_entry *entry) {
  struct caisson_failure failure;
  ssize_t got = read(entry->outcome, &failure, sizeof failure);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  close(entry->outcome);
  entry->outcome = -1;
  if (got == (ssize_t)sizeof failure) {
    free_failed(link, entry, &failure);
    return;
  }
  // The pipe closed at exec, or with a child that was killed before it: then it has been started, and has ended.
  entry->state = caisson_running;
  if (entry->request == 0) return;
  size_t opened = caisson_open_frame(&link->outbox, caisson_frame_started, entry->request);
  caisson_put(&link->outbox, (uint64_t)entry->pid, 4);
  caisson_put(&link->outbox, entry->start_time, 8);
  caisson_close_frame(&link->outbox, opened);
  entry->request = 0;
}

void caisson_settle_starts(struct caisson_link *link) {
  for (struct caisson_entry *entry = caisson_table; entry < caisson_table + CAISSON_ENTRIES; entry += 1) {
    if (entry->state == caisson_starting) settle(link, entry);
  }
}

bool caisson_reap(struct caisson_link *link, pid_t supervisor, bool *supervisor_over, int *supervisor_status) {
  for (int count = 0; count < reaps_at_once; count += 1) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return false;
    if (pid == supervisor) {
      *supervisor_over = true;
      *supervisor_status = status;
      continue;
    }
    struct caisson_entry *entry = caisson_find_pid(pid);
    // Whatever it wrote before its end is in the pipe already, and its answer goes before its end.
    if (entry != NULL && entry->state == caisson_starting) settle(link, entry);
    if (entry == NULL || entry->state != caisson_running) continue;
    entry->state = caisson_over;
    entry->wait_status = status;
    entry->told = false;
  }
  return true;
}
