// PID 1's files and programs where the enclave's root is a folder of this machine. PID 1 and the supervisor stay outside of it and reach it by path:
// inside there is no /proc. Services are shut into it, or without root started from it by path, which only words, variables and the loader can be
// told (docs/simulation.md says what that cannot do).
#include "plain.h"
#include "program.h"
#include "../pid1/place.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

// Chosen: a frame of 8 KiB or a command of 64 KiB, with the root's path before every word.
enum { arena_bytes = 512 * 1024, most_texts = 2048 };

static struct {
  const char *root;
  size_t length;
  bool is_chroot;
  // This process has been shut in.
  bool inside;
} place;

static char arena[arena_bytes];
static size_t arena_used;

void caisson_set_place(const char *root, bool is_chroot) {
  place.root = root;
  place.length = strlen(root);
  place.is_chroot = is_chroot;
}

const char *caisson_place_root(void) { return place.root; }

bool caisson_is_chroot(void) { return place.is_chroot; }

// The working folder of this process is the root, for as long as it lives: PID 1 goes nowhere else.
const char *caisson_place(const char *path) {
  if (*path != '/') return path;
  // The machine's own is no enclave's console.
  if (strcmp(path, "/dev/console") == 0) return "/proc/self/fd/2";
  if (strncmp(path, "/dev/", 5) == 0) return path;
  while (*path == '/') path += 1;
  return *path == '\0' ? "." : path;
}

// In place: nothing grows.
static void strip(char *text) {
  for (char *at = text; (at = strstr(at, place.root)) != NULL;) {
    char next = at[place.length];
    if (next == '/') memmove(at, at + place.length, strlen(at + place.length) + 1);
    else at += place.length;
  }
}

// The supervisor knows its files by their whole paths; services know them as they are inside.
void caisson_localize(struct caisson_start *start) {
  strip((char *)(uintptr_t)start->cwd);
  for (int at = 0; at < 3; at += 1) strip((char *)(uintptr_t)start->streams[at]);
  for (char **word = start->words; *word != NULL; word += 1) strip(*word);
  for (char **line = start->environment; *line != NULL; line += 1) strip(*line);
}

int caisson_enter_place(void) {
  if (!place.is_chroot) return 0;
  if (chroot(".") < 0) return -errno;
  place.inside = true;
  return 0;
}

// What stands before a path, the root, the path.
static char *keep(const char *before, size_t bytes, const char *path) {
  char *kept = arena + arena_used;
  size_t left = arena_bytes - arena_used;
  size_t length = (size_t)snprintf(kept, left, "%.*s%s%s", (int)bytes, before, place.root, path);
  if (length >= left) return NULL;
  arena_used += length + 1;
  return kept;
}

static bool is_inside(const char *path) {
  char whole[4096];
  int length = snprintf(whole, sizeof whole, "%s%s", place.root, path);
  return length < (int)sizeof whole && access(whole, F_OK) == 0;
}

// A path may be a whole word, or what follows its first `=`, with the kind of a socket before it.
static const char *path_in(const char *text) {
  static const char *const kinds[] = {"unix:", "fabric:"};
  for (int round = 0; text != NULL && round < 2; round += 1) {
    for (size_t at = 0; at < sizeof kinds / sizeof *kinds; at += 1) {
      size_t length = strlen(kinds[at]);
      if (strncmp(text, kinds[at], length) == 0) text += length;
    }
    if (*text == '/') return text;
    text = strchr(text, '=');
    if (text != NULL) text += 1;
  }
  return NULL;
}

static char *lead_word(char *word, bool always) {
  const char *path = path_in(word);
  if (path == NULL || strncmp(path, place.root, place.length) == 0) return word;
  if (!always && !is_inside(path)) return word;
  return keep(word, (size_t)(path - word), path);
}

// With every folder in the root, so that nothing is found by name but what is the image's.
static char *lead_folders(const char *line) {
  char *led = arena + arena_used;
  size_t left = arena_bytes - arena_used;
  size_t used = strlen("PATH=");
  if (left <= used) return NULL;
  memcpy(led, line, used);
  for (const char *at = line + used, *first = at; at != NULL && used < left;) {
    int length = (int)strcspn(at, ":");
    const char *root = *at == '/' ? place.root : "";
    used += (size_t)snprintf(led + used, left - used, "%s%s%.*s", at == first ? "" : ":", root, length, at);
    at = at[length] == ':' ? at + length + 1 : NULL;
  }
  if (used >= left) return NULL;
  arena_used += used + 1;
  return led;
}

int caisson_prepare_exec(char *const **words, char *const **environment) {
  static char *led[most_texts], *variables[most_texts];
  // Not to live longer than PID 1. Here, because a change of user takes it back.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  size_t count = 0;
  if (place.inside) {
    // Those of a plain image were PID 1's own.
    for (char *const *one = *environment; *one != NULL && count + 1 < most_texts; one += 1) {
      if (strncmp(*one, "CAISSON_ROOT=", 13) == 0) continue;
      strip(*one);
      variables[count++] = *one;
    }
    variables[count] = NULL;
    *environment = variables;
    return 0;
  }
  for (char *const *one = *words; *one != NULL; one += 1, count += 1) {
    if (count + 1 == most_texts || (led[count] = lead_word(*one, false)) == NULL) return -E2BIG;
  }
  led[count] = NULL;
  count = 0;
  bool has_place = false;
  for (char *const *one = *environment; *one != NULL; one += 1, count += 1) {
    bool is_path = strncmp(*one, "PATH=", 5) == 0;
    has_place = has_place || strncmp(*one, "CAISSON_ROOT=", 13) == 0;
    char *line = is_path ? lead_folders(*one) : lead_word(*one, strncmp(*one, "HOME=", 5) == 0);
    if (count + 3 >= most_texts || line == NULL) return -E2BIG;
    variables[count] = line;
  }
  // For the enclave program, which services may start; and what they forget there is gone with the root.
  if (!has_place) {
    if ((variables[count++] = keep("CAISSON_ROOT=", 13, "")) == NULL) return -E2BIG;
    if ((variables[count++] = keep("TMPDIR=", 7, "/tmp")) == NULL) return -E2BIG;
  }
  variables[count] = NULL;
  *words = led;
  *environment = variables;
  return 0;
}

void caisson_execute(const char *path, char *const *words, char *const *environment) {
  if (place.inside) {
    execve(path, words, environment);
    return;
  }
  errno = ENOENT;
  // The machine may have a program of that name, and it is not the image's.
  if (strncmp(path, place.root, place.length) == 0) caisson_execute_in(place.root, path, words, environment);
}
