/* SPDX-License-Identifier: ISC
 *
 * The module's doors: C_GetFunctionList (PKCS#11 2.40) and C_GetInterface (3.0), the only symbols that
 * it exports, and the tables that they give.
 */
#include "functions.h"

#include "interface.h"
#include "session.h"

#include <string.h>

#define PUBLIC __attribute__((visibility("default")))

/* What the module does not do. */
static CK_RV refuse_with(CK_SESSION_HANDLE handle, CK_RV answer)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	return rv == CKR_OK ? module_leave(answer) : rv;
}

static CK_RV refuse(CK_SESSION_HANDLE handle)
{
	return refuse_with(handle, CKR_FUNCTION_NOT_SUPPORTED);
}

/* What begins with a mechanism: there is none for that, as the list of mechanisms says. */
static CK_RV refuse_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism)
{
	return refuse_with(handle, mechanism ? CKR_MECHANISM_INVALID : CKR_ARGUMENTS_BAD);
}

static CK_RV refuse_key_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	(void)key;
	return refuse_init(handle, mechanism);
}

static CK_RV refuse_wrap(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
			 CK_OBJECT_HANDLE key, unsigned char *into, CK_ULONG *length)
{
	(void)into, (void)length, (void)wrapping;
	return refuse_key_init(handle, mechanism, key);
}

#define REFUSE(name, ...)                                                  \
	static CK_RV refuse_##name(CK_SESSION_HANDLE session, __VA_ARGS__) \
	{                                                                  \
		return refuse(session);                                    \
	}

/* Their parameters have names, since C before C23 wants them. */
#define UNUSED __attribute__((unused))
#define KEY(name) UNUSED CK_OBJECT_HANDLE name
#define BYTES(name) UNUSED unsigned char *name, UNUSED CK_ULONG name##_length
#define GIVES UNUSED unsigned char *result, UNUSED CK_ULONG *result_length
#define PARAMETER UNUSED void *parameter, UNUSED CK_ULONG parameter_length

REFUSE(part, BYTES(part))
REFUSE(part_and_result, BYTES(part), GIVES)
REFUSE(result, GIVES)
REFUSE(verify, BYTES(data), BYTES(signature))
REFUSE(digest_key, KEY(key))
REFUSE(set_state, BYTES(state), KEY(encryption_key), KEY(authentication_key))
REFUSE(login_user, UNUSED CK_USER_TYPE type, BYTES(pin), BYTES(name))
REFUSE(message, PARAMETER, BYTES(associated), BYTES(message), GIVES)
REFUSE(message_begin, PARAMETER, BYTES(associated))
REFUSE(message_next, PARAMETER, BYTES(part), GIVES, UNUSED CK_FLAGS flags)
REFUSE(sign_message, PARAMETER, BYTES(message), GIVES)
REFUSE(sign_message_begin, PARAMETER)
REFUSE(verify_message, PARAMETER, BYTES(message), BYTES(signature))

/* PKCS#11 2.40 section 5.15: there are no functions in parallel. */
static CK_RV not_parallel(CK_SESSION_HANDLE session)
{
	(void)session;
	return CKR_FUNCTION_NOT_PARALLEL;
}

#define FUNCTIONS(get_info)                                                                          \
	.C_Initialize = p11_initialize, .C_Finalize = p11_finalize, .C_GetInfo = get_info,           \
	.C_GetFunctionList = C_GetFunctionList, .C_GetSlotList = p11_get_slot_list,                  \
	.C_GetSlotInfo = p11_get_slot_info, .C_GetTokenInfo = p11_get_token_info,                    \
	.C_GetMechanismList = p11_get_mechanism_list, .C_GetMechanismInfo = p11_get_mechanism_info,  \
	.C_InitToken = p11_init_token, .C_InitPIN = p11_init_pin, .C_SetPIN = p11_set_pin,           \
	.C_OpenSession = p11_open_session, .C_CloseSession = p11_close_session,                      \
	.C_CloseAllSessions = p11_close_all_sessions, .C_GetSessionInfo = p11_get_session_info,      \
	.C_GetOperationState = refuse_result, .C_SetOperationState = refuse_set_state,               \
	.C_Login = p11_login, .C_Logout = p11_logout, .C_CreateObject = p11_create_object,           \
	.C_CopyObject = p11_copy_object, .C_DestroyObject = p11_destroy_object,                      \
	.C_GetObjectSize = p11_get_object_size, .C_GetAttributeValue = p11_get_attribute_value,      \
	.C_SetAttributeValue = p11_set_attribute_value, .C_FindObjectsInit = p11_find_objects_init,  \
	.C_FindObjects = p11_find_objects, .C_FindObjectsFinal = p11_find_objects_final,             \
	.C_EncryptInit = refuse_key_init, .C_Encrypt = refuse_part_and_result,                       \
	.C_EncryptUpdate = refuse_part_and_result, .C_EncryptFinal = refuse_result,                  \
	.C_DecryptInit = p11_decrypt_init, .C_Decrypt = p11_decrypt,                                 \
	.C_DecryptUpdate = p11_decrypt_update, .C_DecryptFinal = p11_decrypt_final,                  \
	.C_DigestInit = refuse_init, .C_Digest = refuse_part_and_result,                             \
	.C_DigestUpdate = refuse_part, .C_DigestKey = refuse_digest_key,                             \
	.C_DigestFinal = refuse_result, .C_SignInit = p11_sign_init, .C_Sign = p11_sign,             \
	.C_SignUpdate = p11_sign_update, .C_SignFinal = p11_sign_final,                              \
	.C_SignRecoverInit = refuse_key_init, .C_SignRecover = refuse_part_and_result,               \
	.C_VerifyInit = refuse_key_init, .C_Verify = refuse_verify, .C_VerifyUpdate = refuse_part,   \
	.C_VerifyFinal = refuse_part, .C_VerifyRecoverInit = refuse_key_init,                        \
	.C_VerifyRecover = refuse_part_and_result, .C_DigestEncryptUpdate = refuse_part_and_result,  \
	.C_DecryptDigestUpdate = refuse_part_and_result,                                             \
	.C_SignEncryptUpdate = refuse_part_and_result,                                               \
	.C_DecryptVerifyUpdate = refuse_part_and_result, .C_GenerateKey = p11_generate_key,          \
	.C_GenerateKeyPair = p11_generate_key_pair, .C_WrapKey = refuse_wrap,                        \
	.C_UnwrapKey = p11_unwrap_key, .C_DeriveKey = p11_derive_key,                                \
	.C_SeedRandom = p11_seed_random, .C_GenerateRandom = p11_generate_random,                    \
	.C_GetFunctionStatus = not_parallel, .C_CancelFunction = not_parallel,                       \
	.C_WaitForSlotEvent = p11_wait_for_slot_event

static CK_FUNCTION_LIST functions = {.version = {2, 40}, FUNCTIONS(p11_get_info)};

static struct interface_functions functions_3 = {
	.base = {.version = {3, 0}, FUNCTIONS(p11_get_info_3)},
	.C_GetInterfaceList = C_GetInterfaceList,
	.C_GetInterface = C_GetInterface,
	.C_LoginUser = refuse_login_user,
	.C_SessionCancel = p11_session_cancel,
	.C_MessageEncryptInit = refuse_key_init,
	.C_EncryptMessage = refuse_message,
	.C_EncryptMessageBegin = refuse_message_begin,
	.C_EncryptMessageNext = refuse_message_next,
	.C_MessageEncryptFinal = refuse,
	.C_MessageDecryptInit = refuse_key_init,
	.C_DecryptMessage = refuse_message,
	.C_DecryptMessageBegin = refuse_message_begin,
	.C_DecryptMessageNext = refuse_message_next,
	.C_MessageDecryptFinal = refuse,
	.C_MessageSignInit = refuse_key_init,
	.C_SignMessage = refuse_sign_message,
	.C_SignMessageBegin = refuse_sign_message_begin,
	.C_SignMessageNext = refuse_sign_message,
	.C_MessageSignFinal = refuse,
	.C_MessageVerifyInit = refuse_key_init,
	.C_VerifyMessage = refuse_verify_message,
	.C_VerifyMessageBegin = refuse_sign_message_begin,
	.C_VerifyMessageNext = refuse_verify_message,
	.C_MessageVerifyFinal = refuse,
};

static char interface_name[] = "PKCS 11";
/* The best first. */
static CK_INTERFACE interfaces[] = {
	{interface_name, &functions_3, 0},
	{interface_name, &functions, 0},
};
#define INTERFACES (sizeof interfaces / sizeof interfaces[0])

PUBLIC CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list)
{
	if (!ret_list)
		return CKR_ARGUMENTS_BAD;
	*ret_list = &functions;
	return CKR_OK;
}

PUBLIC CK_RV C_GetInterfaceList(CK_INTERFACE *into, CK_ULONG *count)
{
	CK_ULONG room;

	if (!count)
		return CKR_ARGUMENTS_BAD;
	room = into ? *count : 0;
	*count = INTERFACES;
	if (!into)
		return CKR_OK;
	if (room < INTERFACES)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(into, interfaces, sizeof interfaces);
	return CKR_OK;
}

PUBLIC CK_RV C_GetInterface(unsigned char *name, CK_VERSION *version, CK_INTERFACE **ret_interface, CK_FLAGS flags)
{
	if (!ret_interface)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 0; i < INTERFACES; i++) {
		const CK_VERSION *has = interfaces[i].pFunctionList; /* every list begins with its version */

		if (name && strcmp((const char *)name, interfaces[i].pInterfaceName))
			continue;
		if (version && (version->major != has->major || version->minor != has->minor))
			continue;
		if ((interfaces[i].flags & flags) != flags)
			continue;
		*ret_interface = &interfaces[i];
		return CKR_OK;
	}
	return CKR_FUNCTION_FAILED;
}
