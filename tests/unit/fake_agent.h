/* SPDX-License-Identifier: ISC
 *
 * An agent that says what a test wants: a thread behind a socket, for the PKCS#11 module.
 */
#ifndef SMIME_UNIT_FAKE_AGENT_H
#define SMIME_UNIT_FAKE_AGENT_H

#include "messages.h"

/* The keys that its list has: numbers, and what PKSIGN and so on are asked with. */
#define FAKE_RSA 11
#define FAKE_EC 12

enum fake_way {
	FAKE_RIGHT,
	FAKE_EMPTY,	/* no data where there should be some */
	FAKE_ERROR,	/* ERR, with fake_agent_error's code */
	FAKE_CLOSES,	/* in the middle of an answer */
	FAKE_BABBLES,	/* what is no reply */
	FAKE_LONG,	/* more than was asked for */
	FAKE_SILENT,	/* never */
	FAKE_ENDLESS,	/* status lines, without an end */
	FAKE_SLOW,	/* right, but later than a list may be */
};

/* Starts listening; sets SMIME_AGENT_SOCKET, and a program that starts no agent. */
void fake_agent_start(void);
/* Ends all connections and listens no more. */
void fake_agent_stop(void);

/* How it answers PKLIST, and all else, from now on. */
extern enum fake_way fake_agent_list, fake_agent_keys;
/* libgpg-error's code for FAKE_ERROR. */
extern unsigned int fake_agent_error;
/* Added to its numbers of keys, as another agent has others. */
extern uint32_t fake_agent_offset;
/* Whether the token is in its list. */
extern bool fake_agent_token;

/* The list that it gives, and a list to be given in its place (borrowed; empty for none). */
void fake_agent_make_list(struct buf *into);
void fake_agent_set_list(struct view list);

/* Says that keys changed: at once, to whoever is connected; or with the next answers about keys. */
void fake_agent_tell(void);
extern bool fake_agent_news;

/* How often it was asked for a signature, a decryption or a derivation with the right number. */
unsigned int fake_agent_uses(void);

#endif
