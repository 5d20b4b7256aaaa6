/* SPDX-License-Identifier: ISC
 *
 * smime-gpgsm: what GPGME and git find in gpgsm's place. It holds no key and no cryptography: it hands a
 * connection to the agent, which speaks gpgsm's dialect on it, or speaks that dialect itself for git.
 */
#ifndef SMIME_GPGSM_GPGSM_H
#define SMIME_GPGSM_GPGSM_H

#include "connection.h"

/* gpgsm's own status where something went wrong, beside 1 for a bad signature. */
enum gpgsm_exit { GPGSM_OK, GPGSM_NO, GPGSM_FAILED };

/* Has the agent, which is started if need be, serve this end of a socket in gpgsm's dialect; the caller
 * closes its own. The connection to the agent (on the caller's struct; closed by handover_end) lives as long
 * as that one. An error, with its sentence in agent->message. */
MUST_USE int handover_begin(smime_agent *agent, int fd);
/* Waits until the agent is done with it. */
void handover_wait(const smime_agent *agent);
void handover_end(smime_agent *agent);

/* Says on standard error what the agent said; GPGSM_FAILED. */
int gpgsm_failed(const smime_agent *agent, int rc);

/* --server: the connection that libassuan made, or standard input and output. The exit status. */
int server_run(void);

/* What the command line asks for. */
struct request {
	enum { NOTHING, SIGN, VERIFY, LIST_KEYS, LIST_SECRET_KEYS } what;
	bool detached, armor;
	int status_fd; /* -1 */
	const char *key, *output;
	char **files;
	int file_count;
};
int batch_run(const struct request *request);

#endif
