/* SPDX-License-Identifier: ISC
 *
 * Sessions: they are this program's alone; the agent knows nothing of them. Used with the module's lock
 * held.
 */
#ifndef SMIME_PKCS11_SESSION_H
#define SMIME_PKCS11_SESSION_H

#include "keyring.h"
#include "module.h"
#include "secret.h"

struct operation;

/* What a search found, and how far it was read. */
struct search {
	bool going_on;
	CK_OBJECT_HANDLE *found;
	size_t count, at;
};

struct session {
	CK_SESSION_HANDLE handle;
	struct slot *slot;
	CK_FLAGS flags;
	struct search search;
	struct operation *sign, *decrypt;
};

struct session *session_find(CK_SESSION_HANDLE handle);
/* module_enter, and the session; `refresh`: after agent_refresh, in which the lock may be let go. On all but
 * CKR_OK the lock is not held: CKR_SESSION_HANDLE_INVALID, and module_enter's. */
MUST_USE CK_RV session_enter(CK_SESSION_HANDLE handle, bool refresh, struct session **ret_session);
/* module_enter, and takes out of the session what C_SignInit or C_DecryptInit began there. On all but CKR_OK the
 * lock is not held: CKR_SESSION_HANDLE_INVALID, CKR_OPERATION_NOT_INITIALIZED, and module_enter's. */
MUST_USE CK_RV session_take(CK_SESSION_HANDLE handle, bool decrypt, struct operation **ret_operation);
/* After the operation took place: the session, if it is still there and has none of its own since, has it back; else
 * it ends. */
void session_put_back(CK_SESSION_HANDLE handle, bool decrypt, struct operation *operation);

void search_end(struct search *search);
void sessions_end(void);
/* In a forked process: forgets without touching. */
void sessions_abandon(void);

#endif
