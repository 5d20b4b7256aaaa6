/* SPDX-License-Identifier: ISC
 *
 * What is on one token: certificates, keys, mechanisms.
 */
#ifndef SMIME_TOKEN_CONTENTS_H
#define SMIME_TOKEN_CONTENTS_H

#include "objects.h"

/* Reads the token's mechanisms, certificates and keys anew. On failure those of before stay. */
MUST_USE int contents_read(struct token *token);

/* Reads again which private keys there are, after the login state changed. The caller holds the
 * token's login_lock alone. */
MUST_USE int contents_read_keys(struct token *token);

void contents_free(struct key *keys);

#endif
