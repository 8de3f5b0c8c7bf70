// The timer wheel of bridge_timer.h.
#include "bridge_timer.h"

#include <stddef.h>

void timer_disarm(struct timer *timer) {
  if (timer->link == NULL) return;
  *timer->link = timer->next;
  if (timer->next != NULL) timer->next->link = timer->link;
  timer->link = NULL;
}

void timer_arm(struct wheel *wheel, struct timer *timer, uint64_t due) {
  timer_disarm(timer);
  // Rounded up: a deadline is never met early. Never into a slot that this turn has passed.
  uint64_t slot = (due + SLOT_MS - 1) / SLOT_MS;
  if (slot <= wheel->turned) slot = wheel->turned + 1;
  uint64_t index = slot % SLOTS;
  timer->due = due;
  timer->next = wheel->slots[index];
  timer->link = &wheel->slots[index];
  if (timer->next != NULL) timer->next->link = &timer->next;
  wheel->slots[index] = timer;
  wheel->busy[index / 64] |= UINT64_C(1) << (index % 64);
}

struct timer *wheel_take(struct wheel *wheel, uint64_t now) {
  uint64_t target = now / SLOT_MS;
  // After a long sleep one look at every slot is enough.
  if (target > wheel->turned + SLOTS) wheel->turned = target - SLOTS;
  while (wheel->turned < target) {
    uint64_t index = (wheel->turned + 1) % SLOTS;
    for (struct timer *timer = wheel->slots[index]; timer != NULL; timer = timer->next) {
      if (timer->due > now) continue;
      timer_disarm(timer);
      return timer;
    }
    if (wheel->slots[index] == NULL) wheel->busy[index / 64] &= ~(UINT64_C(1) << (index % 64));
    wheel->turned++;
  }
  return NULL;
}

int wheel_wait(const struct wheel *wheel, uint64_t now) {
  for (uint64_t step = 1; step <= SLOTS;) {
    uint64_t slot = wheel->turned + step;
    uint64_t index = slot % SLOTS;
    uint64_t word = wheel->busy[index / 64] >> (index % 64);
    if (word == 0) {
      step += 64 - index % 64;
      continue;
    }
    slot += (uint64_t)__builtin_ctzll(word);
    return slot * SLOT_MS <= now ? 0 : (int)(slot * SLOT_MS - now);
  }
  return -1;
}
