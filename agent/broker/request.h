/* SPDX-License-Identifier: ISC
 *
 * A key operation on its way, which route.c sends and recover.c helps on after a failure.
 */
#ifndef SMIME_BROKER_REQUEST_H
#define SMIME_BROKER_REQUEST_H

#include "host.h"
#include "keyring.h"

/* Signing and unwrapping can be repeated: this often it is tried. */
#define ATTEMPTS_MAX 2
/* Of asking for an always-authenticate key's PIN. */
#define ASK_MAX 3

struct request {
	struct request *next;
	uint32_t peer, peer_id; /* peer 0: it went */
	enum message_type type;
	uint32_t key;
	struct buf payload; /* KEY_OP as it came */
	struct host *waits_for; /* to be ready again */
	struct host *resumes;	/* that is ready, and the request's turn comes */
	struct secret *pin;	/* for this use */
	int pin_fd;		/* where the client has it; -1 */
	enum door door;
	unsigned int attempts, asked, logins;
	unsigned int bystanding; /* attempts that ended since another token's trouble ended the process */
	int last_err; /* of the PIN that was asked for, or of the operation */
	struct loop_timer verdict, wait;
	bool pin_ready; /* pin is to be used, even if NULL (PIN pad) */
	bool told;	/* the person knows that this is the last try */
	bool concluding; /* it failed, and waits for its module's next process to say whether the card is there */
	bool anew; /* it logs in anew before it is attempted again */
	unsigned int looks; /* for its token, which was absent */
	unsigned int removals; /* of its token, when it began */
	uint16_t cards; /* its reader's count, then, or when the module's process that failed found the card */
};

/* Takes the next step for the request, whatever that is now. */
void route_run(struct request *request);
/* The same, as a host_done of a look. */
void route_looked(void *context, int err, const struct msg_result *result);
/* Goes on once the host is ready. */
void route_wait_for_host(struct request *request, struct host *host);
/* Gets the PIN for this use, and goes on. */
void route_ask_pin(struct request *request, struct key *key);
/* Answers, and frees it. `from` may be NULL. */
void route_finish(struct request *request, int err, const struct msg_result *from);

#endif
