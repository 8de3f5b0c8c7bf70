// The entry of the addon: the list of its families, and the few ways in which arguments are read.
// Loaded once per environment (main thread and each worker); nothing here is global.
#include "module.h"

static const struct {
  const char *name;
  napi_status (*add)(napi_env env, napi_value exports);
} families[] = {
    {"bridge", caisson_register_bridge},
    {"loopback", caisson_register_loopback},
    {"nsm", caisson_register_nsm},
    {"process", caisson_register_process},
    {"vsock", caisson_register_vsock},
};

NAPI_MODULE_INIT() {
  for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
    if (families[i].add(env, exports) == napi_ok) continue;
    bool thrown = false;
    napi_is_exception_pending(env, &thrown);
    if (!thrown) napi_throw_error(env, NULL, families[i].name);
    return NULL;
  }
  return exports;
}

napi_status caisson_add(napi_env env, napi_value exports, const char *name, napi_callback callback, void *data) {
  napi_value function;
  napi_status status = napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function);
  if (status != napi_ok) return status;
  return napi_set_named_property(env, exports, name, function);
}

bool caisson_args(napi_env env, napi_callback_info info, size_t count, napi_value *values, void **data) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, values, NULL, data) != napi_ok) return false;
  if (given >= count) return true;
  napi_throw_type_error(env, NULL, "too few arguments");
  return false;
}

bool caisson_u32(napi_env env, napi_value value, const char *name, uint32_t *out) {
  double number;
  // napi_get_value_uint32 wraps silently: 2^32 + 5 would become 5, another port than was asked for.
  if (napi_get_value_double(env, value, &number) == napi_ok && number >= 0 && number <= UINT32_MAX &&
      number == (double)(uint32_t)number) {
    *out = (uint32_t)number;
    return true;
  }
  napi_throw_type_error(env, NULL, name);
  return false;
}

bool caisson_fd(napi_env env, napi_value value, const char *name, int *out) {
  uint32_t number;
  if (!caisson_u32(env, value, name, &number)) return false;
  if (number <= INT32_MAX) {
    *out = (int)number;
    return true;
  }
  napi_throw_type_error(env, NULL, name);
  return false;
}

napi_value caisson_number(napi_env env, int64_t result) {
  napi_value value = NULL;
  napi_create_int64(env, result, &value);
  return value;
}
