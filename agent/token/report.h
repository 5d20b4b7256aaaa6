/* SPDX-License-Identifier: ISC
 *
 * Tokens and certificates as the broker hears of them.
 */
#ifndef SMIME_TOKEN_REPORT_H
#define SMIME_TOKEN_REPORT_H

#include "objects.h"

/* Calls back for every token, then each of its certificates; stops at a failure. */
typedef int (*token_callback)(void *context, const struct msg_token *token);
typedef int (*cert_callback)(void *context, const struct msg_cert *cert);
MUST_USE int report_all(token_callback token, cert_callback cert, void *context);

/* The same for one token. The caller holds objects_share for both, and no login_lock. */
MUST_USE int report_token(struct token *token, token_callback report,
				  cert_callback report_cert, void *context);

#endif
