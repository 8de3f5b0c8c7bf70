// What one process must know of another: who is at the other end of a unix socket, and a terminal or a FIFO to give him.
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

// peerCredentials(fd, out: Uint32Array of 3): number. Fills pid, uid and gid as they were at connect(2) (unix(7)); borrows `fd`.
// ENODATA: a socket that has no peer, or of another family, for which the kernel answers pid 0 and uid -1.
static napi_value peer_credentials(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int fd;
  if (!caisson_args(env, info, 2, args, NULL) || !caisson_fd(env, args[0], "fd", &fd)) return NULL;
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(env, args[1], &type, &length, &data, NULL, NULL) != napi_ok || type != napi_uint32_array ||
      length < 3) {
    napi_throw_type_error(env, NULL, "out must be a Uint32Array of 3");
    return NULL;
  }
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return caisson_number(env, -errno);
  if (peer.pid <= 0 || peer.uid == (uid_t)-1) return caisson_number(env, -ENODATA);
  uint32_t *out = data;
  out[0] = (uint32_t)peer.pid;
  out[1] = peer.uid;
  out[2] = peer.gid;
  return caisson_number(env, 0);
}

// Returns a descriptor of the master, or a negated errno; fills `path` with the other side's.
static int open_terminal(char *path, size_t size, unsigned short columns, unsigned short rows) {
  int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -errno;
  struct winsize window = {.ws_col = columns, .ws_row = rows};
  int error = grantpt(fd) < 0 || unlockpt(fd) < 0 || ioctl(fd, TIOCSWINSZ, &window) < 0 ? -errno : -ptsname_r(fd, path, size);
  if (error == 0) return fd;
  close(fd);
  return error;
}

static bool read_size(napi_env env, const napi_value *args, uint32_t *columns, uint32_t *rows) {
  if (!caisson_u32(env, args[0], "columns", columns) || !caisson_u32(env, args[1], "rows", rows)) return false;
  if (*columns <= UINT16_MAX && *rows <= UINT16_MAX) return true;
  napi_throw_type_error(env, NULL, "columns and rows must be below 65536");
  return false;
}

// openTerminal(columns, rows): number | [fd, path]. The caller owns the descriptor.
static napi_value open_terminal_binding(napi_env env, napi_callback_info info) {
  napi_value args[2];
  uint32_t columns, rows;
  if (!caisson_args(env, info, 2, args, NULL) || !read_size(env, args, &columns, &rows)) return NULL;
  char path[64];
  int fd = open_terminal(path, sizeof path, (unsigned short)columns, (unsigned short)rows);
  if (fd < 0) return caisson_number(env, fd);
  napi_value pair, text;
  if (napi_create_array_with_length(env, 2, &pair) == napi_ok &&
      napi_create_string_latin1(env, path, NAPI_AUTO_LENGTH, &text) == napi_ok &&
      napi_set_element(env, pair, 0, caisson_number(env, fd)) == napi_ok && napi_set_element(env, pair, 1, text) == napi_ok) {
    return pair;
  }
  close(fd);
  return NULL;
}

// resizeTerminal(fd, columns, rows): number. The kernel tells the terminal's foreground by SIGWINCH; borrows `fd`.
static napi_value resize_terminal(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int fd;
  uint32_t columns, rows;
  if (!caisson_args(env, info, 3, args, NULL) || !caisson_fd(env, args[0], "fd", &fd)) return NULL;
  if (!read_size(env, args + 1, &columns, &rows)) return NULL;
  struct winsize window = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
  return caisson_number(env, ioctl(fd, TIOCSWINSZ, &window) < 0 ? -errno : 0);
}

// makeFifo(path): number. For its owner only (mkfifo(3)); a name that is taken is EEXIST and left alone.
static napi_value make_fifo(napi_env env, napi_callback_info info) {
  napi_value args[1];
  if (!caisson_args(env, info, 1, args, NULL)) return NULL;
  char path[PATH_MAX];
  size_t length = 0;
  if (napi_get_value_string_utf8(env, args[0], path, sizeof path, &length) != napi_ok || length == 0 ||
      length >= sizeof path - 1 || strlen(path) != length) {
    napi_throw_type_error(env, NULL, "path must be text without NUL below PATH_MAX bytes");
    return NULL;
  }
  return caisson_number(env, mkfifo(path, 0600) < 0 ? -errno : 0);
}

napi_status caisson_register_process(napi_env env, napi_value exports) {
  napi_status status = caisson_add(env, exports, "peerCredentials", peer_credentials, NULL);
  if (status == napi_ok) status = caisson_add(env, exports, "openTerminal", open_terminal_binding, NULL);
  if (status == napi_ok) status = caisson_add(env, exports, "resizeTerminal", resize_terminal, NULL);
  return status != napi_ok ? status : caisson_add(env, exports, "makeFifo", make_fifo, NULL);
}
