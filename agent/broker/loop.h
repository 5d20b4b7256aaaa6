/* SPDX-License-Identifier: ISC
 *
 * The broker's one loop: descriptors and timers, each with a function to call. Nothing that is
 * called from here may wait.
 */
#ifndef SMIME_BROKER_LOOP_H
#define SMIME_BROKER_LOOP_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct loop_watch;

/* events: EPOLLIN and so on. */
typedef void (*loop_ready)(void *context, uint32_t events);

MUST_USE int loop_init(void);

/* Calls `ready` when the descriptor is; the descriptor stays the caller's. NULL on failure. */
struct loop_watch *loop_add(int fd, uint32_t events, loop_ready ready, void *context);
void loop_change(struct loop_watch *watch, uint32_t events);
/* May be called from any callback; NULL is fine. Before the descriptor is closed. */
void loop_remove(struct loop_watch *watch);

/* A timer is a member of whatever it is for. */
struct loop_timer {
	struct loop_timer *next;
	uint64_t due; /* ms, loop_now */
	void (*expired)(void *context);
	void *context;
	bool armed;
};

/* Milliseconds of the monotonic clock. */
uint64_t loop_now(void);

/* Arms the timer anew, once. */
void loop_timer_set(struct loop_timer *timer, uint64_t ms, void (*expired)(void *), void *context);
void loop_timer_clear(struct loop_timer *timer);

/* An event is a member of whatever it is about. */
struct loop_event {
	struct loop_event *next;
	void (*deliver)(void *context);
	void *context;
	bool posted;
};

/* Delivers the event when the callback that the loop is in has returned, before the loop calls anything else. So an event
 * never comes from inside the call that caused it, and nothing overtakes it. Events come in the order in which they were
 * posted; one that is posted again before it came stays where it is. */
void loop_post(struct loop_event *event, void (*deliver)(void *), void *context);
void loop_event_clear(struct loop_event *event);

/* Runs until loop_end was called. */
void loop_run(void);
void loop_end(void);

#endif
