// What PID 1 makes for a service and keeps while its entry stands: the FIFOs of its words and its cgroup.
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Chosen: what services may write while no supervisor reads, for each stream. Pages are taken only as they are filled.
enum { fifo_bytes = 256 * 1024 };

// Open both ways, so that a writer meets no EPIPE while the supervisor is away, and a reader no end of file.
int caisson_hold_fifo(struct caisson_entry *entry, int stream, const char *path) {
  path = caisson_place(path);
  if (mkfifo(path, 0600) < 0 && errno != EEXIST) return -errno;
  int fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct stat found;
  if (fstat(fd, &found) < 0 || !S_ISFIFO(found.st_mode)) {
    close(fd);
    return -EEXIST;
  }
  // Left as it is where the kernel or its limits refuse.
  fcntl(fd, F_SETPIPE_SZ, fifo_bytes);
  entry->held[stream] = fd;
  return 0;
}

// `cgroup` has been found to stay inside.
int caisson_make_cgroup(const char *cgroup) {
  char path[sizeof "/sys/fs/cgroup/" + CAISSON_NAME_BYTES] = "/sys/fs/cgroup/cgroup.procs";
  // Without it the folders would be made all the same, and hold nothing.
  if (access(path, W_OK) < 0) return errno == ENOENT ? -ENODEV : -errno;
  size_t used = strlen("/sys/fs/cgroup");
  for (const char *at = cgroup; at != NULL; at = strchr(at, '/')) {
    if (*at == '/') at += 1;
    size_t length = strcspn(at, "/");
    path[used++] = '/';
    memcpy(path + used, at, length);
    used += length;
    path[used] = '\0';
    if (mkdir(path, 0755) < 0 && errno != EEXIST) return -errno;
  }
  return 0;
}
