/* SPDX-License-Identifier: ISC
 *
 * Which changes of a state are allowed. A change that its table does not have is a fault of the broker's own: it is logged
 * as an error, and refused, so that the fault cannot grow.
 */
#ifndef SMIME_BROKER_STATE_H
#define SMIME_BROKER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#define STATE_BIT(state) (1u << (state))

struct state_table {
	const char *what;	  /* whose state it is, for the log */
	const char *const *names; /* by state */
	const uint32_t *next;	  /* by state: STATE_BITs of those that may follow it. A state may always follow itself */
};

/* Whether the change is allowed. One that is not is logged. */
bool state_may_change(const struct state_table *table, unsigned int from, unsigned int to);

/* How many changes were refused so far, for tests. */
unsigned int state_refusals(void);

#endif
