// What to run. Plain images have AWS's layout: /cmd with one argument a line, /env with one NAME=value a line. Ours have
// /supervisor, with one word a line, instead. All are part of the measured image, read once and deleted, as AWS's own init
// does. A NUL or a line without a name is a broken build.
#include "pid1.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// Returns the number of bytes, below CAISSON_TEXT_BYTES, or a negated errno.
static ssize_t read_text(const char *path, char *text) {
  int fd = open(caisson_place(path), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  size_t used = 0;
  ssize_t got;
  // One byte is kept free for the last NUL; a file that reaches it is too long.
  while ((got = read(fd, text + used, CAISSON_TEXT_BYTES - used)) > 0) {
    used += (size_t)got;
    if (used == CAISSON_TEXT_BYTES) break;
  }
  ssize_t result = got < 0 ? -errno : used == CAISSON_TEXT_BYTES ? -E2BIG : (ssize_t)used;
  close(fd);
  return result;
}

static int read_lines(struct caisson_boot *boot, const char *path, struct caisson_list *list, bool needs_name) {
  boot->object = path;
  ssize_t length = read_text(path, list->text);
  if (length <= 0) return (int)length;
  if (memchr(list->text, '\0', (size_t)length) != NULL) return -EINVAL;
  if (list->text[length - 1] == '\n') length -= 1;
  list->text[length] = '\0';
  size_t count = 0;
  for (char *line = list->text, *next; line != NULL; line = next) {
    next = strchr(line, '\n');
    if (next != NULL) *next++ = '\0';
    if (count == CAISSON_TEXT_LINES) return -E2BIG;
    if (needs_name && (*line == '=' || strchr(line, '=') == NULL)) return -EINVAL;
    list->lines[count++] = line;
  }
  list->lines[count] = NULL;
  return 0;
}

static int drop(struct caisson_boot *boot, const char *path, bool may_lack) {
  boot->object = path;
  return unlink(caisson_place(path)) < 0 && !(may_lack && errno == ENOENT) ? -errno : 0;
}

// An image that says nothing is for production: what it allows must be asked for, and measured.
int caisson_read_profile(struct caisson_boot *boot) {
  static struct caisson_list profile;
  int error = read_lines(boot, "/profile", &profile, false);
  boot->production = true;
  if (error == -ENOENT) return 0;
  if (error < 0) return error;
  if (profile.lines[0] == NULL || profile.lines[1] != NULL) return -EINVAL;
  boot->production = strcmp(profile.lines[0], "production") == 0;
  if (!boot->production && strcmp(profile.lines[0], "development") != 0) return -EINVAL;
  return drop(boot, "/profile", false);
}

int caisson_read_command(struct caisson_boot *boot) {
  int error = read_lines(boot, "/supervisor", &boot->command, false);
  if (error < 0 && error != -ENOENT) return error;
  boot->supervised = error == 0;
  if (!boot->supervised) error = read_lines(boot, "/cmd", &boot->command, false);
  if (error < 0) return error;
  if (boot->command.lines[0] == NULL || *boot->command.lines[0] == '\0') return -EINVAL;
  // The supervisor gets none of the application's variables: NODE_OPTIONS would be one.
  if (!boot->supervised) error = read_lines(boot, "/env", &boot->environment, true);
  if (error == 0 && boot->supervised) error = drop(boot, "/supervisor", false);
  if (error == 0) error = drop(boot, "/cmd", boot->supervised);
  return error < 0 ? error : drop(boot, "/env", boot->supervised);
}
