// Starts what the supervisor asks for. The child says over a pipe that closes at exec whether it became its program, so that
// "started" is never a guess, and PID 1 polls that pipe among others, so that no start holds up another.
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Flags of the wire.
enum { flag_no_new_privileges = 1, flag_terminal = 2, flag_hold = 4, flag_nofile = 8, flag_oom = 16, flags_known = 31 };

static bool take_words(struct caisson_fields *fields, char **words, bool needs_name, struct caisson_failure *failure) {
  size_t count = (size_t)caisson_take(fields, 2);
  for (size_t at = 0; at < count; at += 1) {
    // execve takes them as they are; that they are not const is history.
    char *word = (char *)(uintptr_t)caisson_take_text(fields);
    if (fields->bad) return false;
    if (at < CAISSON_WORDS) words[at] = word;
    if (needs_name && (*word == '=' || strchr(word, '=') == NULL)) failure->error = EINVAL;
  }
  if (count > CAISSON_WORDS) failure->error = E2BIG;
  words[count < CAISSON_WORDS ? count : CAISSON_WORDS] = NULL;
  return true;
}

bool caisson_parse_start(struct caisson_fields *fields, struct caisson_start *start, struct caisson_failure *failure) {
  *failure = (struct caisson_failure){caisson_step_request, 0};
  uint8_t flags = (uint8_t)caisson_take(fields, 1);
  start->no_new_privileges = (flags & flag_no_new_privileges) != 0;
  start->terminal = (flags & flag_terminal) != 0;
  start->hold = (flags & flag_hold) != 0;
  start->has_nofile = (flags & flag_nofile) != 0;
  start->has_oom = (flags & flag_oom) != 0;
  start->uid = (uint32_t)caisson_take(fields, 4);
  start->gid = (uint32_t)caisson_take(fields, 4);
  start->mask = (uint16_t)caisson_take(fields, 2);
  start->nofile = (uint32_t)caisson_take(fields, 4);
  start->oom = (int32_t)(uint32_t)caisson_take(fields, 4);
  start->name = caisson_take_text(fields);
  start->cwd = caisson_take_text(fields);
  start->cgroup = caisson_take_text(fields);
  for (int at = 0; at < 3; at += 1) start->streams[at] = caisson_take_text(fields);
  if (!take_words(fields, start->words, false, failure)) return false;
  if (!take_words(fields, start->environment, true, failure) || !caisson_taken_whole(fields)) return false;
  bool sound = (flags & ~flags_known) == 0 && caisson_is_name(start->name) && *start->cwd == '/' && start->mask <= 0777 &&
               (*start->cgroup == '\0' || caisson_is_inside(start->cgroup)) && start->words[0] != NULL &&
               *start->words[0] != '\0' && start->oom >= -1000 && start->oom <= 1000 &&
               // -1 tells the kernel to change nothing, which would leave the service root.
               start->uid != UINT32_MAX && start->gid != UINT32_MAX;
  if (!sound && failure->error == 0) failure->error = EINVAL;
  return true;
}

// What is held has one name only: a request must not make PID 1 create or remove another file.
static int hold_streams(const struct caisson_start *start, struct caisson_entry *entry) {
  static const char *const endings[] = {"out", "err"};
  char path[sizeof CAISSON_LOG_FOLDER "/.out" + CAISSON_NAME_BYTES];
  for (int stream = 0; stream < 2 && start->hold; stream += 1) {
    if (*start->streams[stream + 1] == '\0') continue;
    snprintf(path, sizeof path, CAISSON_LOG_FOLDER "/%s.%s", start->name, endings[stream]);
    if (strcmp(start->streams[stream + 1], path) != 0) return -EINVAL;
    int error = caisson_hold_fifo(entry, stream, path);
    if (error < 0) return error;
  }
  return 0;
}

static int prepare(const struct caisson_start *start, struct caisson_entry *entry, int *pipe_ends, uint32_t *step) {
  *step = caisson_step_fifo;
  int error = hold_streams(start, entry);
  if (error < 0) return error;
  *step = caisson_step_cgroup;
  if (*start->cgroup != '\0') {
    error = caisson_make_cgroup(start->cgroup);
    if (error < 0) return error;
    strcpy(entry->cgroup, start->cgroup);
  }
  *step = caisson_step_fork;
  return pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

bool caisson_fork_service(const struct caisson_start *start, uint32_t request, struct caisson_failure *failure) {
  *failure = (struct caisson_failure){caisson_step_table, EEXIST};
  if (caisson_find_alive(start->name) != NULL) return false;
  failure->error = ENFILE;
  struct caisson_entry *entry = caisson_add_entry(start->name);
  if (entry == NULL) return false;
  int pipe_ends[2];
  int error = prepare(start, entry, pipe_ends, &failure->step);
  pid_t pid = error < 0 ? error : fork();
  if (pid == 0) caisson_become_service(start, pipe_ends[1]);
  if (pid < 0) {
    failure->error = (uint32_t)(error < 0 ? -error : errno);
    if (error == 0) close(pipe_ends[0]), close(pipe_ends[1]);
    caisson_forget_entry(entry);
    return false;
  }
  close(pipe_ends[1]);
  struct caisson_stat stat = {0};
  // It cannot be gone: nobody reaps while this runs.
  caisson_read_stat(pid, &stat);
  entry->pid = pid;
  entry->start_time = stat.start_time;
  entry->outcome = pipe_ends[0];
  entry->request = request;
  return true;
}
