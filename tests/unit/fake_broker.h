/* SPDX-License-Identifier: ISC
 *
 * What the broker's files stand on in a test: a loop whose clock the test turns, and child processes that the test plays.
 * It takes the place of loop.c and child.c, and nothing else of the broker's is replaced.
 */
#ifndef SMIME_UNIT_FAKE_BROKER_H
#define SMIME_UNIT_FAKE_BROKER_H

#include "child.h"
#include "fixture.h"

#include <stdbool.h>

/* Delivers the events that were posted. Every other function here does so, too, as the loop does after each callback. */
void fake_settle(void);
/* Turns the clock: timers that are due expire in their order. */
void fake_advance(uint64_t ms);
/* The next timer's time, from now; UINT64_MAX without one. */
uint64_t fake_next_timer(void);
/* As if these events came for the descriptor that somebody watches. Whether somebody does. */
bool fake_ready(int fd, uint32_t events);

/* The children that there are, the newest first. */
struct child *fake_children(void);
/* The newest of that kind; NULL. */
struct child *fake_child(enum process kind);
unsigned int fake_child_count(enum process kind);
/* From now on no child of that kind can be started (kinds: PROCESS_ bits). */
void fake_refuse_children(unsigned int kinds);

/* The child's next message from the broker, in the order in which they were sent. False: there is none. `message` is valid
 * until the next call; a descriptor in it is closed by the next call. */
bool fake_hear(struct child *child, struct message *message);
/* The same, and it must be of that type. */
struct message fake_expect(struct child *child, enum message_type type);

/* The child sends a payload. Whether it is still there afterwards: what breaks the protocol ends it. */
bool fake_say(struct child *child, enum message_type type, uint32_t id, struct view payload, int fd);
/* The child sends a struct's fields: FAKE_SAY(child, RESULT, id, result, &message). */
#define FAKE_SAY(child, NAME, id, payload, message)                                      \
	({                                                                               \
		CLEAN_BUF struct buf buf_ = BUF_INIT(BUF_MESSAGE_MAX);                   \
		assert_int_equal(encode_##payload(&buf_, (message)), 0);                 \
		fake_say((child), MSG_##NAME, (id), buf_view(&buf_), -1);                \
	})
/* RESULT with this error and nothing else. */
bool fake_result(struct child *child, uint32_t id, int err);
/* The child ends by itself. */
void fake_die(struct child *child);

/* Every child is killed, and no timer or event is left. To be called at a test's end. */
void fake_end(void);

#endif
