/* SPDX-License-Identifier: ISC
 *
 * The private-key operations: from a request to the PKCS#11 calls and back.
 */
#ifndef SMIME_TOKEN_OPERATION_H
#define SMIME_TOKEN_OPERATION_H

#include "messages.h"
#include "objects.h"

/* More than an RSA-16384 block or any shared secret. */
#define OPERATION_OUTPUT_MAX 2048

struct operation_result {
	uint8_t data[OPERATION_OUTPUT_MAX];
	CK_ULONG length;
	enum result_form form;
	CK_RV rv; /* of the call that failed, for the log and the RESULT's detail */
};

/* Each borrows a session, does the calls, and repeats them once on a new session where the old one
 * was lost. Errors: module_error's; ERR_NOT_LOGGED_IN; ERR_PIN_NEEDED for a key that wants its PIN
 * at each use and came without; ERR_MECHANISM; ERR_KEY_UNUSABLE. The caller wipes the result. */
MUST_USE int operation_sign(struct token *token, const struct key *key,
			    const struct msg_key_op *request, struct operation_result *result);
MUST_USE int operation_decrypt(struct token *token, const struct key *key,
			       const struct msg_key_op *request, struct operation_result *result);
MUST_USE int operation_derive(struct token *token, const struct key *key,
			      const struct msg_key_op *request, struct operation_result *result);

#endif
