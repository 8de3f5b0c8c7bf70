// The frames of fd 3: u32 BE length of what follows, u8 type, u32 BE id, body. All numbers are big-endian.
#include "frame.h"

#include <errno.h>
#include <string.h>

enum { length_bytes = 4, head_bytes = 5 };

uint64_t caisson_take(struct caisson_fields *fields, size_t bytes) {
  if (fields->bad || (size_t)(fields->end - fields->at) < bytes) {
    fields->bad = true;
    return 0;
  }
  uint64_t value = 0;
  for (size_t at = 0; at < bytes; at += 1) value = value << 8 | *fields->at++;
  return value;
}

const char *caisson_take_text(struct caisson_fields *fields) {
  const unsigned char *text = fields->at;
  const unsigned char *nul = fields->bad ? NULL : memchr(text, '\0', (size_t)(fields->end - text));
  if (nul == NULL) {
    fields->bad = true;
    return "";
  }
  fields->at = nul + 1;
  return (const char *)text;
}

bool caisson_taken_whole(const struct caisson_fields *fields) { return !fields->bad && fields->at == fields->end; }

static size_t frame_length(const struct caisson_inbox *inbox) {
  struct caisson_fields fields = {inbox->bytes, inbox->bytes + length_bytes, false};
  return (size_t)caisson_take(&fields, length_bytes);
}

int caisson_next_frame(const struct caisson_inbox *inbox, struct caisson_frame *frame) {
  if (inbox->used < length_bytes) return 0;
  size_t length = frame_length(inbox);
  // Before the rest of it is awaited: it could never fit.
  if (length < head_bytes || length > CAISSON_FRAME_BYTES) return -EPROTO;
  if (inbox->used < length_bytes + length) return 0;
  struct caisson_fields fields = {inbox->bytes + length_bytes, inbox->bytes + length_bytes + length, false};
  frame->type = (uint8_t)caisson_take(&fields, 1);
  frame->id = (uint32_t)caisson_take(&fields, 4);
  frame->body = fields;
  return 1;
}

void caisson_drop_frame(struct caisson_inbox *inbox) {
  size_t whole = length_bytes + frame_length(inbox);
  memmove(inbox->bytes, inbox->bytes + whole, inbox->used - whole);
  inbox->used -= whole;
}

void caisson_put(struct caisson_outbox *outbox, uint64_t value, size_t bytes) {
  for (size_t left = bytes; left > 0; left -= 1) outbox->bytes[outbox->used++] = (unsigned char)(value >> (left - 1) * 8);
}

void caisson_put_text(struct caisson_outbox *outbox, const char *text) {
  size_t bytes = strlen(text) + 1;
  memcpy(outbox->bytes + outbox->used, text, bytes);
  outbox->used += bytes;
}

size_t caisson_open_frame(struct caisson_outbox *outbox, uint8_t type, uint32_t id) {
  size_t opened = outbox->used;
  caisson_put(outbox, 0, length_bytes);
  caisson_put(outbox, type, 1);
  caisson_put(outbox, id, 4);
  return opened;
}

void caisson_close_frame(struct caisson_outbox *outbox, size_t opened) {
  size_t end = outbox->used;
  outbox->used = opened;
  caisson_put(outbox, end - opened - length_bytes, length_bytes);
  outbox->used = end;
}
