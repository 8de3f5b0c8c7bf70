// The engine's face towards JavaScript. Nothing here waits: commands are posted, answers come as notes and events that
// JavaScript takes when it is woken. The one join is of a thread that has said its last word.
//
// Lifetimes: the engine's memory belongs to the external handed to JavaScript; the thread ends before it does, by
// bridgeClose or by the environment's cleanup hook. The wake function is held by the threadsafe function, which the thread
// itself releases as its last call.
#include "bridge_napi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void signal_javascript(void *context) {
  struct face *face = context;
  napi_call_threadsafe_function(face->wake, NULL, napi_tsfn_nonblocking);
}

static void leave(void *context) {
  struct face *face = context;
  napi_release_threadsafe_function(face->wake, napi_tsfn_release);
}

static void join(struct face *face) {
  if (face->joined) return;
  face->joined = true;
  pthread_join(face->engine.thread, NULL);
}

static void forget_listener(struct face *face, struct listener *listener, bool with_counters) {
  struct ear **link = &face->ears;
  while (*link != NULL && (*link)->listener != listener) link = &(*link)->next;
  struct ear *ear = *link;
  if (ear == NULL) return;
  *link = ear->next;
  if (with_counters) napi_delete_reference(face->env, ear->counters);
  listener_free(listener);
  free(ear);
}

static void end(struct face *face, bool with_counters) {
  join(face);
  // Before the listeners: notes and commands that were never taken lie within them.
  engine_free(&face->engine);
  while (face->ears != NULL) forget_listener(face, face->ears->listener, with_counters);
}

// The environment ends (a worker was terminated): the thread goes first, while everything that it may touch still stands.
static void at_environment_end(void *data) {
  struct face *face = data;
  face->engine.quit.type = COMMAND_QUIT;
  if (!face->quitting) engine_post(&face->engine, &face->engine.quit);
  end(face, false);
}

static void at_collection(napi_env env, void *data, void *hint) {
  (void)hint;
  struct face *face = data;
  if (!face->joined) {
    napi_remove_env_cleanup_hook(env, at_environment_end, face);
    at_environment_end(face);
  }
  free(face);
}

// bridgeOpen(vsockWriteBytes, vsockWindowBytes, fairnessBytes, splice, wake): handle | negated errno
static napi_value bridge_open(napi_env env, napi_callback_info info) {
  napi_value values[5], name, handle;
  uint32_t write_bytes, window_bytes, fairness_bytes;
  bool splice;
  if (!caisson_args(env, info, 5, values, NULL) || !caisson_u32(env, values[0], "vsockWriteBytes", &write_bytes) ||
      !caisson_u32(env, values[1], "vsockWindowBytes", &window_bytes) ||
      !caisson_u32(env, values[2], "fairnessBytes", &fairness_bytes)) {
    return NULL;
  }
  if (napi_get_value_bool(env, values[3], &splice) != napi_ok) return caisson_number(env, -EINVAL);
  struct face *face = calloc(1, sizeof *face);
  if (face == NULL) return caisson_number(env, -ENOMEM);
  face->env = env;
  face->engine.vsock_write_bytes = write_bytes;
  face->engine.vsock_window_bytes = window_bytes;
  face->engine.fairness_bytes = fairness_bytes;
  face->engine.splice = splice;
  face->engine.signal = signal_javascript;
  face->engine.leave = leave;
  face->engine.context = face;
  if (napi_create_string_utf8(env, "caisson:bridge", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, values[4], NULL, name, 0, 1, NULL, NULL, NULL, NULL, &face->wake) !=
          napi_ok) {
    free(face);
    return caisson_number(env, -EINVAL);
  }
  napi_unref_threadsafe_function(env, face->wake);
  int result = engine_start(&face->engine);
  if (result != 0) {
    engine_free(&face->engine);
    napi_release_threadsafe_function(face->wake, napi_tsfn_release);
    free(face);
    return caisson_number(env, result);
  }
  napi_add_env_cleanup_hook(env, at_environment_end, face);
  if (napi_create_external(env, face, at_collection, NULL, &handle) == napi_ok) return handle;
  napi_remove_env_cleanup_hook(env, at_environment_end, face);
  at_environment_end(face);
  free(face);
  return caisson_number(env, -ENOMEM);
}

bool face_args(napi_env env, napi_callback_info info, size_t count, napi_value *values, struct face **face) {
  void *data = NULL;
  if (!caisson_args(env, info, count, values, NULL)) return false;
  if (napi_get_value_external(env, values[0], &data) == napi_ok && data != NULL) {
    *face = data;
    if (!(*face)->joined) return true;
  }
  napi_throw_type_error(env, NULL, "not an open bridge");
  return false;
}

static struct listener *find(const struct face *face, uint32_t number) {
  for (const struct ear *ear = face->ears; ear != NULL; ear = ear->next) {
    if (ear->listener->number == number) return ear->listener;
  }
  return NULL;
}

static napi_value bridge_listen(napi_env env, napi_callback_info info) {
  napi_value values[2];
  struct face *face;
  if (!face_args(env, info, 2, values, &face)) return NULL;
  return listen_from_javascript(face, values[1]);
}

// bridgeLimits(handle, number, maxConnections, idleTimeoutMs, dialTimeoutMs)
static napi_value bridge_limits(napi_env env, napi_callback_info info) {
  napi_value values[5];
  struct face *face;
  uint32_t number, limits[3];
  if (!face_args(env, info, 5, values, &face) || !caisson_u32(env, values[1], "number", &number)) return NULL;
  for (size_t i = 0; i < 3; i++) {
    if (!caisson_u32(env, values[i + 2], "limit", &limits[i])) return NULL;
  }
  struct listener *listener = find(face, number);
  if (listener == NULL) return NULL;
  atomic_store(&listener->max_connections, limits[0]);
  atomic_store(&listener->idle_ms, limits[1]);
  atomic_store(&listener->dial_ms, limits[2]);
  return NULL;
}

static napi_value post(napi_env env, struct face *face, struct command command) {
  struct command *posted = malloc(sizeof *posted);
  if (posted == NULL) {
    free(command.targets);
    napi_throw_error(env, "ENOMEM", "bridge: no memory for a command");
    return NULL;
  }
  *posted = command;
  engine_post(&face->engine, posted);
  return NULL;
}

// bridgeStop(handle, number) and bridgeAbort(handle, number)
static napi_value command_listener(napi_env env, napi_callback_info info, enum command_type type) {
  napi_value values[2];
  struct face *face;
  uint32_t number;
  if (!face_args(env, info, 2, values, &face) || !caisson_u32(env, values[1], "number", &number)) return NULL;
  return post(env, face, (struct command){.type = (uint8_t)type, .number = number});
}

static napi_value bridge_stop(napi_env env, napi_callback_info info) {
  return command_listener(env, info, COMMAND_STOP);
}

static napi_value bridge_abort(napi_env env, napi_callback_info info) {
  return command_listener(env, info, COMMAND_ABORT);
}

// bridgeAnswer(handle, id, targets | null, refuse)
static napi_value bridge_answer(napi_env env, napi_callback_info info) {
  napi_value values[4];
  struct face *face;
  double id;
  struct command command = {.type = COMMAND_ANSWER};
  if (!face_args(env, info, 4, values, &face)) return NULL;
  if (napi_get_value_double(env, values[1], &id) != napi_ok ||
      napi_get_value_bool(env, values[3], &command.refuse) != napi_ok) {
    napi_throw_type_error(env, NULL, "id must be a number and refuse a boolean");
    return NULL;
  }
  command.id = (uint64_t)id;
  if (!targets_from_javascript(env, values[2], &command.targets)) return NULL;
  return post(env, face, command);
}

// bridgeHold(handle, hold): whether the engine keeps the event loop alive
static napi_value bridge_hold(napi_env env, napi_callback_info info) {
  napi_value values[2];
  struct face *face;
  bool hold;
  if (!face_args(env, info, 2, values, &face) || napi_get_value_bool(env, values[1], &hold) != napi_ok) return NULL;
  if (hold) {
    napi_ref_threadsafe_function(env, face->wake);
  } else {
    napi_unref_threadsafe_function(env, face->wake);
  }
  return NULL;
}

// bridgeQuit(handle): ends in a note, after which bridgeClose(handle) joins and frees
static napi_value bridge_quit(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct face *face;
  if (!face_args(env, info, 1, values, &face) || face->quitting) return NULL;
  face->quitting = true;
  face->engine.quit.type = COMMAND_QUIT;
  engine_post(&face->engine, &face->engine.quit);
  return NULL;
}

static napi_value bridge_close(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct face *face;
  if (!face_args(env, info, 1, values, &face)) return NULL;
  napi_remove_env_cleanup_hook(env, at_environment_end, face);
  end(face, true);
  return NULL;
}

static napi_value bridge_take_notes(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct face *face;
  if (!face_args(env, info, 1, values, &face)) return NULL;
  return notes_to_javascript(face);
}

// Frees what NOTE_GONE handed over.
void face_forget(struct face *face, uint32_t number) {
  struct listener *listener = find(face, number);
  if (listener != NULL) forget_listener(face, listener, true);
}

// bridgeTakeEvents(handle, buffer): how many records were copied into the ArrayBuffer
static napi_value bridge_take_events(napi_env env, napi_callback_info info) {
  napi_value values[2];
  struct face *face;
  void *bytes;
  size_t length;
  if (!face_args(env, info, 2, values, &face)) return NULL;
  if (napi_get_arraybuffer_info(env, values[1], &bytes, &length) != napi_ok) return caisson_number(env, 0);
  return caisson_number(env, ring_take(face->engine.ring, bytes, (uint32_t)(length / sizeof(struct record))));
}

napi_status caisson_register_bridge(napi_env env, napi_value exports) {
  static const struct {
    const char *name;
    napi_callback callback;
  } functions[] = {
      {"bridgeOpen", bridge_open},     {"bridgeListen", bridge_listen},        {"bridgeLimits", bridge_limits},
      {"bridgeStop", bridge_stop},     {"bridgeAbort", bridge_abort},          {"bridgeAnswer", bridge_answer},
      {"bridgeHold", bridge_hold},     {"bridgeTakeNotes", bridge_take_notes}, {"bridgeTakeEvents", bridge_take_events},
      {"bridgeQuit", bridge_quit},     {"bridgeClose", bridge_close},
  };
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_status status = caisson_add(env, exports, functions[i].name, functions[i].callback, NULL);
    if (status != napi_ok) return status;
  }
  return napi_ok;
}
