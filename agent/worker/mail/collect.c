/* SPDX-License-Identifier: ISC
 *
 * From good signatures to the store. One that is not good brings nothing.
 */
#include "collect.h"

#include "log.h"
#include "store.h"

static void keep(X509 *cert, enum store_source source, struct view capabilities)
{
	int rc = store_add(cert, source, capabilities);

	if (rc)
		log_debug("a certificate was not kept: %s", error_text(rc));
}

static void keep_signer(const struct signature *signature)
{
	struct view none = {NULL, 0}, capabilities = buf_view(&signature->capabilities);
	int length = sk_X509_num(signature->chain);

	keep(signature->cert, STORE_SIGNED_MAIL, capabilities);
	/* The one that mail is to be encrypted to, where it is another. */
	for (int i = 0; i < sk_X509_num(signature->companions); i++)
		keep(sk_X509_value(signature->companions, i), STORE_SIGNED_MAIL, capabilities);
	/* The root, last of the path, is an anchor and kept elsewhere. */
	for (int i = 1; i + 1 < length; i++)
		keep(sk_X509_value(signature->chain, i), STORE_CHAIN, none);
}

void collect_signers(const struct layer_list *layers)
{
	for (const struct layer *layer = layers->first; layer; layer = layer->next)
		for (const struct signature *s = layer->signatures; s; s = s->next)
			if (!s->reasons && !layer->reasons)
				keep_signer(s);
}
