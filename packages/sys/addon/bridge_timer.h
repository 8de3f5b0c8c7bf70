// A coarse timer wheel: arming and disarming are a few stores, so that a connection may move its deadline at will.
// One turn is SLOTS * SLOT_MS long; a later deadline stays in its slot for as many turns as it needs.
#ifndef CAISSON_BRIDGE_TIMER_H
#define CAISSON_BRIDGE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

enum { SLOT_MS = 8, SLOTS = 1024 };

enum timer_kind { TIMER_CONN, TIMER_LISTENER, TIMER_EVENTS };

struct timer {
  struct timer *next;
  struct timer **link;  // what points at this timer; NULL while disarmed
  uint64_t due;
  uint8_t kind;
};

struct wheel {
  uint64_t turned;  // slots up to this one have been looked at
  uint64_t busy[SLOTS / 64];
  struct timer *slots[SLOTS];
};

// Fires at `due` milliseconds or up to one slot later. An armed timer is moved.
void timer_arm(struct wheel *wheel, struct timer *timer, uint64_t due);
void timer_disarm(struct timer *timer);

// The next timer that is due at `now`, disarmed; NULL when there is none. Call until NULL.
struct timer *wheel_take(struct wheel *wheel, uint64_t now);

// Milliseconds until the wheel must be looked at again; -1: nothing is armed.
int wheel_wait(const struct wheel *wheel, uint64_t now);

#endif
