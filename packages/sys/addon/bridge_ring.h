// A bounded ring of event records from the engine's thread (the one writer) to JavaScript's (the one reader).
// When it is full the newest record is dropped and the caller counts it: the data path never waits for a reader.
#ifndef CAISSON_BRIDGE_RING_H
#define CAISSON_BRIDGE_RING_H

#include <stdbool.h>
#include <stdint.h>

enum { RING_RECORDS = 4096 };

enum peer_kind { PEER_NONE, PEER_IN, PEER_IN6, PEER_VSOCK };
struct peer {
  uint32_t kind;
  uint32_t port;
  uint8_t address[16];  // 4 bytes, 16 bytes, or the CID as a u32
};

enum record_type { RECORD_ACCEPTED, RECORD_REFUSED, RECORD_CLOSED };

// Read by src/engine-event.ts at these offsets, in the machine's byte order.
struct record {
  uint32_t type;
  uint32_t listener;
  double id;
  double at_ms;
  double duration_ms;
  double forward_bytes;
  double backward_bytes;
  int32_t forward_error;
  int32_t backward_error;
  struct peer peer;
  uint32_t reason;
  uint32_t dialled;
};
_Static_assert(sizeof(struct record) == 88, "src/engine-event.ts knows this layout");

struct ring;

struct ring *ring_create(void);
void ring_free(struct ring *ring);

// The writer's: false when the ring is full.
bool ring_put(struct ring *ring, const struct record *record);
// The writer's: more than half is waiting.
bool ring_is_pressing(struct ring *ring);
// The reader's: copies at most `limit` records, returns how many.
uint32_t ring_take(struct ring *ring, struct record *out, uint32_t limit);

#endif
