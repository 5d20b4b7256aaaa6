/* SPDX-License-Identifier: ISC
 *
 * Which readers there are and whether they hold a card, as smime-agent-watch tells it. What follows from that is in
 * cards.c.
 */
#ifndef SMIME_BROKER_READERS_H
#define SMIME_BROKER_READERS_H

#include "loop.h"
#include "messages.h"

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

struct reader_events {
	void (*left)(const struct reader *reader); /* its card went, or was changed for another one, or it went itself */
	void (*came)(const struct reader *reader); /* a card came */
	/* After these: something changed. `removed`: nothing but a removal. */
	void (*changed)(bool removed);
	void (*service_back)(void); /* pcscd was gone, and runs again */
};

/* Starts the watcher, and keeps it running. The events come from the watcher's messages. */
void readers_start(const struct reader_events *events);
void readers_end(void);

struct reader *readers_first(void);
/* Whether pcscd can be asked, and if not, why: a text that lasts until the next message. */
enum pcsc_state readers_pcsc(const char **ret_detail);

/* Calls `known` once it is known whether there is a pcscd, and with which readers: at once, but shortly
 * after the start. */
void readers_when_known(void (*known)(void *context), void *context);

/* The reader that a slot's description means; NULL for one that is no reader that pcscd knows. */
const struct reader *readers_of(const char *slot);
bool reader_has_card(const struct reader *reader);

#endif
