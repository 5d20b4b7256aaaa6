/* SPDX-License-Identifier: ISC
 *
 * Looks a change of state up.
 */
#include "state.h"

#include "log.h"

static unsigned int refusals;

bool state_may_change(const struct state_table *table, unsigned int from, unsigned int to)
{
	if (from == to || (table->next[from] & STATE_BIT(to)))
		return true;
	refusals++;
	log_error("internal error: a %s must not go from %s to %s", table->what, table->names[from], table->names[to]);
	return false;
}

unsigned int state_refusals(void)
{
	return refusals;
}
