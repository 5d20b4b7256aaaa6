/* SPDX-License-Identifier: ISC
 *
 * Digests of content as it streams by, in the two forms that signatures are made over: the exact
 * bytes, and those with every line end made CRLF (RFC 8551 section 3.1.1), which is what a mail was
 * before a system with other line ends stored it.
 */
#ifndef SMIME_WORKER_DIGESTS_H
#define SMIME_WORKER_DIGESTS_H

#include "mime.h"

#include <openssl/evp.h>

#define DIGESTS_MAX 8
/* The first bytes are kept, for who wants to know what was signed. */
#define DIGESTS_START 64

enum digests_form { DIGESTS_EXACT, DIGESTS_CANONICAL };

struct digests {
	bool forms; /* both of them, else the exact one only */
	struct {
		int nid;
		EVP_MD_CTX *form[2]; /* the canonical one from where it differs */
	} list[DIGESTS_MAX];
	unsigned int count;
	bool differ; /* a line end that is not CRLF came */
	uint8_t last;
	uint8_t start[DIGESTS_START];
	size_t start_length;
};

void digests_init(struct digests *digests, bool forms);

/* Adds a digest before the first byte; what is no digest that is known (or is there) is passed over.
 * ERR_TOO_LARGE, ERR_NO_MEMORY. */
MUST_USE int digests_add(struct digests *digests, int nid);
/* Adds what a multipart/signed's micalg parameter names (RFC 8551 section 3.5.3.2), and SHA-256; all that
 * are known where it names none of SHA-2. */
MUST_USE int digests_add_micalg(struct digests *digests, const char *micalg);

MUST_USE int digests_update(struct digests *digests, const void *data, size_t length);

/* The running digest, to be copied; NULL for one that was not added. */
const EVP_MD_CTX *digests_get(const struct digests *digests, int nid, enum digests_form form);

void digests_done(struct digests *digests);
#define CLEAN_DIGESTS CLEANUP(digests_done)

/* MD5, SHA-1 and older: collisions are made. */
bool digests_is_weak(int nid);

#endif
