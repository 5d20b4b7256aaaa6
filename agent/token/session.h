/* SPDX-License-Identifier: ISC
 *
 * Sessions of one token: the anchor, which stays open and so keeps the login, and a bounded pool
 * for operations that run side by side.
 */
#ifndef SMIME_TOKEN_SESSION_H
#define SMIME_TOKEN_SESSION_H

#include "error.h"

#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>

/* Beyond the number of threads of the token process more sessions would never be used. */
#define SESSION_POOL_MAX 8

struct session_pool {
	CK_SLOT_ID slot;
	CK_SLOT_ID shown; /* what the module says of the anchor: by this another slot's session is told apart */
	CK_SESSION_HANDLE anchor; /* 0: none */
	CK_SESSION_HANDLE idle[SESSION_POOL_MAX];
	unsigned int idle_count;
	unsigned int open_count; /* idle or borrowed */
	unsigned int limit;
	unsigned int losses; /* the process's, when the idle ones were known to be this slot's */
	pthread_mutex_t mutex;
	pthread_cond_t returned;
};

/* Opens the anchor. `token_limit` is the token's ulMaxSessionCount. */
MUST_USE int session_pool_init(struct session_pool *pool, CK_SLOT_ID slot, CK_ULONG token_limit);
/* Closes every session of the pool. None may be borrowed. */
void session_pool_done(struct session_pool *pool);

/* Another anchor, where the one there was is of no use any more. No session may be borrowed. */
MUST_USE int session_pool_renew(struct session_pool *pool);

/* Borrows a session; waits while all are borrowed. ERR_TOKEN_REMOVED and so on if one cannot be
 * opened. */
MUST_USE int session_borrow(struct session_pool *pool, CK_SESSION_HANDLE *ret_session);
/* Gives it back; `reusable` false closes it. */
void session_return(struct session_pool *pool, CK_SESSION_HANDLE session, bool reusable);

/* Whether the session is there, and one of this slot. A module that lost its sessions (a card was pulled, another
 * program reset it) may give their handles to new ones, of another slot: a PIN would go to that card. */
bool session_is_ours(const struct session_pool *pool, CK_SESSION_HANDLE session);
/* A call said that its session is not there: others may not be either, or may not be what they were. */
void session_noted_loss(void);

/* Logs in on the anchor. pin NULL is the reader's PIN pad. A login that there is already ends first, so
 * that success means that the PIN is right. */
MUST_USE int session_login(struct session_pool *pool, const unsigned char *pin, CK_ULONG length);
MUST_USE int session_logout(struct session_pool *pool);
/* Whether the token says that the user is logged in. */
bool session_logged_in(const struct session_pool *pool);

#endif
