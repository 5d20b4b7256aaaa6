/* SPDX-License-Identifier: ISC
 *
 * The tables of events. Each function here is called by the loop, with nothing of the broker's beneath it.
 */
#include "events.h"

#include "answer.h"
#include "doorman.h"
#include "token_process.h"
#include "modules.h"
#include "insertion.h"
#include "key_operation.h"
#include "lock.h"
#include "login.h"
#include "peer.h"
#include "pincache.h"
#include "prompt.h"

static void process_changed(void)
{
	modules_check_settled();
	insertions_check();
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
	static const struct token_process_events token_process_events = {.state = process_changed, .report = report_taken};

	peers_when(&peer_events);
	token_process_when(&token_process_events);
	pincache_when_expired(lock_expired);
}
