// What the two halves of the bridge's JavaScript face share: bridge_napi.c (the functions) and bridge_value.c (values).
#ifndef CAISSON_BRIDGE_NAPI_H
#define CAISSON_BRIDGE_NAPI_H

#include "bridge.h"
#include "module.h"

// One listener as JavaScript's thread keeps it: the reference keeps the counters' memory alive while the engine writes it.
struct ear {
  struct ear *next;
  struct listener *listener;
  napi_ref counters;
};

struct face {
  struct engine engine;
  napi_env env;
  napi_threadsafe_function wake;
  struct ear *ears;
  uint32_t last_number;
  bool quitting, joined;
};

bool face_args(napi_env env, napi_callback_info info, size_t count, napi_value *values, struct face **face);
void face_forget(struct face *face, uint32_t number);

// bridge_value.c. Values that src/engine.ts has checked; what still does not fit throws a TypeError.
napi_value listen_from_javascript(struct face *face, napi_value plan);
napi_value notes_to_javascript(struct face *face);
// `*targets` is NULL for null.
bool targets_from_javascript(napi_env env, napi_value value, struct targets **targets);

#endif
