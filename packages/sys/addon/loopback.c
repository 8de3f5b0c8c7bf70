// Brings the loopback interface of this network namespace up: an enclave boots with `lo` down and without `ip`.
// The kernel gives 127.0.0.1/8 and ::1/128 to a loopback device when it goes up (net/ipv4/devinet.c and
// net/ipv6/addrconf.c, NETDEV_UP), so only the flag is set. Runs on the pool: the ioctl waits for the RTNL lock.
#include "module.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct raise {
  napi_async_work work;
  napi_deferred done;
  int result;
};

// Assumes nothing; leaves no descriptor. Returns 0 or a negated errno (EPERM without CAP_NET_ADMIN).
static int raise_loopback(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  memcpy(request.ifr_name, "lo", sizeof "lo");
  int result = ioctl(fd, SIOCGIFFLAGS, &request) < 0 ? -errno : 0;
  if (result == 0 && (request.ifr_flags & IFF_UP) == 0) {
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) result = -errno;
  }
  close(fd);
  return result;
}

static void run(napi_env env, void *data) {
  (void)env;
  struct raise *raise = data;
  raise->result = raise_loopback();
}

static void finish(napi_env env, napi_status status, void *data) {
  struct raise *raise = data;
  // A worker that ends takes its promise with it; resolving then fails and there is nobody to tell.
  napi_resolve_deferred(env, raise->done, caisson_number(env, status == napi_ok ? raise->result : -ECANCELED));
  napi_delete_async_work(env, raise->work);
  free(raise);
}

// loopbackUp(): Promise<number>
static napi_value loopback_up(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value promise, name;
  struct raise *raise = calloc(1, sizeof *raise);
  if (raise == NULL || napi_create_string_utf8(env, "caisson:lo", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_promise(env, &raise->done, &promise) != napi_ok ||
      napi_create_async_work(env, NULL, name, run, finish, raise, &raise->work) != napi_ok) {
    free(raise);
    napi_throw_error(env, NULL, "out of memory");
    return NULL;
  }
  if (napi_queue_async_work(env, raise->work) != napi_ok) {
    napi_delete_async_work(env, raise->work);
    free(raise);
    napi_throw_error(env, NULL, "the work pool does not take more");
    return NULL;
  }
  return promise;
}

napi_status caisson_register_loopback(napi_env env, napi_value exports) {
  return caisson_add(env, exports, "loopbackUp", loopback_up, NULL);
}
