// What one family of system calls needs to be part of the addon.
//
// A family is one or a few .c files with one `caisson_register_<family>` that adds its functions to `exports`. State lives
// per environment (main thread or worker): allocate it in the register function, pass it as the `data` of each function and
// end it in napi_add_env_cleanup_hook. napi_set_instance_data is never used: it has one slot for the whole addon.
//
// A function that can fail returns a JavaScript number: >= 0 a result, < 0 the negated errno. Names, messages and hints are
// made in TypeScript (src/errno.ts). Wrong argument types are the binding's own mistake and throw a TypeError.
#ifndef CAISSON_MODULE_H
#define CAISSON_MODULE_H

#define NAPI_VERSION 8
#include <node_api.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

napi_status caisson_register_bridge(napi_env env, napi_value exports);
napi_status caisson_register_loopback(napi_env env, napi_value exports);
napi_status caisson_register_nsm(napi_env env, napi_value exports);
napi_status caisson_register_process(napi_env env, napi_value exports);
napi_status caisson_register_vsock(napi_env env, napi_value exports);

// Adds one function to `exports`; `data` must outlive the environment's last call.
napi_status caisson_add(napi_env env, napi_value exports, const char *name, napi_callback callback, void *data);

// Reads exactly `count` arguments and the function's data. Throws a TypeError and returns false when there are fewer.
bool caisson_args(napi_env env, napi_callback_info info, size_t count, napi_value *values, void **data);

// Whole numbers only; throws a TypeError that names the argument and returns false for anything else.
bool caisson_u32(napi_env env, napi_value value, const char *name, uint32_t *out);
bool caisson_fd(napi_env env, napi_value value, const char *name, int *out);

// `result` >= 0, or a negated errno.
napi_value caisson_number(napi_env env, int64_t result);

#endif
