// One request to a Nitro Security Module, off the JavaScript thread: the device answers one caller at a time and the
// kernel waits for it up to 120 s (drivers/misc/nsm.c), so the ioctl runs on the pool. Order and "one at a time" are kept
// by src/nsm.ts; this file would not mind two.
#include "module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

// Given: include/uapi/linux/nsm.h. struct nsm_raw is two iovecs, native byte order.
#define NSM_REQUEST_MAX_SIZE 0x1000
#define NSM_RESPONSE_MAX_SIZE 0x3000

struct nsm_iovec {
  uint64_t addr;
  uint64_t len;
};

struct nsm_raw {
  struct nsm_iovec request;
  struct nsm_iovec response;
};

#define NSM_IOCTL_RAW _IOWR(0x0A, 0x0, struct nsm_raw)
_Static_assert(NSM_IOCTL_RAW == 0xC0200A00, "the ioctl number is part of the kernel's ABI");

struct job {
  napi_async_work work;
  napi_deferred done;
  int fd;
  int result;
  size_t request_length;
  size_t response_length;
  uint8_t request[NSM_REQUEST_MAX_SIZE];
  uint8_t response[NSM_RESPONSE_MAX_SIZE];
};

// Assumes that the caller keeps `fd` open until the promise settles, and that `request_length` <= the buffer. The answer
// buffer is the largest that exists: with a smaller one the driver truncates without a word.
static void run(napi_env env, void *data) {
  (void)env;
  struct job *job = data;
  struct nsm_raw raw = {
      .request = {.addr = (uint64_t)(uintptr_t)job->request, .len = job->request_length},
      .response = {.addr = (uint64_t)(uintptr_t)job->response, .len = sizeof job->response},
  };
  if (ioctl(job->fd, NSM_IOCTL_RAW, &raw) < 0) {
    job->result = -errno;
  } else if (raw.response.len > sizeof job->response) {
    job->result = -EOVERFLOW;
  } else {
    job->response_length = (size_t)raw.response.len;
  }
}

static napi_status make_bytes(napi_env env, const struct job *job, napi_value *bytes) {
  void *memory;
  napi_value buffer;
  napi_status status = napi_create_arraybuffer(env, job->response_length, &memory, &buffer);
  if (status != napi_ok) return status;
  if (job->response_length > 0) memcpy(memory, job->response, job->response_length);
  return napi_create_typedarray(env, napi_uint8_array, job->response_length, buffer, 0, bytes);
}

static void finish(napi_env env, napi_status status, void *data) {
  struct job *job = data;
  napi_value value;
  if (status != napi_ok) job->result = -ECANCELED;
  if (job->result != 0 || make_bytes(env, job, &value) != napi_ok) {
    value = caisson_number(env, job->result != 0 ? job->result : -ENOMEM);
  }
  // In a worker that is ending there is nobody left to tell; the call fails and the memory goes all the same.
  napi_resolve_deferred(env, job->done, value);
  napi_delete_async_work(env, job->work);
  // Answers carry random bytes that become keys.
  explicit_bzero(job, sizeof *job);
  free(job);
}

// nsmRequest(fd, request: Uint8Array): Promise<Uint8Array | number>
static napi_value nsm_request(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd;
  if (!caisson_args(env, info, 2, values, NULL) || !caisson_fd(env, values[0], "fd", &fd)) return NULL;
  napi_typedarray_type type;
  size_t length;
  void *bytes;
  if (napi_get_typedarray_info(env, values[1], &type, &length, &bytes, NULL, NULL) != napi_ok ||
      type != napi_uint8_array || length > NSM_REQUEST_MAX_SIZE) {
    napi_throw_type_error(env, NULL, "request must be a Uint8Array of at most 4096 bytes");
    return NULL;
  }
  napi_value promise, name;
  struct job *job = calloc(1, sizeof *job);
  if (job == NULL || napi_create_string_utf8(env, "caisson:nsm", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_promise(env, &job->done, &promise) != napi_ok ||
      napi_create_async_work(env, NULL, name, run, finish, job, &job->work) != napi_ok) {
    free(job);
    napi_throw_error(env, NULL, "out of memory");
    return NULL;
  }
  job->fd = fd;
  job->request_length = length;
  // Copied: the caller may change or drop its array while the pool is at work.
  if (length > 0) memcpy(job->request, bytes, length);
  if (napi_queue_async_work(env, job->work) != napi_ok) {
    napi_delete_async_work(env, job->work);
    free(job);
    napi_throw_error(env, NULL, "the work pool does not take more");
    return NULL;
  }
  return promise;
}

napi_status caisson_register_nsm(napi_env env, napi_value exports) {
  return caisson_add(env, exports, "nsmRequest", nsm_request, NULL);
}
