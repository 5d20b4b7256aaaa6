/* SPDX-License-Identifier: ISC
 *
 * The tables of events. Each function here is called by the loop, with nothing of the broker's beneath it.
 */
#include "events.h"

#include "answer.h"
#include "doorman.h"
#include "host.h"
#include "hosts.h"
#include "insertion.h"
#include "key_operation.h"
#include "lock.h"
#include "login.h"
#include "peer.h"
#include "pincache.h"
#include "prompt.h"

static void process_changed(void)
{
	hosts_check_settled();
	logins_check();
	key_operations_resume();
}

static void report_taken(bool changed)
{
	if (changed)
		peers_keys_changed();
	insertions_check();
	logins_check();
}

void events_wire(void)
{
	static const struct peer_events peer_events = {
		.message = answer_worker,
		.hung_up = prompt_peer_gone,
		.gone = answer_peer_gone,
		.unserved = doorman_take,
	};
	static const struct host_events host_events = {.state = process_changed, .report = report_taken};

	peers_when(&peer_events);
	host_when(&host_events);
	pincache_when_expired(lock_expired);
}
