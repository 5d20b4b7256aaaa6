/* SPDX-License-Identifier: ISC
 *
 * Getting PINs: from a person through pinentry, or from a descriptor. Each is a short-lived
 * process of its own (smime-agent-prompt), since both may take their time. Persons are asked one
 * thing at a time.
 */
#ifndef SMIME_BROKER_PROMPT_H
#define SMIME_BROKER_PROMPT_H

#include "messages.h"
#include "secret.h"

/* first and second are owned by the callee; NULL on failure or where only one was asked for. */
typedef void (*prompt_done)(void *context, int err, struct secret *first, struct secret *second);

struct prompt {
	uint32_t peer; /* whose terminal, and for whom: the prompt goes when the peer does; 0: nobody */
	int fd;	       /* read PINs from here, a line each; -1: ask a person. Stays the caller's */
	const char *title, *first, *second, *error; /* second, error may be NULL */
	uint8_t repeat; /* enum prompt_repeat */
	bool confirm;	/* no PIN: yes or no */
	bool password;	/* of a file, and no PIN */
};

/* Always calls `done`, once, later or (on failure) at once. */
void prompt_ask(const struct prompt *prompt, prompt_done done, void *context);

/* The question is not needed any more: `done` will not be called. Nothing happens if there is none. */
void prompt_withdraw(const void *context);

/* The peer went: its prompts end with ERR_CANCELLED. */
void prompt_peer_gone(uint32_t peer);

#endif
