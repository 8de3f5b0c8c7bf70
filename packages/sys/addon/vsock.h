// The parts of the vsock family: sockets (vsock_socket.c), descriptors on their way to a net.Socket (vsock_loose.c),
// connecting without blocking (vsock_connect.c), and what JavaScript sees of them (vsock.c).
#ifndef CAISSON_VSOCK_H
#define CAISSON_VSOCK_H

#include "module.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h>

// ---- vsock_socket.c

// AF_VSOCK, or AF_INET on 127.0.0.0/8 that stands in for it where the kernel has no vsock loopback to test with: TCP too
// connects in the background, can be refused and can be left without an answer.
struct endpoint {
  socklen_t length;
  union {
    struct sockaddr any;
    struct sockaddr_vm vsock;
    struct sockaddr_in inet;
  } address;
};

void endpoint_vsock(struct endpoint *endpoint, uint32_t cid, uint32_t port);
// `host` and `port` in host order; returns false for a host that is not loopback and a port above 65535.
bool endpoint_loopback(struct endpoint *endpoint, uint32_t host, uint32_t port);

// A non-blocking, close-on-exec stream socket of the endpoint's family, on vsock with a receive window of `window` bytes
// and `timeout_ms` for the kernel's own connect timer (0 leaves it). Returns the descriptor or a negated errno.
int socket_open(const struct endpoint *endpoint, uint32_t window, uint32_t timeout_ms);
// The address a stand-in dials from, by which the accepting side knows it. No effect for an endpoint of length 0.
int socket_dial_from(int fd, const struct endpoint *from);
// Bound and listening, or a negated errno with nothing left open.
int socket_listen(const struct endpoint *endpoint, uint32_t window, int backlog);
// An AF_UNIX stream socket bound to a name that the kernel chooses, so that listen() on it succeeds.
int socket_placeholder(void);
// vsock_datagram.c: an AF_UNIX datagram socket bound to a file; a negated errno with nothing left open.
int socket_datagram(const char *path);
// One datagram to whoever is bound to `path`; 0 or a negated errno.
int socket_send_datagram(const char *path, const char *text, size_t length);
// Assumes a connected descriptor: CID and port, or host and port of a stand-in; EAFNOSUPPORT for another family.
int socket_peer(int fd, uint32_t peer[2]);
int socket_vsock_window(int fd, uint64_t *bytes);
// Of /dev/vsock, or a negated errno.
int64_t socket_local_cid(void);

// ---- vsock_loose.c

// Descriptors that this environment owns and no net.Socket does yet. JavaScript thread only.
struct loose {
  struct {
    int fd;
    uint64_t cookie;
  } *items;
  size_t count;
  size_t capacity;
};

// Takes `fd` over, also when it fails: then it is closed. Returns `fd` or a negated errno.
int loose_add(struct loose *loose, int fd);
// dup3(fd, placeholder) and forgets both; EBADF when either is not in the set.
int loose_swap(struct loose *loose, int fd, int placeholder);
// Closes `fd` if it is in the set and still the socket that was added.
void loose_discard(struct loose *loose, int fd);
void loose_end(struct loose *loose);

// ---- vsock_connect.c

struct connector;

// Adds a thread to the environment when the first connection is asked for. `loose` receives the descriptors.
struct connector *connector_create(napi_env env, struct loose *loose);
// Calls `done` once, later, with a descriptor or a negated errno. Returns an id > 0 or a negated errno.
int64_t connector_start(struct connector *connector, const struct endpoint *target, const struct endpoint *from,
                        uint32_t window, uint32_t timeout_ms, napi_value done);
// The attempt ends with ECANCELED; no effect when it has ended.
void connector_cancel(struct connector *connector, int64_t id);
// After the environment's threads have ended.
void connector_free(struct connector *connector);

#endif
