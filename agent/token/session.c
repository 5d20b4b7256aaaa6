/* SPDX-License-Identifier: ISC
 *
 * The sessions of a token. SoftHSM forgets the login when the last session closes, and closing it
 * races with opening another one; the anchor session rules both out.
 */
#include "session.h"

#include "log.h"
#include "module.h"

#include <stdatomic.h>
#include <stdint.h>

static atomic_uint losses;

void session_noted_loss(void)
{
	atomic_fetch_add(&losses, 1);
}

bool session_is_ours(const struct session_pool *pool, CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;

	if (session && module->C_GetSessionInfo(session, &info) == CKR_OK && info.slotID == pool->shown)
		return true;
	session_noted_loss();
	return false;
}

/* Not another slot's, which has its handle now. */
static void close_session(const struct session_pool *pool, CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;
	CK_RV rv = module->C_GetSessionInfo(session, &info);

	if (rv == CKR_OK ? info.slotID == pool->shown : !module_session_lost(rv))
		module->C_CloseSession(session);
}

/* CK_UNAVAILABLE_INFORMATION and CK_EFFECTIVELY_INFINITE both mean no limit to keep to. */
static unsigned int pool_limit(CK_ULONG token_limit)
{
	if (token_limit == CK_UNAVAILABLE_INFORMATION || token_limit == CK_EFFECTIVELY_INFINITE)
		return SESSION_POOL_MAX;
	if (token_limit <= 2)
		return 1;
	return token_limit - 1 < SESSION_POOL_MAX ? (unsigned int)token_limit - 1 : SESSION_POOL_MAX;
}

int session_pool_init(struct session_pool *pool, CK_SLOT_ID slot, CK_ULONG token_limit)
{
	CK_SESSION_INFO info;
	CK_RV rv;

	*pool = (struct session_pool){
		.slot = slot, .shown = slot, .limit = pool_limit(token_limit), .losses = atomic_load(&losses)};
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->returned, NULL);
	rv = module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &pool->anchor);
	if (rv != CKR_OK) {
		pool->anchor = 0;
		log_warn("slot %lu: C_OpenSession: %s", slot, p11_kit_strerror(rv));
		return module_error(rv);
	}
	if (module->C_GetSessionInfo(pool->anchor, &info) == CKR_OK)
		pool->shown = info.slotID;
	return 0;
}

void session_pool_done(struct session_pool *pool)
{
	for (unsigned int i = 0; i < pool->idle_count; i++)
		close_session(pool, pool->idle[i]);
	close_session(pool, pool->anchor);
	pool->idle_count = pool->open_count = 0;
	pool->anchor = 0;
	pthread_mutex_destroy(&pool->mutex);
	pthread_cond_destroy(&pool->returned);
}

/* The new anchor comes before the old one goes, so that a login stays; the idle ones make room for it. */
int session_pool_renew(struct session_pool *pool)
{
	CK_SESSION_HANDLE fresh;
	CK_RV rv;

	while (pool->idle_count) {
		close_session(pool, pool->idle[--pool->idle_count]);
		pool->open_count--;
	}
	rv = module->C_OpenSession(pool->slot, CKF_SERIAL_SESSION, NULL, NULL, &fresh);
	if (rv != CKR_OK)
		return module_error(rv);
	if (fresh != pool->anchor) /* a module that lost the anchor may give its handle to the new session */
		close_session(pool, pool->anchor);
	pool->anchor = fresh;
	return 0;
}

/* The module lost a session and gave its handle to this one: there is one less than is counted. */
static void forget_namesake(struct session_pool *pool, CK_SESSION_HANDLE session)
{
	pthread_mutex_lock(&pool->mutex);
	for (unsigned int i = 0; i < pool->idle_count; i++)
		if (pool->idle[i] == session) {
			pool->idle[i] = pool->idle[--pool->idle_count];
			pool->open_count--;
			session_noted_loss();
			break;
		}
	pthread_mutex_unlock(&pool->mutex);
}

static int open_another(struct session_pool *pool, CK_SESSION_HANDLE *ret_session)
{
	CK_RV rv = module->C_OpenSession(pool->slot, CKF_SERIAL_SESSION, NULL, NULL, ret_session);

	if (rv == CKR_OK && *ret_session == pool->anchor) {
		/* The anchor was lost, and this is the new one: what is lent may be closed. */
		session_noted_loss();
		rv = module->C_OpenSession(pool->slot, CKF_SERIAL_SESSION, NULL, NULL, ret_session);
	}
	if (rv == CKR_OK) {
		forget_namesake(pool, *ret_session);
		return 0;
	}
	pthread_mutex_lock(&pool->mutex);
	pool->open_count--;
	/* The token has fewer sessions than it said: keep to what it has. */
	if (rv == CKR_SESSION_COUNT && pool->open_count)
		pool->limit = pool->open_count;
	pthread_cond_signal(&pool->returned);
	pthread_mutex_unlock(&pool->mutex);
	return rv == CKR_SESSION_COUNT ? ERR_BUSY : module_error(rv);
}

/* After a loss: those that may be used on. */
static void check_idle(struct session_pool *pool)
{
	unsigned int now = atomic_load(&losses), kept = 0;

	if (pool->losses == now)
		return;
	pool->losses = now;
	for (unsigned int i = 0; i < pool->idle_count; i++)
		if (session_is_ours(pool, pool->idle[i]))
			pool->idle[kept++] = pool->idle[i];
	pool->open_count -= pool->idle_count - kept;
	pool->idle_count = kept;
}

static int borrow_once(struct session_pool *pool, CK_SESSION_HANDLE *ret_session)
{
	pthread_mutex_lock(&pool->mutex);
	while (!pool->idle_count && pool->open_count >= pool->limit)
		pthread_cond_wait(&pool->returned, &pool->mutex);
	check_idle(pool);
	if (pool->idle_count) {
		*ret_session = pool->idle[--pool->idle_count];
		pthread_mutex_unlock(&pool->mutex);
		return 0;
	}
	pool->open_count++;
	pthread_mutex_unlock(&pool->mutex);
	return open_another(pool, ret_session);
}

int session_borrow(struct session_pool *pool, CK_SESSION_HANDLE *ret_session)
{
	int rc = borrow_once(pool, ret_session);

	/* After ERR_BUSY the limit is what the token really has: wait for one of those. */
	return rc == ERR_BUSY ? borrow_once(pool, ret_session) : rc;
}

void session_return(struct session_pool *pool, CK_SESSION_HANDLE session, bool reusable)
{
	if (!reusable)
		close_session(pool, session);
	pthread_mutex_lock(&pool->mutex);
	if (reusable)
		pool->idle[pool->idle_count++] = session;
	else
		pool->open_count--;
	pthread_cond_signal(&pool->returned);
	pthread_mutex_unlock(&pool->mutex);
}

int session_login(struct session_pool *pool, const unsigned char *pin, CK_ULONG length)
{
	CK_RV rv;

	if (!session_is_ours(pool, pool->anchor)) {
		log_info("slot %lu: its sessions are lost, and no PIN is sent", pool->slot);
		return ERR_TOKEN;
	}
	rv = module->C_Login(pool->anchor, CKU_USER, (unsigned char *)(uintptr_t)pin, length);
	/* It says so without having looked at the PIN: a wrong one would be taken for right. */
	if (rv == CKR_USER_ALREADY_LOGGED_IN && module->C_Logout(pool->anchor) == CKR_OK)
		rv = module->C_Login(pool->anchor, CKU_USER, (unsigned char *)(uintptr_t)pin, length);
	if (rv != CKR_OK)
		log_info("slot %lu: C_Login: %s", pool->slot, p11_kit_strerror(rv));
	return module_error(rv);
}

int session_logout(struct session_pool *pool)
{
	CK_RV rv = module->C_Logout(pool->anchor);

	return rv == CKR_USER_NOT_LOGGED_IN ? 0 : module_error(rv);
}

bool session_logged_in(const struct session_pool *pool)
{
	CK_SESSION_INFO info;

	if (!pool->anchor || module->C_GetSessionInfo(pool->anchor, &info) != CKR_OK || info.slotID != pool->shown)
		return false;
	return info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
}
