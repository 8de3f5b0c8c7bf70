// Where read bytes wait for a reader that is slower than the writer. One block per engine is the landing place of every
// read. A small rest is copied out of it; a large one keeps the block, and the next read lands in a spare: no copy, and
// nothing is held for a connection that owes nothing.
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

// A spare block's first bytes point at the next spare.
static uint8_t *next_spare(const uint8_t *block) {
  uint8_t *next;
  memcpy(&next, block, sizeof next);
  return next;
}

bool block_ready(struct engine *engine) {
  if (engine->landing != NULL) return true;
  if (engine->spare_blocks != NULL) {
    engine->landing = engine->spare_blocks;
    engine->spare_blocks = next_spare(engine->landing);
    engine->spare_count--;
  } else {
    engine->landing = malloc(LANDING_BYTES);
  }
  return engine->landing != NULL;
}

static void spare(struct engine *engine, uint8_t *block) {
  if (engine->spare_count >= LANDING_KEPT) {
    free(block);
    return;
  }
  memcpy(block, &engine->spare_blocks, sizeof engine->spare_blocks);
  engine->spare_blocks = block;
  engine->spare_count++;
}

// Keeps `bytes` bytes of the landing block from `at`. False: no memory, nothing is kept.
bool block_keep(struct engine *engine, struct flow *flow, uint32_t at, uint32_t bytes) {
  flow->stolen = bytes > STEAL_BYTES;
  if (flow->stolen) {
    flow->rest = engine->landing;
    flow->rest_at = at;
    engine->landing = NULL;
  } else {
    flow->rest = malloc(bytes);
    if (flow->rest == NULL) return false;
    memcpy(flow->rest, engine->landing + at, bytes);
    flow->rest_at = 0;
  }
  flow->rest_bytes = bytes;
  return true;
}

void block_release(struct engine *engine, struct flow *flow) {
  if (flow->rest == NULL) return;
  if (flow->stolen) {
    spare(engine, flow->rest);
  } else {
    free(flow->rest);
  }
  flow->rest = NULL;
  flow->rest_bytes = 0;
}

void block_free(struct engine *engine) {
  free(engine->landing);
  engine->landing = NULL;
  while (engine->spare_blocks != NULL) {
    uint8_t *block = engine->spare_blocks;
    engine->spare_blocks = next_spare(block);
    free(block);
  }
  engine->spare_count = 0;
}
