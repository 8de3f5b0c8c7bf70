// The pipes through which TCP pages go to a unix socket without being copied. A pipe belongs to a flow only while bytes
// are in it or a turn is moving some; PIPES bounds the descriptors, and a flow that gets none copies.
#include "bridge.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

// Chosen. A slow reader keeps its pipe, so PIPES * SPLICE_BYTES is all that slow readers together make pipes hold.
enum { PIPES = 16 };

struct pipe *pipe_take(struct engine *engine) {
  struct pipe *pipe = engine->spare_pipes;
  if (pipe != NULL) {
    engine->spare_pipes = pipe->next;
    return pipe;
  }
  if (engine->pipe_count >= PIPES) return NULL;
  pipe = malloc(sizeof *pipe);
  int fds[2];
  if (pipe == NULL || pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0) {
    free(pipe);
    return NULL;
  }
  // Past the user's quota of pipe pages this fails and the default of 64 KiB stays.
  fcntl(fds[1], F_SETPIPE_SZ, SPLICE_BYTES);
  *pipe = (struct pipe){.read_fd = fds[0], .write_fd = fds[1]};
  engine->pipe_count++;
  return pipe;
}

static void destroy(struct pipe *pipe) {
  close(pipe->read_fd);
  close(pipe->write_fd);
  free(pipe);
}

// A pipe with bytes in it is destroyed: the next connection must never see them.
void pipe_release(struct engine *engine, struct flow *flow) {
  struct pipe *pipe = flow->pipe;
  if (pipe == NULL) return;
  flow->pipe = NULL;
  if (pipe->bytes > 0) {
    destroy(pipe);
    engine->pipe_count--;
    return;
  }
  pipe->next = engine->spare_pipes;
  engine->spare_pipes = pipe;
}

void pipe_free(struct engine *engine) {
  while (engine->spare_pipes != NULL) {
    struct pipe *pipe = engine->spare_pipes;
    engine->spare_pipes = pipe->next;
    destroy(pipe);
    engine->pipe_count--;
  }
}
