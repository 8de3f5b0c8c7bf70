// Frames of fd 3 (docs/wire/pid1.md): bytes to fields and back, bounded by what has come. The supervisor runs node and is
// trusted less than PID 1: what it writes is parsed as a stranger's.
#ifndef CAISSON_FRAME_H
#define CAISSON_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Given (docs/wire/pid1.md): type, id and body of one frame.
#define CAISSON_FRAME_BYTES 8192
// Chosen: half is filled by events and the table, the other half is kept for answers to what was already taken.
#define CAISSON_QUEUE_BYTES 16384

enum {
  caisson_frame_start = 1,
  caisson_frame_table = 2,
  caisson_frame_signal = 3,
  caisson_frame_forget = 4,
  caisson_frame_end = 5,
  caisson_frame_started = 65,
  caisson_frame_entry = 66,
  caisson_frame_done = 67,
  caisson_frame_error = 68,
  caisson_frame_ended = 97,
  caisson_frame_terminate = 98,
  caisson_frame_reload = 99,
};

// What is left of a frame. Once `bad`, it stays so, and every further take gives 0 or an empty text.
struct caisson_fields {
  const unsigned char *at;
  const unsigned char *end;
  bool bad;
};

struct caisson_frame {
  uint8_t type;
  uint32_t id;
  struct caisson_fields body;
};

// Bytes of one stream. Both are reset when a new supervisor comes.
struct caisson_inbox {
  size_t used;
  unsigned char bytes[4 + CAISSON_FRAME_BYTES];
};
struct caisson_outbox {
  size_t used;
  unsigned char bytes[CAISSON_QUEUE_BYTES];
};

uint64_t caisson_take(struct caisson_fields *fields, size_t bytes);
// A text ends with a NUL and stands in the frame itself, which stays as it is until the next is read.
const char *caisson_take_text(struct caisson_fields *fields);
// Nothing was missing and nothing is left.
bool caisson_taken_whole(const struct caisson_fields *fields);

// 1: a frame is there; 0: not yet; -EPROTO: no frame can begin so. `caisson_drop_frame` makes room for the next.
int caisson_next_frame(const struct caisson_inbox *inbox, struct caisson_frame *frame);
void caisson_drop_frame(struct caisson_inbox *inbox);

// Begins a frame; put its fields, then close it. The caller has made sure of the room.
size_t caisson_open_frame(struct caisson_outbox *outbox, uint8_t type, uint32_t id);
void caisson_put(struct caisson_outbox *outbox, uint64_t value, size_t bytes);
void caisson_put_text(struct caisson_outbox *outbox, const char *text);
void caisson_close_frame(struct caisson_outbox *outbox, size_t opened);

#endif
