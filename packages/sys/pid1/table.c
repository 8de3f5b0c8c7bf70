// The fixed table: 256 entries in .bss, so that no number of services makes PID 1 allocate or forget.
#include "place.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct caisson_entry caisson_table[CAISSON_ENTRIES];

struct caisson_entry *caisson_add_entry(const char *name) {
  for (struct caisson_entry *entry = caisson_table; entry < caisson_table + CAISSON_ENTRIES; entry += 1) {
    if (entry->state != caisson_free) continue;
    *entry = (struct caisson_entry){.state = caisson_starting, .outcome = -1, .held = {-1, -1}};
    strcpy(entry->name, name);
    return entry;
  }
  return NULL;
}

struct caisson_entry *caisson_find_alive(const char *name) {
  for (struct caisson_entry *entry = caisson_table; entry < caisson_table + CAISSON_ENTRIES; entry += 1) {
    bool alive = entry->state == caisson_starting || entry->state == caisson_running;
    if (alive && strcmp(entry->name, name) == 0) return entry;
  }
  return NULL;
}

struct caisson_entry *caisson_find_entry(const char *name, pid_t pid, uint64_t start_time) {
  for (struct caisson_entry *entry = caisson_table; entry < caisson_table + CAISSON_ENTRIES; entry += 1) {
    bool same = entry->state != caisson_free && entry->pid == pid && entry->start_time == start_time;
    if (same && strcmp(entry->name, name) == 0) return entry;
  }
  return NULL;
}

struct caisson_entry *caisson_find_pid(pid_t pid) {
  for (struct caisson_entry *entry = caisson_table; entry < caisson_table + CAISSON_ENTRIES; entry += 1) {
    bool alive = entry->state == caisson_starting || entry->state == caisson_running;
    if (alive && entry->pid == pid) return entry;
  }
  return NULL;
}

static bool has_twin(const struct caisson_entry *entry, bool by_cgroup) {
  for (const struct caisson_entry *other = caisson_table; other < caisson_table + CAISSON_ENTRIES; other += 1) {
    if (other == entry || other->state == caisson_free) continue;
    if (strcmp(by_cgroup ? other->cgroup : other->name, by_cgroup ? entry->cgroup : entry->name) == 0) return true;
  }
  return false;
}

void caisson_forget_entry(struct caisson_entry *entry) {
  static const char *const endings[] = {"out", "err"};
  char path[sizeof "/sys/fs/cgroup/" + CAISSON_NAME_BYTES + sizeof CAISSON_LOG_FOLDER];
  for (int stream = 0; stream < 2; stream += 1) {
    if (entry->held[stream] < 0) continue;
    close(entry->held[stream]);
    snprintf(path, sizeof path, CAISSON_LOG_FOLDER "/%s.%s", entry->name, endings[stream]);
    // The next process of a service starts before the last is forgotten, and writes into the same FIFO.
    if (!has_twin(entry, false)) unlink(caisson_place(path));
  }
  snprintf(path, sizeof path, "/sys/fs/cgroup/%s", entry->cgroup);
  // Refused by the kernel while something still runs in it.
  if (*entry->cgroup != '\0' && !has_twin(entry, true)) rmdir(path);
  entry->state = caisson_free;
}

// State and code: 0 running, 1 exited, 2 ended by a signal, 3 the same with a core.
void caisson_put_entry(struct caisson_outbox *outbox, const struct caisson_entry *entry, uint8_t type, uint32_t id) {
  int status = entry->wait_status;
  bool over = entry->state == caisson_over;
  int state = !over ? 0 : WIFEXITED(status) ? 1 : WCOREDUMP(status) ? 3 : 2;
  int code = !over ? 0 : WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  size_t opened = caisson_open_frame(outbox, type, id);
  caisson_put(outbox, (uint64_t)entry->pid, 4);
  caisson_put(outbox, entry->start_time, 8);
  caisson_put(outbox, (uint64_t)state, 1);
  caisson_put(outbox, (uint64_t)code, 1);
  caisson_put_text(outbox, entry->name);
  caisson_close_frame(outbox, opened);
}

bool caisson_is_name(const char *name) {
  size_t length = strlen(name);
  if (length == 0 || length >= CAISSON_NAME_BYTES || *name == '.') return false;
  for (const char *at = name; *at != '\0'; at += 1) {
    if ((unsigned char)*at <= ' ' || *at == 0x7F || *at == '/') return false;
  }
  return true;
}

bool caisson_is_inside(const char *path) {
  char parts[CAISSON_NAME_BYTES];
  if (strlen(path) >= sizeof parts) return false;
  for (const char *at = path;;) {
    size_t length = strcspn(at, "/");
    memcpy(parts, at, length);
    parts[length] = '\0';
    if (!caisson_is_name(parts)) return false;
    if (at[length] == '\0') return true;
    at += length + 1;
  }
}
