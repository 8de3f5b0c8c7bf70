// One supervisor on its fd 3: what has come, what is still to go. Bounded both ways: requests wait in the socket while
// answers do not leave, and an event that finds no room is not lost, because the table holds what it would have said.
#ifndef CAISSON_LINK_H
#define CAISSON_LINK_H

#include "frame.h"

#include <poll.h>
#include <sys/types.h>

struct caisson_link {
  // -1: no supervisor.
  int fd;
  struct caisson_inbox inbox;
  struct caisson_outbox outbox;
  // The table request that is being answered, and the next entry to go.
  bool telling_table;
  uint32_t table_request;
  size_t table_at;
  // To be told.
  bool terminate, reload;
  // The code of the supervisor's `end`; -1: it has not come.
  int end_code;
};

void caisson_open_link(struct caisson_link *link, int fd);
void caisson_close_link(struct caisson_link *link);
// Reads, obeys, answers and tells as far as that goes without waiting. 1: there is more to do at once; a negated errno: this
// supervisor must go.
int caisson_serve_link(struct caisson_link *link, bool simulated);
// What poll should wait for.
short caisson_link_events(const struct caisson_link *link);

// Starts whose outcome is known now are answered.
void caisson_settle_starts(struct caisson_link *link);
// Reaps what has ended, at most a bounded number at once. `*supervisor_status` is set when the supervisor was among it.
// Returns true when there may be more.
bool caisson_reap(struct caisson_link *link, pid_t supervisor, bool *supervisor_over, int *supervisor_status);

#endif
