/* SPDX-License-Identifier: ISC
 *
 * Reading encrypted content twice: once to verify it, and again, the same, to write it. From the
 * message itself where its descriptor can be rewound, else from a spool file with the ciphertext.
 * Each chunk of a later reading is compared with the first's: a file that is changed in between
 * must not bring anything out that was not verified.
 */
#ifndef SMIME_WORKER_TWICE_H
#define SMIME_WORKER_TWICE_H

#include "envelope.h"

#include <openssl/evp.h>

#define TWICE_CHUNK 65536

struct twice {
	struct envelope *envelope;
	struct input *input;
	struct input_state *mark; /* where the content goes on, in the message ... */
	struct ber ber;
	int spool; /* ... or a file with it; -1 */
	uint64_t spool_left;
	EVP_MAC_CTX *mac;
	uint8_t key[32];
	struct buf tags; /* of the chunks, in order */
	size_t next_tag;
	bool first; /* the first reading goes on */
};

/* Begins the first reading, from where the envelope stands. twice_done in any case. */
MUST_USE int twice_begin(struct twice *twice, struct envelope *envelope, struct input *input);
/* Goes back for another. ERR_READ. */
MUST_USE int twice_again(struct twice *twice);
/* The next chunk, TWICE_CHUNK bytes but for the last; 0 at the end. ERR_DECRYPT where it is not what it
 * was at the first reading. */
MUST_USE int twice_read(struct twice *twice, uint8_t into[TWICE_CHUNK], size_t *ret_length);
void twice_done(struct twice *twice);

#endif
