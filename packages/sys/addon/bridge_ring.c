// The ring of bridge_ring.h: two counters that only grow, each written by one side.
#include "bridge_ring.h"

#include <stdatomic.h>
#include <stdlib.h>

struct ring {
  _Alignas(64) _Atomic uint32_t written;
  _Alignas(64) _Atomic uint32_t taken;
  _Alignas(64) struct record records[RING_RECORDS];
};

struct ring *ring_create(void) {
  void *memory = NULL;
  if (posix_memalign(&memory, 64, sizeof(struct ring)) != 0) return NULL;
  struct ring *ring = memory;
  atomic_init(&ring->written, 0);
  atomic_init(&ring->taken, 0);
  return ring;
}

void ring_free(struct ring *ring) {
  free(ring);
}

bool ring_put(struct ring *ring, const struct record *record) {
  uint32_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
  if (written - atomic_load_explicit(&ring->taken, memory_order_acquire) == RING_RECORDS) return false;
  ring->records[written % RING_RECORDS] = *record;
  atomic_store_explicit(&ring->written, written + 1, memory_order_release);
  return true;
}

bool ring_is_pressing(struct ring *ring) {
  uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
  return atomic_load_explicit(&ring->written, memory_order_relaxed) - taken > RING_RECORDS / 2;
}

uint32_t ring_take(struct ring *ring, struct record *out, uint32_t limit) {
  uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
  uint32_t waiting = atomic_load_explicit(&ring->written, memory_order_acquire) - taken;
  uint32_t count = waiting < limit ? waiting : limit;
  for (uint32_t i = 0; i < count; i++) out[i] = ring->records[(taken + i) % RING_RECORDS];
  atomic_store_explicit(&ring->taken, taken + count, memory_order_release);
  return count;
}
