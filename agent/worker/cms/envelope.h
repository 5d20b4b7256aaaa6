/* SPDX-License-Identifier: ISC
 *
 * The outside of an encrypted CMS message: EnvelopedData (RFC 5652 section 6) or AuthEnvelopedData
 * (RFC 5083), read up to its content, which then streams; and what stands behind the content.
 */
#ifndef SMIME_WORKER_ENVELOPE_H
#define SMIME_WORKER_ENVELOPE_H

#include "ber.h"

#include <openssl/cms.h>

/* Everything but the content: recipients, certificates, attributes. Thousands of recipients fit. */
#define ENVELOPE_MAX (1024 * 1024)
/* RFC 5084 section 3.2. */
#define ENVELOPE_MAC_MIN 12
#define ENVELOPE_MAC_MAX 16

struct envelope {
	struct ber ber; /* stands in the content */
	bool authenticated;
	CMS_ContentInfo *cms; /* the message without its content, and with a dummy MAC */
	int cipher;	      /* NID of the content encryption algorithm */
	size_t iv_length;     /* bytes of the IV or nonce; 0: it has none, or is a cipher of another kind */
	size_t mac_expected;  /* aes-ICVlen */
	/* set by envelope_read_end */
	struct buf attributes; /* authAttrs as they are authenticated (SET OF), or empty */
	uint8_t mac[ENVELOPE_MAC_MAX];
	size_t mac_length;
};

/* Reads up to the content. ERR_NOT_CMS; ERR_WRONG_TYPE for a CMS message of another kind;
 * ERR_BAD_CMS. envelope_done in any case. */
MUST_USE int envelope_begin(struct envelope *envelope, struct input *input);

/* Some octets of the encrypted content; 0 is its end. */
MUST_USE int envelope_read(struct envelope *envelope, void *into, size_t size, size_t *ret_length);

/* Reads what stands behind the content, to the message's end. ERR_BAD_CMS, also for a MAC of
 * another length than announced. */
MUST_USE int envelope_read_end(struct envelope *envelope);

void envelope_done(struct envelope *envelope);
#define CLEAN_ENVELOPE CLEANUP(envelope_done)

#endif
