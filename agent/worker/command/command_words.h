/* SPDX-License-Identifier: ISC
 *
 * The commands' words (docs/PROTOCOL.md), made into requests: a line in, a struct or an error out, and nothing else. What the
 * line does not say stays as it is. Texts are borrowed from the line, which is cut into words.
 */
#ifndef SMIME_WORKER_COMMAND_WORDS_H
#define SMIME_WORKER_COMMAND_WORDS_H

#include "cert_name.h"
#include "decrypt_request.h"
#include "encrypt_request.h"
#include "sign_request.h"
#include "verify_request.h"

/* ERR_USAGE for a word that the command does not know; ERR_NOT_SUPPORTED for a cipher that may not be used. */
MUST_USE int command_words_sign(char *line, struct sign_request *request);
MUST_USE int command_words_encrypt(char *line, struct encrypt_request *request);
MUST_USE int command_words_decrypt(char *line, struct decrypt_request *request);

/* VERIFY: the request, and in which form its report is wanted; at most one of the two. */
struct verify_words {
	struct verify_request request;
	bool text, json;
};
MUST_USE int command_words_verify(char *line, struct verify_words *words);

/* CERTS. */
enum certs_verb {
	CERTS_LIST,
	CERTS_SHOW,
	CERTS_EXPIRING,
	CERTS_IMPORT,
	CERTS_EXPORT,
	CERTS_REMOVE,
	CERTS_EXTRACT,
	CERTS_ADDRESSES,
};
enum certs_format { CERTS_PEM, CERTS_DER, CERTS_P7 };
struct certs_words {
	enum certs_verb verb;
	bool json, all, signers, addresses;
	enum certs_format format;
	bool named;
	struct cert_name name; /* an address, the start of a fingerprint, or a part of any name */
};
/* ERR_USAGE also for a name where the verb has none, and for none where it needs one. */
MUST_USE int command_words_certs(char *line, struct certs_words *words);

#endif
