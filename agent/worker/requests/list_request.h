/* SPDX-License-Identifier: ISC
 *
 * A request to list certificates.
 */
#ifndef SMIME_WORKER_LIST_REQUEST_H
#define SMIME_WORKER_LIST_REQUEST_H

#include "cert_name.h"
#include "keys.h"
#include "store.h"

struct list_request {
	bool own;	  /* those on tokens, also on those that went, and their issuers */
	bool stored;	  /* those of the store: other people's */
	bool secret_only; /* only those with a private key */
	const struct cert_name *names;
	unsigned int count; /* of names: which to list; 0: all */
};

/* A certificate. key: whose it is on a token, or NULL. stored: what the store has of it, or NULL. */
struct list_row {
	X509 *cert;
	const struct key *key;
	const struct stored *stored;
};

/* Called with each certificate once, as it comes. The row and what is in it are borrowed for the call. What it returns other
 * than 0 ends the list. */
typedef int (*list_taker)(void *context, const struct list_row *row);

/* Errors of keys_refresh and the store; where one's own are listed, too, the list goes on without a store that cannot be
 * used. */
MUST_USE int list_request_run(const struct list_request *request, list_taker take, void *context);

/* Whether there is, or may be, a private key. */
bool list_row_is_secret(const struct list_row *row);

#endif
