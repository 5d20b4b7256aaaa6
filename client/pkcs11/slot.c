/* SPDX-License-Identifier: ISC
 *
 * Slots and tokens: what C_GetSlotList to C_GetMechanismInfo say, and C_GenerateRandom. Tokens say that
 * they need no login: no program asks for a PIN, the agent does.
 */
#include "agent.h"
#include "functions.h"
#include "mechanism.h"
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define MANUFACTURER "smime-agent"

static CK_RV list_slots(bool present, CK_SLOT_ID *into, CK_ULONG *count)
{
	CK_ULONG room = into ? *count : 0, found = 0;

	for (const struct slot *slot = keyring_slots(); slot; slot = slot->next) {
		if (present && !slot->present)
			continue;
		if (into && found < room)
			into[found] = slot->id;
		found++;
	}
	*count = found;
	return into && found > room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV p11_get_slot_list(CK_BBOOL present, CK_SLOT_ID *into, CK_ULONG *count)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (!count)
		return module_leave(CKR_ARGUMENTS_BAD);
	/* Who asks how many there are wants to know of new ones. */
	agent_refresh(!into);
	return module_leave(list_slots(present, into, count));
}

static void pad(unsigned char *field, size_t size, const char *text)
{
	memset(field, ' ', size);
	memcpy(field, text, strnlen(text, size));
}

static CK_RV find_slot(CK_SLOT_ID id, const void *into, struct slot **ret_slot)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (!into)
		return module_leave(CKR_ARGUMENTS_BAD);
	agent_refresh(false);
	*ret_slot = keyring_slot(id);
	return *ret_slot ? CKR_OK : module_leave(CKR_SLOT_ID_INVALID);
}

CK_RV p11_get_slot_info(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
	struct slot *slot;
	CK_RV rv = find_slot(id, info, &slot);

	if (rv != CKR_OK)
		return rv;
	memset(info, 0, sizeof *info);
	pad(info->slotDescription, sizeof info->slotDescription,
	    slot->empty ? "S/MIME agent (for a token to come)" : slot->label);
	pad(info->manufacturerID, sizeof info->manufacturerID, MANUFACTURER);
	info->flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT | (slot->present ? CKF_TOKEN_PRESENT : 0);
	return module_leave(CKR_OK);
}

static CK_FLAGS token_flags(const struct slot *slot)
{
	CK_FLAGS flags = CKF_RNG | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED | CKF_WRITE_PROTECTED;

	if (slot->flags & TOKEN_PIN_COUNT_LOW)
		flags |= CKF_USER_PIN_COUNT_LOW;
	if (slot->flags & TOKEN_PIN_FINAL_TRY)
		flags |= CKF_USER_PIN_FINAL_TRY;
	if (slot->flags & TOKEN_PIN_LOCKED)
		flags |= CKF_USER_PIN_LOCKED;
	return flags;
}

CK_RV p11_get_token_info(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	struct slot *slot;
	CK_RV rv = find_slot(id, info, &slot);

	if (rv != CKR_OK)
		return rv;
	if (!slot->present)
		return module_leave(CKR_TOKEN_NOT_PRESENT);
	memset(info, 0, sizeof *info);
	pad(info->label, sizeof info->label, slot->label);
	pad(info->manufacturerID, sizeof info->manufacturerID, slot->manufacturer);
	pad(info->model, sizeof info->model, slot->model);
	pad(info->serialNumber, sizeof info->serialNumber, slot->serial);
	pad(info->utcTime, sizeof info->utcTime, "");
	info->flags = token_flags(slot);
	info->ulMaxSessionCount = info->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
	info->ulSessionCount = info->ulRwSessionCount = CK_UNAVAILABLE_INFORMATION;
	info->ulMaxPinLen = 255;
	info->ulTotalPublicMemory = info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulTotalPrivateMemory = info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
	return module_leave(CKR_OK);
}

CK_RV p11_get_mechanism_list(CK_SLOT_ID id, CK_MECHANISM_TYPE *into, CK_ULONG *count)
{
	const struct mechanism_row *row;
	CK_ULONG room, found = 0;
	struct slot *slot;
	size_t at = 0;
	CK_RV rv = find_slot(id, count, &slot);

	if (rv != CKR_OK)
		return rv;
	if (!slot->present)
		return module_leave(CKR_TOKEN_NOT_PRESENT);
	for (room = into ? *count : 0; (row = mechanism_next(slot, &at)); found++)
		if (into && found < room)
			into[found] = row->type;
	*count = found;
	return module_leave(into && found > room ? CKR_BUFFER_TOO_SMALL : CKR_OK);
}

CK_RV p11_get_mechanism_info(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	const struct mechanism_row *row;
	struct slot *slot;
	CK_RV rv = find_slot(id, info, &slot);

	if (rv != CKR_OK)
		return rv;
	if (!slot->present)
		return module_leave(CKR_TOKEN_NOT_PRESENT);
	row = mechanism_find(slot, type, 0);
	if (!row)
		return module_leave(CKR_MECHANISM_INVALID);
	info->ulMinKeySize = row->smallest;
	info->ulMaxKeySize = row->largest;
	info->flags = row->flags | (row->token ? CKF_HW : 0);
	if (row->key == KEY_EC)
		info->flags |= CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS;
	return module_leave(CKR_OK);
}

/* Waiting would need a thread of our own in the program; programs then ask now and again. */
CK_RV p11_wait_for_slot_event(CK_FLAGS flags, CK_SLOT_ID *ret_id, void *reserved)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (!ret_id || reserved)
		return module_leave(CKR_ARGUMENTS_BAD);
	if (!(flags & CKF_DONT_BLOCK))
		return module_leave(CKR_FUNCTION_NOT_SUPPORTED);
	agent_refresh(false);
	for (struct slot *slot = keyring_slots(); slot; slot = slot->next)
		if (slot->event) {
			slot->event = false;
			*ret_id = slot->id;
			return module_leave(CKR_OK);
		}
	return module_leave(CKR_NO_EVENT);
}

CK_RV p11_init_token(CK_SLOT_ID id, unsigned char *pin, CK_ULONG length, unsigned char *label)
{
	struct slot *slot;
	CK_RV rv = find_slot(id, label, &slot);

	(void)pin;
	(void)length;
	return rv == CKR_OK ? module_leave(CKR_TOKEN_WRITE_PROTECTED) : rv;
}

static CK_RV refuse_pin(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	return rv == CKR_OK ? module_leave(CKR_TOKEN_WRITE_PROTECTED) : rv;
}

CK_RV p11_init_pin(CK_SESSION_HANDLE handle, unsigned char *pin, CK_ULONG length)
{
	(void)pin;
	(void)length;
	return refuse_pin(handle);
}

CK_RV p11_set_pin(CK_SESSION_HANDLE handle, unsigned char *old_pin, CK_ULONG old_length, unsigned char *new_pin,
		  CK_ULONG new_length)
{
	(void)old_pin;
	(void)old_length;
	(void)new_pin;
	(void)new_length;
	return refuse_pin(handle);
}

/* The kernel's are as good as a card's, and more. */
static CK_RV fill_random(unsigned char *into, CK_ULONG length)
{
	while (length) {
		ssize_t got = getrandom(into, length, 0);

		if (got < 0 && errno != EINTR)
			return CKR_FUNCTION_FAILED;
		into += got > 0 ? got : 0;
		length -= got > 0 ? (CK_ULONG)got : 0;
	}
	return CKR_OK;
}

CK_RV p11_generate_random(CK_SESSION_HANDLE handle, unsigned char *into, CK_ULONG length)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	return module_leave(into || !length ? fill_random(into, length) : CKR_ARGUMENTS_BAD);
}

CK_RV p11_seed_random(CK_SESSION_HANDLE handle, unsigned char *seed, CK_ULONG length)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	return module_leave(seed || !length ? CKR_RANDOM_SEED_NOT_SUPPORTED : CKR_ARGUMENTS_BAD);
}
