/* SPDX-License-Identifier: ISC
 *
 * Making CMS SignedData (RFC 5652 section 5, RFC 8551 section 2.5) of any size with a key on a
 * token.
 */
#ifndef SMIME_WORKER_CMS_SIGN_H
#define SMIME_WORKER_CMS_SIGN_H

#include "input.h"
#include "keys.h"
#include "output.h"

#include <openssl/cms.h>

struct sign_options {
	bool detached;
	bool pss;	    /* RSASSA-PSS (RFC 4056) rather than PKCS#1 v1.5 */
	bool no_gcm;	    /* the signer's mail program does not read AES-GCM: do not say that it is read */
	const char *digest; /* sha256, sha384, sha512; NULL: what suits the key */
	int certs;	    /* SIGN_CERTS_*, or how many, the signer's first */
};

enum sign_certs { SIGN_CERTS_NONE = -1, SIGN_CERTS_CHAIN = 0 };

/* A signature that is being made: content in, SignedData out. */
struct cms_signer {
	CMS_ContentInfo *cms;
	BIO *digesting;
};

/* The digest that the options and the key come to; ERR_NOT_SUPPORTED. */
MUST_USE int cms_sign_digest(const struct key *key, const struct sign_options *options,
			     const EVP_MD **ret_md);

/* Begins; cms_signer_done in any case. ERR_NOT_SUPPORTED, ERR_SIGN. */
MUST_USE int cms_signer_begin(struct cms_signer *signer, struct key *key,
			      const struct sign_options *options);
MUST_USE int cms_signer_update(struct cms_signer *signer, const void *data, size_t length);
/* Signs; appends SignedData without its content, DER. The token's error, or ERR_SIGN. */
MUST_USE int cms_signer_finish(struct cms_signer *signer, struct buf *into);
void cms_signer_done(struct cms_signer *signer);
#define CLEAN_SIGNER CLEANUP(cms_signer_done)

/* Reads content to its end and writes CMS without armor: detached, or around the content. Opaque content of up
 * to 1 MiB gives DER; more gives BER of indefinite length, in one pass. */
MUST_USE int cms_sign(struct input *input, struct output *output, struct key *key,
		      const struct sign_options *options);

/* Opaque SignedData around what `next` gives, into output. `next` has the shape of
 * input_read. */
typedef int (*cms_content)(void *context, void *into, size_t size, size_t *ret_length);
MUST_USE int cms_sign_opaque(cms_content next, void *context, struct output *output, struct key *key,
			     const struct sign_options *options);

#endif
