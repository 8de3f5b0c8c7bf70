// fd 3 as bytes: reads one frame at a time and only while the answer has room, so that nothing a supervisor does makes PID 1
// wait or grow.
#include "link.h"
#include "place.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Chosen: half of the queue. The other half takes one answer for each start that is still on its way (22 bytes each).
enum { fill_bytes = CAISSON_QUEUE_BYTES / 2 };

void caisson_open_link(struct caisson_link *link, int fd) {
  link->fd = fd;
  link->inbox.used = 0;
  link->outbox.used = 0;
  link->telling_table = false;
  link->reload = false;
  for (struct caisson_entry *entry = caisson_table; entry < caisson_table + CAISSON_ENTRIES; entry += 1) {
    // It was the last supervisor that asked; the new one reads in the table what became of it.
    entry->request = 0;
    entry->told = true;
  }
}

void caisson_close_link(struct caisson_link *link) {
  if (link->fd >= 0) close(link->fd);
  link->fd = -1;
}

short caisson_link_events(const struct caisson_link *link) {
  bool hears = link->outbox.used < fill_bytes && link->end_code < 0;
  return (short)((hears ? POLLIN : 0) | (link->outbox.used > 0 ? POLLOUT : 0));
}

static void answer(struct caisson_link *link, uint32_t id, uint32_t step, int error) {
  size_t opened = caisson_open_frame(&link->outbox, error == 0 ? caisson_frame_done : caisson_frame_error, id);
  if (error != 0) caisson_put(&link->outbox, (uint64_t)error, 4), caisson_put(&link->outbox, step, 1);
  caisson_close_frame(&link->outbox, opened);
}

static bool obey_start(struct caisson_link *link, struct caisson_frame *frame, bool simulated) {
  static struct caisson_start start;
  struct caisson_failure failure;
  if (!caisson_parse_start(&frame->body, &start, &failure)) return false;
  start.simulated = simulated;
  caisson_localize(&start);
  if (failure.error != 0 || !caisson_fork_service(&start, frame->id, &failure)) {
    answer(link, frame->id, failure.step, (int)failure.error);
  }
  return true;
}

static bool obey_signal(struct caisson_link *link, struct caisson_frame *frame) {
  pid_t pid = (pid_t)caisson_take(&frame->body, 4);
  uint64_t start_time = caisson_take(&frame->body, 8);
  int signal = (int)caisson_take(&frame->body, 1);
  uint8_t scope = (uint8_t)caisson_take(&frame->body, 1);
  const char *name = caisson_take_text(&frame->body);
  if (!caisson_taken_whole(&frame->body)) return false;
  struct caisson_entry *entry = caisson_find_entry(name, pid, start_time);
  int error = entry == NULL ? -ESRCH : scope > caisson_scope_cgroup ? -EINVAL : caisson_kill_entry(entry, signal, scope);
  answer(link, frame->id, caisson_step_kill, -error);
  return true;
}

static bool obey_forget(struct caisson_link *link, struct caisson_frame *frame) {
  pid_t pid = (pid_t)caisson_take(&frame->body, 4);
  uint64_t start_time = caisson_take(&frame->body, 8);
  const char *name = caisson_take_text(&frame->body);
  if (!caisson_taken_whole(&frame->body)) return false;
  struct caisson_entry *entry = caisson_find_entry(name, pid, start_time);
  int error = entry == NULL ? ESRCH : entry->state != caisson_over ? EBUSY : 0;
  if (error == 0) caisson_forget_entry(entry);
  answer(link, frame->id, caisson_step_forget, error);
  return true;
}

static bool obey(struct caisson_link *link, struct caisson_frame *frame, bool simulated) {
  // 0 is for events.
  if (frame->id == 0) return false;
  if (frame->type == caisson_frame_start) return obey_start(link, frame, simulated);
  if (frame->type == caisson_frame_signal) return obey_signal(link, frame);
  if (frame->type == caisson_frame_forget) return obey_forget(link, frame);
  if (frame->type == caisson_frame_table) {
    link->telling_table = true;
    link->table_request = frame->id;
    link->table_at = 0;
    return caisson_taken_whole(&frame->body);
  }
  if (frame->type != caisson_frame_end) return false;
  int code = (int)caisson_take(&frame->body, 1);
  if (!caisson_taken_whole(&frame->body)) return false;
  link->end_code = code;
  return true;
}

// Events and the table, as far as there is room. An entry's end that the table has shown needs no event.
static void tell(struct caisson_link *link) {
  for (; link->telling_table && link->outbox.used < fill_bytes; link->table_at += 1) {
    link->telling_table = link->table_at < CAISSON_ENTRIES;
    if (!link->telling_table) {
      answer(link, link->table_request, 0, 0);
      break;
    }
    struct caisson_entry *entry = &caisson_table[link->table_at];
    if (entry->state == caisson_free || entry->request != 0) continue;
    caisson_put_entry(&link->outbox, entry, caisson_frame_entry, link->table_request);
    entry->told = entry->state == caisson_over;
  }
  for (struct caisson_entry *entry = caisson_table; entry < caisson_table + CAISSON_ENTRIES; entry += 1) {
    if (link->outbox.used >= fill_bytes) return;
    if (entry->state != caisson_over || entry->told) continue;
    caisson_put_entry(&link->outbox, entry, caisson_frame_ended, 0);
    entry->told = true;
  }
  if (link->outbox.used >= fill_bytes) return;
  if (link->terminate) caisson_close_frame(&link->outbox, caisson_open_frame(&link->outbox, caisson_frame_terminate, 0));
  if (link->reload) caisson_close_frame(&link->outbox, caisson_open_frame(&link->outbox, caisson_frame_reload, 0));
  link->terminate = link->reload = false;
}

static int flush(struct caisson_link *link) {
  if (link->outbox.used == 0) return 0;
  ssize_t sent = send(link->fd, link->outbox.bytes, link->outbox.used, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  link->outbox.used -= (size_t)sent;
  memmove(link->outbox.bytes, link->outbox.bytes + sent, link->outbox.used);
  return 0;
}

// 1: there were bytes; 0: none now.
static int receive(struct caisson_link *link) {
  size_t room = sizeof link->inbox.bytes - link->inbox.used;
  if (room == 0) return 0;
  ssize_t got = recv(link->fd, link->inbox.bytes + link->inbox.used, room, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  // It lives without its parent's ear, and cannot do its work.
  if (got == 0) return -EPIPE;
  link->inbox.used += (size_t)got;
  return 1;
}

int caisson_serve_link(struct caisson_link *link, bool simulated) {
  // One buffer a call: the loop reaps in between, whatever a supervisor keeps asking.
  int got = receive(link);
  if (got < 0) return got;
  while (link->end_code < 0 && !link->telling_table && link->outbox.used < fill_bytes) {
    struct caisson_frame frame;
    int there = caisson_next_frame(&link->inbox, &frame);
    if (there < 0) return there;
    if (there == 0) break;
    if (!obey(link, &frame, simulated)) return -EPROTO;
    caisson_drop_frame(&link->inbox);
  }
  tell(link);
  int error = flush(link);
  if (error < 0 || link->end_code >= 0 || link->outbox.used >= fill_bytes) return error;
  struct caisson_frame next;
  return link->telling_table || caisson_next_frame(&link->inbox, &next) != 0 ? 1 : 0;
}
