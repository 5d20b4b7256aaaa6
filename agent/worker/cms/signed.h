/* SPDX-License-Identifier: ISC
 *
 * The outside of a SignedData (RFC 5652 section 5), read up to its content, which then streams; and
 * what stands behind the content: certificates, revocation lists, signers.
 */
#ifndef SMIME_WORKER_SIGNED_H
#define SMIME_WORKER_SIGNED_H

#include "ber.h"

#include <openssl/cms.h>

/* All but the content. */
#define SIGNED_MAX (2 * 1024 * 1024)
/* Of each there are a handful in mail. */
#define SIGNED_CERTIFICATES_MAX 200
#define SIGNED_LISTS_MAX 50
#define SIGNED_SIGNERS_MAX 32
#define SIGNED_DIGESTS_MAX 16

struct signed_data {
	struct ber ber; /* stands in the content, or behind where it would be */
	bool detached;	/* it has no content of its own */
	bool is_data;	/* its content's type is id-data */
	int digests[SIGNED_DIGESTS_MAX]; /* NIDs of digestAlgorithms */
	unsigned int digest_count;
	struct buf prefix; /* the message without its content, as far as it was read */
	CMS_ContentInfo *cms; /* set by signed_read_end */
};

/* Reads up to the content. ERR_NOT_CMS; ERR_WRONG_TYPE for a CMS message of another kind; ERR_BAD_CMS;
 * ERR_NOT_SUPPORTED for content that is no octet string (PKCS #7). signed_done in any case. */
MUST_USE int signed_begin(struct signed_data *data, struct input *input);

/* Some octets of the content, of one that is not detached; 0 is its end. */
MUST_USE int signed_read(struct signed_data *data, void *into, size_t size, size_t *ret_length);

/* Reads what stands behind the content. ERR_BAD_CMS; ERR_TOO_LARGE over a limit above. */
MUST_USE int signed_read_end(struct signed_data *data);

void signed_done(struct signed_data *data);
#define CLEAN_SIGNED CLEANUP(signed_done)

/* What kind of CMS message the input stands at, in DER or BER, without reading it. */
enum signed_kind { SIGNED_NO_CMS, SIGNED_DATA, SIGNED_ENVELOPED, SIGNED_COMPRESSED, SIGNED_OTHER };
MUST_USE int signed_look(struct input *input, enum signed_kind *ret_kind);

#endif
