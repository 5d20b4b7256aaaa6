/* SPDX-License-Identifier: ISC
 *
 * Reading encrypted content twice: once to verify it, and again, the same, to write it. From the
 * message itself where its descriptor can be rewound, else from a spool file with the ciphertext.
 * Each chunk of a later reading is compared with the first's: a file that is changed in between
 * must not bring anything out that was not verified.
 */
#ifndef SMIME_WORKER_REREAD_H
#define SMIME_WORKER_REREAD_H

#include "envelope.h"

#include <openssl/evp.h>

#define REREAD_CHUNK 65536

struct reread {
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

/* Begins the first reading, from where the envelope stands. reread_done in any case. */
MUST_USE int reread_begin(struct reread *reread, struct envelope *envelope, struct input *input);
/* Goes back for another. ERR_READ. */
MUST_USE int reread_again(struct reread *reread);
/* The next chunk, REREAD_CHUNK bytes but for the last; 0 at the end. ERR_DECRYPT where it is not what it
 * was at the first reading. */
MUST_USE int reread_read(struct reread *reread, uint8_t into[REREAD_CHUNK], size_t *ret_length);
void reread_done(struct reread *reread);

#endif
