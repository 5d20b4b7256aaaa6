/* SPDX-License-Identifier: ISC
 *
 * Which readers there are and whether they hold a card, as smime-agent-watch tells it; and what
 * follows from it for hosts and tokens.
 */
#ifndef SMIME_BROKER_READERS_H
#define SMIME_BROKER_READERS_H

#include "loop.h"
#include "messages.h"

struct token;

#define READER_NAME_MAX 128
#define ATR_MAX 33

struct reader {
	struct reader *next;
	char name[READER_NAME_MAX];
	enum reader_state state;
	bool told; /* by the watcher that there is now */
	uint16_t cards; /* changes with each insertion and removal */
	unsigned int atr_length;
	uint8_t atr[ATR_MAX];
};

/* Starts the watcher, and keeps it running. */
void readers_start(void);
void readers_end(void);

struct reader *readers_first(void);
/* Whether pcscd can be asked, and if not, why: a text that lasts until the next message. */
enum pcsc_state readers_pcsc(const char **ret_detail);

/* Calls `known` once it is known whether there is a pcscd, and with which readers: at once, but shortly
 * after the start. */
void readers_when_known(void (*known)(void *context), void *context);

/* The reader that the token says it is in; NULL for one that is in none that pcscd knows. */
const struct reader *readers_of(const struct token *token);
/* Insertions and removals in its reader. */
uint16_t readers_count(const struct token *token);
bool readers_have_card(const struct token *token); /* whichever */
/* Whether an absent token may be there all the same, and its module failed to see it the last time: a card is in its
 * reader, of which the module shows nothing, or nobody said that it went. */
bool readers_may_have(const struct token *token);

#endif
