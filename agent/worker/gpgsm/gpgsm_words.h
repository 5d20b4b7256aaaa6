/* SPDX-License-Identifier: ISC
 *
 * The words of gpgsm's dialect, made into settings and requests: words in, a struct or an error out, and nothing else. What
 * the words do not say stays as it is.
 */
#ifndef SMIME_WORKER_GPGSM_WORDS_H
#define SMIME_WORKER_GPGSM_WORDS_H

#include "encrypt_request.h"
#include "gpgsm_name.h"
#include "list_request.h"
#include "sign_request.h"

/* What a client said for its next commands. */
struct gpgsm_state {
	enum armor_form output;
	bool with_secret, with_validation, offline, always_trust, to_output, not_to_self;
	long list_mode; /* 0 to 3 */
	int certs;	/* for sign_options */
};

/* An option of the terminal that a pinentry would have, in the agent's own words; or NULL. Borrowed. */
struct gpgsm_terminal {
	const char *name, *value;
};

/* OPTION NAME=VALUE: changes the state, or gives an option of the terminal. ERR_NOT_SUPPORTED for a name that is neither, nor
 * known to be without meaning here; ERR_USAGE for a bad value. */
MUST_USE int gpgsm_words_option(const char *name, const char *value, struct gpgsm_state *state,
				struct gpgsm_terminal *ret_terminal);

/* Whether an option is among the words of a line. */
bool gpgsm_words_have(const char *line, const char *option);

/* The form that the words behind "OUTPUT FD" ask for. */
enum armor_form gpgsm_words_form(const char *words);

void gpgsm_words_sign(const char *line, const struct gpgsm_state *state, struct sign_request *request);
void gpgsm_words_encrypt(const struct gpgsm_state *state, struct encrypt_request *request);

/* Of one line. */
#define GPGSM_NAMES_MAX 64
struct gpgsm_names {
	struct cert_name list[GPGSM_NAMES_MAX];
	unsigned int count;
};
/* The names of a line, which is cut into words, and the request for every certificate that they fit, which borrows them.
 * Options before the names are gpgsm's debugging aids. ERR_TOO_LARGE for too many, or one that is too long; ERR_USAGE for an
 * empty one. */
MUST_USE int gpgsm_words_list(char *line, struct gpgsm_names *ret_names, struct list_request *ret_request);

#endif
