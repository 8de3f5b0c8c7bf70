// The words PID 1 was started with: on hardware the measured kernel command line, and nothing else. What softens it is for
// a simulation, which says so first.
#include "pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Given (docs/pid1.md).
enum { deaths = 10, back_off_ms = 5000, end_ms = 35000, stop_ms = 5000 };
// Chosen: an hour.
enum { longest_ms = 3600000 };

static int read_cid(struct caisson_boot *boot, const char *word) {
  char *end;
  errno = 0;
  unsigned long cid = strtoul(word, &end, 10);
  if (errno != 0 || *end != '\0' || end == word || cid < 4 || cid >= UINT32_MAX) return -EINVAL;
  boot->cid = (uint32_t)cid;
  return 0;
}

// DEATHS:BACK_OFF_MS:END_MS:STOP_MS, so that a test need not take a minute for each.
static int read_patience(struct caisson_boot *boot, const char *word) {
  uint32_t *const targets[] = {&boot->deaths, &boot->back_off_ms, &boot->end_ms, &boot->stop_ms};
  for (size_t at = 0; at < sizeof targets / sizeof *targets; at += 1) {
    char *end;
    unsigned long value = strtoul(word, &end, 10);
    unsigned long bound = at == 0 ? CAISSON_MOST_DEATHS : longest_ms;
    if (end == word || *end != (at == 3 ? '\0' : ':') || value == 0 || value > bound) return -EINVAL;
    *targets[at] = (uint32_t)value;
    word = end + 1;
  }
  return 0;
}

int caisson_read_arguments(struct caisson_boot *boot, int count, char **words) {
  bool patience = false;
  boot->deaths = deaths;
  boot->back_off_ms = back_off_ms;
  boot->end_ms = end_ms;
  boot->stop_ms = stop_ms;
  for (int at = 1; at < count; at += 1) {
    int error = 0;
    boot->object = words[at];
    if (strcmp(words[at], "--simulated") == 0) {
      boot->simulated = true;
    } else if (strcmp(words[at], "--fabric") == 0 && at + 1 < count) {
      boot->object = words[++at];
      boot->fabric = open(words[at], O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (boot->fabric < 0) error = -errno;
    } else if (strcmp(words[at], "--cid") == 0 && at + 1 < count) {
      boot->object = words[++at];
      error = read_cid(boot, words[at]);
    } else if (strcmp(words[at], "--patience") == 0 && at + 1 < count) {
      boot->object = words[++at];
      patience = true;
      error = read_patience(boot, words[at]);
    } else if (strncmp(words[at], "--", 2) == 0) {
      error = -EINVAL;
    }
    // Other words are the kernel's: it hands over what it does not know of its command line (AWS's has `nomodules`).
    if (error < 0) return error;
  }
  // The fabric is a simulation's; a measured command line must not move the heartbeat away from the parent.
  boot->object = "--fabric";
  if (boot->fabric >= 0 && (!boot->simulated || boot->cid == 0)) return -EINVAL;
  boot->object = "--patience";
  return patience && !boot->simulated ? -EINVAL : 0;
}
