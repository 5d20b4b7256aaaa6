/* SPDX-License-Identifier: ISC
 *
 * What follows when a key operation failed: the gentlest step that may help. Pure: it takes what happened and says what to
 * do; key operations do it.
 */
#ifndef SMIME_BROKER_RECOVER_H
#define SMIME_BROKER_RECOVER_H

#include "messages.h"

/* Signing and unwrapping can be repeated: this often an operation is attempted. */
#define ATTEMPTS_MAX 2
/* A key's own PIN is asked for this often. */
#define ASK_MAX 3

enum step {
	STEP_FINISH,	/* nothing is left to try: answer with the error */
	STEP_AGAIN,	/* attempt it once more */
	STEP_LOOK,	/* let the module look at its slots, and attempt it once more */
	STEP_LOOK_DEEP, /* let it read every object, and attempt it once more */
	STEP_ASK_PIN,	/* get the PIN for this use, and go on */
	STEP_AWAIT,	/* nothing is left to try, but it may turn out in a moment that the card was pulled */
};

struct failure {
	int err;		    /* enum err */
	bool unclear;		    /* the module may mean another error */
	unsigned int attempts;	    /* so far */
	unsigned int asked;	    /* for its PIN, so far */
	bool pin_sent;		    /* a PIN for this use went with it, or was to be typed at the reader */
	bool pin_given;		    /* the client gives the PIN: nobody can be asked */
	bool told;		    /* the person knew that this is the last try */
	bool token_known;	    /* it is configured still */
	bool token_absent, token_unread, token_in_reader;
};

enum step recover_step(const struct failure *failure);

/* What is known of the card: when the operation began, or now. */
struct sight {
	unsigned int removals; /* of the token */
	uint16_t cards;	       /* its reader's count */
	bool absent;
};

/* Whether this error is one that the card's removal made of its operation. */
bool recover_is_removal(int err, const struct sight *began, const struct sight *now);

/* The module's next process is there, after an operation that failed for good. Whether a card came or went meanwhile without
 * being pulled from the operation, so that it is to be attempted once more. */
bool recover_after_event(const struct sight *began, const struct sight *now);

#endif
