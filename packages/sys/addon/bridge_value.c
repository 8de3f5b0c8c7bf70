// JavaScript's values in and out: listening plans and targets to C, notes to JavaScript. src/engine-binding.ts has the
// shapes. Strings come with their length and may hold any byte, so each is copied with a bound.
#include "bridge_napi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(napi_env env, const char *what) {
  bool thrown = false;
  napi_is_exception_pending(env, &thrown);
  if (!thrown) napi_throw_type_error(env, NULL, what);
  return false;
}

static bool get_u32(napi_env env, napi_value object, const char *name, uint32_t *out) {
  napi_value value;
  if (napi_get_named_property(env, object, name, &value) != napi_ok) return refuse(env, name);
  return caisson_u32(env, value, name, out);
}

static bool get_bool(napi_env env, napi_value object, const char *name, bool *out) {
  napi_value value;
  if (napi_get_named_property(env, object, name, &value) != napi_ok) return refuse(env, name);
  return napi_get_value_bool(env, value, out) == napi_ok || refuse(env, name);
}

// At most `room` - 1 bytes of UTF-8 and a NUL.
static bool get_text(napi_env env, napi_value object, const char *name, char *out, size_t room, size_t *bytes) {
  napi_value value;
  size_t whole;
  if (napi_get_named_property(env, object, name, &value) != napi_ok ||
      napi_get_value_string_utf8(env, value, NULL, 0, &whole) != napi_ok || whole >= room ||
      napi_get_value_string_utf8(env, value, out, room, bytes) != napi_ok) {
    return refuse(env, name);
  }
  return true;
}

// {kind: 'tcp' | 'unix' | 'vsock', host, port}: host is a literal, a path, or unused
static bool get_address(napi_env env, napi_value object, struct address *address) {
  char kind[8], host[sizeof address->un.sun_path];
  size_t kind_bytes, host_bytes;
  uint32_t cid, port;
  memset(address, 0, sizeof *address);
  if (!get_text(env, object, "kind", kind, sizeof kind, &kind_bytes) ||
      !get_text(env, object, "host", host, sizeof host, &host_bytes) || !get_u32(env, object, "cid", &cid) ||
      !get_u32(env, object, "port", &port)) {
    return false;
  }
  if (strcmp(kind, "vsock") == 0) {
    address->vm = (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
    address->bytes = sizeof address->vm;
    return true;
  }
  if (strcmp(kind, "unix") == 0) {
    address->un.sun_family = AF_UNIX;
    memcpy(address->un.sun_path, host, host_bytes);
    address->bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + host_bytes + 1);
    return host_bytes > 0 && host[0] != '\0' ? true : refuse(env, "path");
  }
  if (port > UINT16_MAX) return refuse(env, "port");
  if (inet_pton(AF_INET, host, &address->in.sin_addr) == 1) {
    address->in.sin_family = AF_INET;
    address->in.sin_port = htons((uint16_t)port);
    address->bytes = sizeof address->in;
    return true;
  }
  if (inet_pton(AF_INET6, host, &address->in6.sin6_addr) == 1) {
    address->in6.sin6_family = AF_INET6;
    address->in6.sin6_port = htons((uint16_t)port);
    address->bytes = sizeof address->in6;
    return true;
  }
  return refuse(env, "host");
}

// {kind, host, cid, port, preface: ArrayBuffer, prefix, replyBytes}
static bool get_target(napi_env env, napi_value object, struct target *target) {
  napi_value preface;
  void *bytes;
  size_t preface_bytes, prefix_bytes;
  uint32_t reply_bytes;
  char prefix[PREFIX_BYTES + 1];
  if (!get_address(env, object, &target->address) || !get_u32(env, object, "replyBytes", &reply_bytes) ||
      !get_text(env, object, "prefix", prefix, sizeof prefix, &prefix_bytes)) {
    return false;
  }
  if (napi_get_named_property(env, object, "preface", &preface) != napi_ok ||
      napi_get_arraybuffer_info(env, preface, &bytes, &preface_bytes) != napi_ok || preface_bytes > PREFACE_BYTES) {
    return refuse(env, "preface");
  }
  if (reply_bytes > LINE_BYTES) return refuse(env, "replyBytes");
  if (preface_bytes > 0) memcpy(target->preface, bytes, preface_bytes);
  memcpy(target->prefix, prefix, prefix_bytes);
  target->preface_bytes = (uint8_t)preface_bytes;
  target->prefix_bytes = (uint8_t)prefix_bytes;
  target->reply_bytes = (uint16_t)reply_bytes;
  return true;
}

bool targets_from_javascript(napi_env env, napi_value value, struct targets **targets) {
  napi_valuetype type;
  uint32_t count;
  *targets = NULL;
  if (napi_typeof(env, value, &type) != napi_ok) return refuse(env, "targets");
  if (type == napi_null) return true;
  if (napi_get_array_length(env, value, &count) != napi_ok || count == 0 || count > TARGETS) {
    return refuse(env, "targets");
  }
  struct targets *read = calloc(1, sizeof *read + count * sizeof(struct target));
  if (read == NULL) return refuse(env, "targets");
  for (; read->count < count; read->count++) {
    napi_value target;
    if (napi_get_element(env, value, read->count, &target) != napi_ok ||
        !get_target(env, target, &read->list[read->count])) {
      free(read);
      return refuse(env, "targets");
    }
  }
  *targets = read;
  return true;
}

static uint32_t bound_port(const struct listener *listener) {
  struct address address = {.bytes = sizeof address.un};
  if (getsockname(listener->fd, &address.any, &address.bytes) < 0) return 0;
  struct peer peer = peer_of(&address);
  return peer.port;
}

static bool read_plan(napi_env env, napi_value plan, struct listener *listener, struct address *address, uint32_t *backlog) {
  napi_value targets, place;
  uint32_t max_connections, idle_ms, dial_ms;
  if (napi_get_named_property(env, plan, "address", &place) != napi_ok ||
      napi_get_named_property(env, plan, "targets", &targets) != napi_ok) {
    return refuse(env, "plan");
  }
  if (!get_address(env, place, address) || !get_u32(env, plan, "backlog", backlog) ||
      !get_u32(env, plan, "maxConnections", &max_connections) || !get_u32(env, plan, "idleTimeoutMs", &idle_ms) ||
      !get_u32(env, plan, "dialTimeoutMs", &dial_ms) || !get_u32(env, plan, "peerCid", &listener->peer_cid) ||
      !get_u32(env, plan, "lineBytes", &listener->line_bytes) ||
      !get_u32(env, plan, "lineTimeoutMs", &listener->line_timeout_ms) ||
      !get_bool(env, plan, "asks", &listener->asks) || !get_bool(env, plan, "reports", &listener->reports) ||
      !get_bool(env, plan, "retryRefused", &listener->retry_refused) ||
      !targets_from_javascript(env, targets, &listener->targets)) {
    return false;
  }
  if (listener->line_bytes > LINE_BYTES) return refuse(env, "lineBytes");
  atomic_init(&listener->max_connections, max_connections);
  atomic_init(&listener->idle_ms, idle_ms);
  atomic_init(&listener->dial_ms, dial_ms);
  return true;
}

// bridgeListen(handle, plan): {number, port, counters} | negated errno
napi_value listen_from_javascript(struct face *face, napi_value plan) {
  napi_env env = face->env;
  napi_value result, counters;
  struct address address;
  uint32_t backlog;
  struct listener *listener = calloc(1, sizeof *listener);
  struct ear *ear = calloc(1, sizeof *ear);
  if (listener == NULL || ear == NULL) goto no_memory;
  listener->source = SOURCE_LISTENER;
  listener->fd = -1;
  listener->engine = &face->engine;
  listener->timer.kind = TIMER_LISTENER;
  if (!read_plan(env, plan, listener, &address, &backlog)) goto failed;
  int bound = listener_bind(listener, &address, (int)(backlog > INT32_MAX ? INT32_MAX : backlog));
  if (bound != 0) {
    listener_free(listener);
    free(ear);
    return caisson_number(env, bound);
  }
  listener->number = ++face->last_number;
  if (napi_create_arraybuffer(env, COUNTERS * sizeof(uint64_t), (void **)&listener->counters, &counters) != napi_ok ||
      napi_create_object(env, &result) != napi_ok || napi_create_reference(env, counters, 1, &ear->counters) != napi_ok) {
    goto no_memory;
  }
  napi_set_named_property(env, result, "number", caisson_number(env, listener->number));
  napi_set_named_property(env, result, "port", caisson_number(env, bound_port(listener)));
  napi_set_named_property(env, result, "counters", counters);
  ear->listener = listener;
  ear->next = face->ears;
  face->ears = ear;
  listener->listen = (struct command){.type = COMMAND_LISTEN, .listener = listener};
  engine_post(&face->engine, &listener->listen);
  return result;

no_memory:
  refuse(env, "no memory for a listener");
failed:
  if (listener != NULL) listener_free(listener);
  free(ear);
  return NULL;
}

static napi_value peer_to_javascript(napi_env env, const struct peer *peer) {
  napi_value object, address;
  char text[INET6_ADDRSTRLEN] = "";
  if (peer->kind == PEER_NONE) {
    napi_get_null(env, &object);
    return object;
  }
  napi_create_object(env, &object);
  napi_set_named_property(env, object, "port", caisson_number(env, peer->port));
  if (peer->kind == PEER_VSOCK) {
    uint32_t cid;
    memcpy(&cid, peer->address, sizeof cid);
    napi_set_named_property(env, object, "cid", caisson_number(env, cid));
    return object;
  }
  inet_ntop(peer->kind == PEER_IN ? AF_INET : AF_INET6, peer->address, text, sizeof text);
  napi_create_string_latin1(env, text, NAPI_AUTO_LENGTH, &address);
  napi_set_named_property(env, object, "address", address);
  return object;
}

static napi_value note_to_javascript(napi_env env, const struct note *note) {
  napi_value object, line;
  napi_create_object(env, &object);
  napi_set_named_property(env, object, "type", caisson_number(env, note->type));
  napi_set_named_property(env, object, "listener", caisson_number(env, note->listener));
  if (note->type != NOTE_ASK) return object;
  napi_set_named_property(env, object, "id", caisson_number(env, (int64_t)note->id));
  napi_set_named_property(env, object, "peer", peer_to_javascript(env, &note->peer));
  if (note->line_bytes < 0) return object;
  // One character a byte: what is no text must reach the reader as what it is.
  napi_create_string_latin1(env, note->line, (size_t)note->line_bytes, &line);
  napi_set_named_property(env, object, "line", line);
  return object;
}

// Array of {type, listener, id?, peer?, line?} in the order in which they happened
napi_value notes_to_javascript(struct face *face) {
  napi_value array;
  if (napi_create_array(face->env, &array) != napi_ok) return NULL;
  // First the flag, then the list: a note that comes between the two wakes JavaScript once more for nothing.
  atomic_store(&face->engine.signalled, false);
  struct note *newest = atomic_exchange(&face->engine.outbox, NULL);
  struct note *oldest = NULL;
  while (newest != NULL) {
    struct note *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  for (uint32_t i = 0; oldest != NULL; i++) {
    struct note *next = oldest->next;
    napi_set_element(face->env, array, i, note_to_javascript(face->env, oldest));
    if (oldest->type == NOTE_ASK) {
      free(oldest);
    } else if (oldest->type == NOTE_GONE) {
      face_forget(face, oldest->listener);
    }
    oldest = next;
  }
  return array;
}
