/* SPDX-License-Identifier: ISC
 *
 * C_OpenSession to C_Logout. A token's login is the agent's and outlives any program's; what a program
 * says with C_Login and C_Logout is its own state.
 */
#include "session.h"

#include "agent.h"
#include "functions.h"
#include "operation.h"
#include "secret_key.h"
#include "vendor.h"

#include <stdlib.h>
#include <string.h>

/* A handle is a place in the table, and how many sessions there were before, so that a stale one is known. */
#define PLACE_BITS 20
#define PLACES_MAX (1ul << PLACE_BITS)

static struct session **sessions;
static size_t place_count, first_free;
static CK_ULONG opened; /* also in earlier lives of the module */

struct session *session_find(CK_SESSION_HANDLE handle)
{
	size_t place = handle & (PLACES_MAX - 1);
	struct session *session = place < place_count ? sessions[place] : NULL;

	return session && session->handle == handle ? session : NULL;
}

CK_RV session_enter(CK_SESSION_HANDLE handle, bool refresh, struct session **ret_session)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (refresh)
		agent_refresh(false);
	*ret_session = session_find(handle);
	return *ret_session ? CKR_OK : module_leave(CKR_SESSION_HANDLE_INVALID);
}

static bool add_places(void)
{
	size_t more = place_count ? 2 * place_count : 16;
	struct session **new_sessions = more <= PLACES_MAX ? realloc(sessions, more * sizeof *sessions) : NULL;

	if (!new_sessions)
		return false;
	sessions = new_sessions;
	for (size_t i = place_count; i < more; i++)
		sessions[i] = NULL;
	place_count = more;
	return true;
}

static struct session *session_new(struct slot *slot, CK_FLAGS flags)
{
	struct session *session;

	while (first_free < place_count && sessions[first_free])
		first_free++;
	if (first_free == place_count && !add_places())
		return NULL;
	session = calloc(1, sizeof *session);
	if (!session)
		return NULL;
	session->handle = ++opened << PLACE_BITS | first_free;
	session->slot = slot;
	session->flags = flags;
	sessions[first_free] = session;
	return session;
}

void search_end(struct search *search)
{
	free(search->found);
	*search = (struct search){0};
}

static void session_free(struct session *session)
{
	size_t place = session->handle & (PLACES_MAX - 1);

	search_end(&session->search);
	operation_free(session->sign);
	operation_free(session->decrypt);
	secret_keys_end_session(session->handle);
	sessions[place] = NULL;
	if (place < first_free)
		first_free = place;
	free(session);
}

static bool slot_has_sessions(const struct slot *slot)
{
	for (size_t i = 0; i < place_count; i++)
		if (sessions[i] && sessions[i]->slot == slot)
			return true;
	return false;
}

/* A session that is not for writing. */
static bool has_reader(const struct slot *slot)
{
	for (size_t i = 0; i < place_count; i++)
		if (sessions[i] && sessions[i]->slot == slot && !(sessions[i]->flags & CKF_RW_SESSION))
			return true;
	return false;
}

static void close_session(struct session *session)
{
	struct slot *slot = session->slot;

	session_free(session);
	/* PKCS#11 2.40 section 5.6: with its last session a program is logged out. */
	if (!slot_has_sessions(slot))
		slot->logged_in = false;
}

static void close_all(const struct slot *slot)
{
	for (size_t i = 0; i < place_count; i++)
		if (sessions[i] && (!slot || sessions[i]->slot == slot))
			close_session(sessions[i]);
}

void sessions_end(void)
{
	close_all(NULL);
	free(sessions);
	sessions_abandon();
}

void sessions_abandon(void)
{
	sessions = NULL;
	place_count = first_free = 0;
}

static struct operation **place_of(CK_SESSION_HANDLE handle, bool decrypt)
{
	struct session *session = session_find(handle);

	if (!session)
		return NULL;
	return decrypt ? &session->decrypt : &session->sign;
}

CK_RV session_take(CK_SESSION_HANDLE handle, bool decrypt, struct operation **ret_operation)
{
	CK_RV rv = module_enter();
	struct operation **place = rv == CKR_OK ? place_of(handle, decrypt) : NULL;

	if (rv != CKR_OK)
		return rv;
	if (!place || !*place)
		return module_leave(place ? CKR_OPERATION_NOT_INITIALIZED : CKR_SESSION_HANDLE_INVALID);
	*ret_operation = TAKE(*place);
	return CKR_OK;
}

void session_put_back(CK_SESSION_HANDLE handle, bool decrypt, struct operation *operation)
{
	struct operation **place = place_of(handle, decrypt);

	if (place && !*place)
		*place = operation;
	else
		operation_free(operation);
}

CK_RV p11_open_session(CK_SLOT_ID id, CK_FLAGS flags, void *application, CK_NOTIFY notify,
		       CK_SESSION_HANDLE *ret_handle)
{
	struct session *session;
	struct slot *slot;
	CK_RV rv = module_enter();

	(void)application;
	(void)notify;
	if (rv != CKR_OK)
		return rv;
	if (!ret_handle)
		return module_leave(CKR_ARGUMENTS_BAD);
	agent_refresh(false);
	slot = keyring_slot(id);
	if (!slot)
		return module_leave(CKR_SLOT_ID_INVALID);
	if (!(flags & CKF_SERIAL_SESSION))
		return module_leave(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	if (!slot->present)
		return module_leave(CKR_TOKEN_NOT_PRESENT);
	session = session_new(slot, flags & (CKF_SERIAL_SESSION | CKF_RW_SESSION));
	if (session)
		*ret_handle = session->handle;
	return module_leave(session ? CKR_OK : CKR_HOST_MEMORY);
}

CK_RV p11_close_session(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	close_session(session);
	return module_leave(CKR_OK);
}

CK_RV p11_close_all_sessions(CK_SLOT_ID id)
{
	struct slot *slot;
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	agent_refresh(false);
	slot = keyring_slot(id);
	if (slot)
		close_all(slot);
	return module_leave(slot ? CKR_OK : CKR_SLOT_ID_INVALID);
}

CK_RV p11_get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	struct session *session;
	bool writes;
	CK_RV rv = session_enter(handle, true, &session);

	if (rv != CKR_OK)
		return rv;
	if (!info)
		return module_leave(CKR_ARGUMENTS_BAD);
	if (!session->slot->present)
		return module_leave(CKR_DEVICE_REMOVED);
	writes = session->flags & CKF_RW_SESSION;
	info->slotID = session->slot->id;
	info->flags = session->flags;
	info->ulDeviceError = 0;
	if (session->slot->logged_in)
		info->state = writes ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
	else
		info->state = writes ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
	return module_leave(CKR_OK);
}

/* A key that wants its PIN at each use: kept until the operation, and sent with it. */
static CK_RV context_login(struct session *session, const unsigned char *pin, CK_ULONG length)
{
	struct operation *operation = session->sign ? session->sign : session->decrypt;

	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	return operation_set_pin(operation, (struct view){pin, pin ? length : 0});
}

static CK_RV user_login(struct session *session, const unsigned char *pin, CK_ULONG length)
{
	CK_SESSION_HANDLE handle = session->handle;
	struct slot *slot = session->slot;
	int rc;

	if (slot->logged_in)
		return CKR_USER_ALREADY_LOGGED_IN;
	if (!slot->present)
		return CKR_DEVICE_REMOVED;
	rc = slot->flags & TOKEN_LOGIN_REQUIRED ? agent_login(slot, pin, length) : 0;
	if (rc)
		return module_rv(rc);
	session = session_find(handle);
	if (!session)
		return CKR_SESSION_CLOSED;
	session->slot->logged_in = true;
	return CKR_OK;
}

CK_RV p11_login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, unsigned char *pin, CK_ULONG length)
{
	struct session *session;
	CK_RV rv = session_enter(handle, true, &session);

	if (rv != CKR_OK)
		return rv;
	if (!pin && length)
		return module_leave(CKR_ARGUMENTS_BAD);
	if (pin && !length)
		return module_leave(CKR_PIN_LEN_RANGE);
	if (user == CKU_USER)
		return module_leave(user_login(session, pin, length));
	if (user == CKU_CONTEXT_SPECIFIC)
		return module_leave(context_login(session, pin, length));
	/* Nobody administers a token through here. */
	return module_leave(user == CKU_SO && has_reader(session->slot) ? CKR_SESSION_READ_ONLY_EXISTS
									 : CKR_USER_TYPE_INVALID);
}

CK_RV p11_logout(CK_SESSION_HANDLE handle)
{
	struct session *session;
	bool was;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	was = session->slot->logged_in;
	session->slot->logged_in = false;
	return module_leave(was ? CKR_OK : CKR_USER_NOT_LOGGED_IN);
}

CK_RV p11_session_cancel(CK_SESSION_HANDLE handle, CK_FLAGS flags)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	if (flags & CKF_SIGN)
		operation_free(TAKE(session->sign));
	if (flags & CKF_DECRYPT)
		operation_free(TAKE(session->decrypt));
	if (flags & CKF_FIND_OBJECTS)
		search_end(&session->search);
	return module_leave(CKR_OK);
}
