/* SPDX-License-Identifier: ISC
 *
 * A broker, token process and token in one, for fuzzing what asks them: one token with the keys of
 * corpus-key. Takes the place of agent/worker/io/ask.c.
 */
#ifndef SMIME_STUB_ASK_H
#define SMIME_STUB_ASK_H

#include "messages.h"

/* How the token answers. */
enum stub_answer {
	STUB_BLOCK, /* raw RSA: the block with its padding */
	STUB_KEY,   /* unpads by itself */
	/* From here on the key is wrong: what is authenticated never comes out, and what is not, at
	 * most by chance, as garbage (RFC 3218). */
	STUB_REFUSE,
	STUB_EMPTY,
	STUB_SHORT,
	/* From here on the token failed: nothing may be taken for done. */
	STUB_UNCLEAR,
	STUB_LONG,
	STUB_REMOVED,
};

/* Reads the keys and loads the provider at the first call; ends the program if that fails. */
void stub_ask_open(enum stub_answer answer);

/* TOKEN_* of its token. */
extern uint32_t stub_ask_flags;
/* One more certificate on it, without a key: DER; or nothing. */
extern struct view stub_ask_cert;

/* What the worker asked for that holds descriptors or PINs; for fuzz_token_command. */
extern void (*stub_ask_admin)(const struct msg_admin *request);

#endif
