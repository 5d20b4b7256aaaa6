/* SPDX-License-Identifier: ISC
 *
 * The module's connections to the agent: one for the list of keys, more while several threads use keys
 * at once. The caller holds the module's lock; it is let go while the agent works on a key.
 */
#ifndef SMIME_PKCS11_AGENT_H
#define SMIME_PKCS11_AGENT_H

#include "messages.h"
#include "module.h"
#include "secret.h"

/* What is asked of a key: the fields of key_op but for the key, which is a handle of keyring.h. */
struct agent_request {
	enum message_type type; /* MSG_SIGN, MSG_DECRYPT, MSG_DERIVE */
	CK_OBJECT_HANDLE key;
	enum mechanism mechanism;
	enum hash hash, mgf;
	CK_ULONG salt;
	struct view label; /* OAEP */
	struct view data;
	const struct secret *pin; /* of a key that wants it at each use; or NULL */
};

/* Asks, and appends what comes back. Where the agent was restarted or the token came back, asks once
 * more. */
CK_RV agent_ask(const struct agent_request *request, struct buf *into);

/* Has the list of tokens and keys as the agent has it; `look` has the agent look for new tokens first.
 * Costs no more than a look at the socket while nothing changed. An agent that is not there and cannot
 * be started has no tokens. */
void agent_refresh(bool look);

struct slot;

/* Logs in to the token in the slot. pin NULL: the agent asks. ERR_*, 0. */
MUST_USE int agent_login(const struct slot *slot, const unsigned char *pin, CK_ULONG length);

/* Closes the connections; those in use, once they are not. */
void agent_end(void);
/* In a forked process: they were the parent's. */
void agent_abandon(void);

#endif
