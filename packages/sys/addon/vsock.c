// What JavaScript sees of vsock: arguments in, numbers out. One state per environment, freed by its cleanup hook.
#include "vsock.h"

#include <errno.h>
#include <stdlib.h>

struct family {
  struct loose loose;
  struct connector *connector;
};

static bool read_loopback(napi_env env, const napi_value *values, struct endpoint *endpoint) {
  uint32_t host, port;
  if (!caisson_u32(env, values[0], "host", &host) || !caisson_u32(env, values[1], "port", &port)) return false;
  if (endpoint_loopback(endpoint, host, port)) return true;
  napi_throw_type_error(env, NULL, "host must be in 127.0.0.0/8 and port at most 65535");
  return false;
}

static bool read_vsock(napi_env env, const napi_value *values, struct endpoint *endpoint) {
  uint32_t cid, port;
  if (!caisson_u32(env, values[0], "cid", &cid) || !caisson_u32(env, values[1], "port", &port)) return false;
  endpoint_vsock(endpoint, cid, port);
  return true;
}

static bool read_function(napi_env env, napi_value value) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_function) return true;
  napi_throw_type_error(env, NULL, "done must be a function");
  return false;
}

static int add_to(struct family *family, int fd) { return fd < 0 ? fd : loose_add(&family->loose, fd); }

// connectVsock(cid, port, windowBytes, timeoutMs, done): id
static napi_value connect_vsock(napi_env env, napi_callback_info info) {
  napi_value values[5];
  void *data;
  struct endpoint target;
  uint32_t window, timeout_ms;
  if (!caisson_args(env, info, 5, values, &data) || !read_vsock(env, values, &target) ||
      !caisson_u32(env, values[2], "windowBytes", &window) || !caisson_u32(env, values[3], "timeoutMs", &timeout_ms) ||
      !read_function(env, values[4])) {
    return NULL;
  }
  struct connector *connector = ((struct family *)data)->connector;
  const struct endpoint from = {.length = 0};
  return caisson_number(env, connector_start(connector, &target, &from, window, timeout_ms, values[4]));
}

// connectLoopback(host, port, fromHost, timeoutMs, done): id. The stand-in of connectVsock.
static napi_value connect_loopback(napi_env env, napi_callback_info info) {
  napi_value values[5];
  void *data;
  struct endpoint target, from;
  uint32_t from_host, timeout_ms;
  if (!caisson_args(env, info, 5, values, &data) || !read_loopback(env, values, &target) ||
      !caisson_u32(env, values[2], "fromHost", &from_host) ||
      !caisson_u32(env, values[3], "timeoutMs", &timeout_ms) || !read_function(env, values[4])) {
    return NULL;
  }
  if (!endpoint_loopback(&from, from_host, 0)) {
    napi_throw_type_error(env, NULL, "fromHost must be in 127.0.0.0/8");
    return NULL;
  }
  struct connector *connector = ((struct family *)data)->connector;
  return caisson_number(env, connector_start(connector, &target, &from, 0, timeout_ms, values[4]));
}

// connectCancel(id): 0
static napi_value connect_cancel(napi_env env, napi_callback_info info) {
  napi_value values[1];
  void *data;
  int64_t id;
  if (!caisson_args(env, info, 1, values, &data)) return NULL;
  if (napi_get_value_int64(env, values[0], &id) != napi_ok) {
    napi_throw_type_error(env, NULL, "id");
    return NULL;
  }
  connector_cancel(((struct family *)data)->connector, id);
  return caisson_number(env, 0);
}

// listenVsock(cid, port, windowBytes, backlog): fd
static napi_value listen_vsock(napi_env env, napi_callback_info info) {
  napi_value values[4];
  void *data;
  struct endpoint local;
  uint32_t window;
  int backlog;
  if (!caisson_args(env, info, 4, values, &data) || !read_vsock(env, values, &local) ||
      !caisson_u32(env, values[2], "windowBytes", &window) || !caisson_fd(env, values[3], "backlog", &backlog)) {
    return NULL;
  }
  return caisson_number(env, add_to(data, socket_listen(&local, window, backlog)));
}

// listenLoopback(host, port, backlog): fd. The stand-in of listenVsock.
static napi_value listen_loopback(napi_env env, napi_callback_info info) {
  napi_value values[3];
  void *data;
  struct endpoint local;
  int backlog;
  if (!caisson_args(env, info, 3, values, &data) || !read_loopback(env, values, &local) ||
      !caisson_fd(env, values[2], "backlog", &backlog)) {
    return NULL;
  }
  return caisson_number(env, add_to(data, socket_listen(&local, 0, backlog)));
}

// placeholder(): fd
static napi_value placeholder(napi_env env, napi_callback_info info) {
  void *data;
  if (!caisson_args(env, info, 0, NULL, &data)) return NULL;
  return caisson_number(env, add_to(data, socket_placeholder()));
}

// bindDatagram(path): fd. AF_UNIX; in this family because its descriptor takes the same way to a net.Socket.
static napi_value bind_datagram(napi_env env, napi_callback_info info) {
  napi_value values[1];
  void *data;
  // One byte more than a socket's path has, so that one that is too long is seen and not cut.
  char path[110];
  size_t length;
  if (!caisson_args(env, info, 1, values, &data)) return NULL;
  if (napi_get_value_string_utf8(env, values[0], path, sizeof path, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "path");
    return NULL;
  }
  return caisson_number(env, add_to(data, socket_datagram(path)));
}

// sendDatagram(path, text): 0
static napi_value send_datagram(napi_env env, napi_callback_info info) {
  napi_value values[2];
  void *data;
  char path[110];
  char text[4096];
  size_t length;
  if (!caisson_args(env, info, 2, values, &data)) return NULL;
  if (napi_get_value_string_utf8(env, values[0], path, sizeof path, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "path");
    return NULL;
  }
  if (napi_get_value_string_utf8(env, values[1], NULL, 0, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "text");
    return NULL;
  }
  // Never cut: a line that ends early could say something else.
  if (length >= sizeof text) return caisson_number(env, -EMSGSIZE);
  napi_get_value_string_utf8(env, values[1], text, sizeof text, &length);
  return caisson_number(env, socket_send_datagram(path, text, length));
}

// swap(fd, placeholder): 0. Afterwards `placeholder` is the real socket, `fd` is closed, and the addon owns neither.
static napi_value swap(napi_env env, napi_callback_info info) {
  napi_value values[2];
  void *data;
  int fd, over;
  if (!caisson_args(env, info, 2, values, &data) || !caisson_fd(env, values[0], "fd", &fd) ||
      !caisson_fd(env, values[1], "placeholder", &over)) {
    return NULL;
  }
  return caisson_number(env, loose_swap(&((struct family *)data)->loose, fd, over));
}

// discard(fd): 0. Closes what was made here and not swapped; any other number is left alone.
static napi_value discard(napi_env env, napi_callback_info info) {
  napi_value values[1];
  void *data;
  int fd;
  if (!caisson_args(env, info, 1, values, &data) || !caisson_fd(env, values[0], "fd", &fd)) return NULL;
  loose_discard(&((struct family *)data)->loose, fd);
  return caisson_number(env, 0);
}

// peer(fd, out: Uint32Array(2)): 0, with `out` = [cid, port], or [host, port] of a stand-in
static napi_value peer(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd;
  napi_typedarray_type type;
  size_t length;
  void *out;
  if (!caisson_args(env, info, 2, values, NULL) || !caisson_fd(env, values[0], "fd", &fd)) return NULL;
  if (napi_get_typedarray_info(env, values[1], &type, &length, &out, NULL, NULL) != napi_ok ||
      type != napi_uint32_array || length != 2) {
    napi_throw_type_error(env, NULL, "out must be a Uint32Array of 2");
    return NULL;
  }
  return caisson_number(env, socket_peer(fd, out));
}

// vsockWindow(fd): bytes
static napi_value vsock_window(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int fd;
  uint64_t bytes = 0;
  if (!caisson_args(env, info, 1, values, NULL) || !caisson_fd(env, values[0], "fd", &fd)) return NULL;
  int result = socket_vsock_window(fd, &bytes);
  return caisson_number(env, result < 0 ? result : (int64_t)bytes);
}

// localCid(): cid
static napi_value local_cid(napi_env env, napi_callback_info info) {
  (void)info;
  return caisson_number(env, socket_local_cid());
}

static void finish(void *data) {
  struct family *family = data;
  loose_end(&family->loose);
  connector_free(family->connector);
  free(family);
}

napi_status caisson_register_vsock(napi_env env, napi_value exports) {
  struct family *family = calloc(1, sizeof *family);
  if (family == NULL) return napi_generic_failure;
  family->connector = connector_create(env, &family->loose);
  if (family->connector == NULL || napi_add_env_cleanup_hook(env, finish, family) != napi_ok) {
    free(family->connector);
    free(family);
    return napi_generic_failure;
  }
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"connectVsock", connect_vsock},
      {"connectLoopback", connect_loopback},
      {"connectCancel", connect_cancel},
      {"listenVsock", listen_vsock},
      {"listenLoopback", listen_loopback},
      {"placeholder", placeholder},
      {"bindDatagram", bind_datagram},
      {"sendDatagram", send_datagram},
      {"swap", swap},
      {"discard", discard},
      {"peer", peer},
      {"vsockWindow", vsock_window},
      {"localCid", local_cid},
  };
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_status status = caisson_add(env, exports, functions[i].name, functions[i].call, family);
    if (status != napi_ok) return status;
  }
  return napi_ok;
}
