/* SPDX-License-Identifier: ISC
 *
 * Every function of the PKCS#11 module called at the wrong time, with handles of nothing and with null
 * pointers: a code of PKCS#11's, no crash, and nothing that goes on.
 */
#include "fake_agent.h"
#include "fixture.h"
#include "p11_user.h"

#include "../../client/pkcs11/interface.h"

/* The list of 3.0, which has all of 2.40's. */
static struct interface_functions *all;

/* Functions of a session, with nothing in their pointers. May they say CKR_OK so? */
#define CALLS(X)                                                                                \
	X(no, base.C_GetSessionInfo, NULL)                                                      \
	X(no, base.C_GetOperationState, NULL, NULL)                                             \
	X(no, base.C_SetOperationState, NULL, 0, 0, 0)                                          \
	X(no, base.C_Login, CKU_USER, NULL, 4)                                                  \
	X(no, base.C_Login, CKU_SO, NULL, 0)                                                    \
	X(no, base.C_Login, CKU_CONTEXT_SPECIFIC, NULL, 0)                                      \
	X(no, base.C_Login, 99, NULL, 0)                                                        \
	X(no, base.C_Logout)                                                                    \
	X(no, base.C_InitPIN, NULL, 0)                                                          \
	X(no, base.C_SetPIN, NULL, 0, NULL, 0)                                                  \
	X(no, base.C_CreateObject, NULL, 0, NULL)                                               \
	X(no, base.C_CreateObject, NULL, 3, &handle)                                            \
	X(no, base.C_CopyObject, 0, NULL, 0, NULL)                                              \
	X(no, base.C_DestroyObject, 0)                                                          \
	X(no, base.C_GetObjectSize, 0, NULL)                                                    \
	X(no, base.C_GetObjectSize, 0, &length)                                                 \
	X(no, base.C_GetAttributeValue, 0, NULL, 0)                                             \
	X(no, base.C_GetAttributeValue, 0, NULL, 7)                                             \
	X(no, base.C_SetAttributeValue, 0, NULL, 0)                                             \
	X(no, base.C_FindObjects, NULL, 0, NULL)                                                \
	X(no, base.C_FindObjects, NULL, 9, &length)                                             \
	X(no, base.C_FindObjectsFinal)                                                          \
	X(no, base.C_FindObjectsInit, NULL, 2)                                                  \
	X(no, base.C_EncryptInit, NULL, 0)                                                      \
	X(no, base.C_Encrypt, NULL, 0, NULL, NULL)                                              \
	X(no, base.C_EncryptUpdate, NULL, 0, NULL, NULL)                                        \
	X(no, base.C_EncryptFinal, NULL, NULL)                                                  \
	X(yes, base.C_DecryptInit, NULL, 0) /* 3.0: gives up what was begun */                  \
	X(no, base.C_Decrypt, NULL, 0, NULL, NULL)                                              \
	X(no, base.C_Decrypt, NULL, 9, NULL, &length)                                           \
	X(no, base.C_DecryptUpdate, NULL, 0, NULL, NULL)                                        \
	X(no, base.C_DecryptUpdate, NULL, 9, NULL, &length)                                     \
	X(no, base.C_DecryptFinal, NULL, NULL)                                                  \
	X(no, base.C_DigestInit, NULL)                                                          \
	X(no, base.C_Digest, NULL, 0, NULL, NULL)                                               \
	X(no, base.C_DigestUpdate, NULL, 0)                                                     \
	X(no, base.C_DigestKey, 0)                                                              \
	X(no, base.C_DigestFinal, NULL, NULL)                                                   \
	X(yes, base.C_SignInit, NULL, 0)                                                        \
	X(no, base.C_Sign, NULL, 0, NULL, NULL)                                                 \
	X(no, base.C_Sign, NULL, 9, NULL, &length)                                              \
	X(no, base.C_SignUpdate, NULL, 0)                                                       \
	X(no, base.C_SignUpdate, NULL, 9)                                                       \
	X(no, base.C_SignFinal, NULL, NULL)                                                     \
	X(no, base.C_SignRecoverInit, NULL, 0)                                                  \
	X(no, base.C_SignRecover, NULL, 0, NULL, NULL)                                          \
	X(no, base.C_VerifyInit, NULL, 0)                                                       \
	X(no, base.C_Verify, NULL, 0, NULL, 0)                                                  \
	X(no, base.C_VerifyUpdate, NULL, 0)                                                     \
	X(no, base.C_VerifyFinal, NULL, 0)                                                      \
	X(no, base.C_VerifyRecoverInit, NULL, 0)                                                \
	X(no, base.C_VerifyRecover, NULL, 0, NULL, NULL)                                        \
	X(no, base.C_DigestEncryptUpdate, NULL, 0, NULL, NULL)                                  \
	X(no, base.C_DecryptDigestUpdate, NULL, 0, NULL, NULL)                                  \
	X(no, base.C_SignEncryptUpdate, NULL, 0, NULL, NULL)                                    \
	X(no, base.C_DecryptVerifyUpdate, NULL, 0, NULL, NULL)                                  \
	X(no, base.C_GenerateKey, NULL, NULL, 0, NULL)                                          \
	X(no, base.C_GenerateKeyPair, NULL, NULL, 0, NULL, 0, NULL, NULL)                       \
	X(no, base.C_WrapKey, NULL, 0, 0, NULL, NULL)                                           \
	X(no, base.C_UnwrapKey, NULL, 0, NULL, 0, NULL, 0, NULL)                                \
	X(no, base.C_UnwrapKey, &mechanism, 0, NULL, 9, NULL, 0, &handle)                       \
	X(no, base.C_DeriveKey, NULL, 0, NULL, 0, NULL)                                         \
	X(no, base.C_DeriveKey, &mechanism, 0, NULL, 3, &handle)                                \
	X(no, base.C_SeedRandom, NULL, 1)                                                       \
	X(no, base.C_GenerateRandom, NULL, 1)                                                   \
	X(no, C_LoginUser, CKU_USER, NULL, 0, NULL, 0)                                          \
	X(yes, C_SessionCancel, ~0ul)                                                           \
	X(no, C_MessageEncryptInit, NULL, 0)                                                    \
	X(no, C_EncryptMessage, NULL, 0, NULL, 0, NULL, 0, NULL, NULL)                          \
	X(no, C_EncryptMessageBegin, NULL, 0, NULL, 0)                                          \
	X(no, C_EncryptMessageNext, NULL, 0, NULL, 0, NULL, NULL, 0)                            \
	X(no, C_MessageEncryptFinal)                                                            \
	X(no, C_MessageDecryptInit, NULL, 0)                                                    \
	X(no, C_DecryptMessage, NULL, 0, NULL, 0, NULL, 0, NULL, NULL)                          \
	X(no, C_DecryptMessageBegin, NULL, 0, NULL, 0)                                          \
	X(no, C_DecryptMessageNext, NULL, 0, NULL, 0, NULL, NULL, 0)                            \
	X(no, C_MessageDecryptFinal)                                                            \
	X(no, C_MessageSignInit, NULL, 0)                                                       \
	X(no, C_SignMessage, NULL, 0, NULL, 0, NULL, NULL)                                      \
	X(no, C_SignMessageBegin, NULL, 0)                                                      \
	X(no, C_SignMessageNext, NULL, 0, NULL, 0, NULL, NULL)                                  \
	X(no, C_MessageSignFinal)                                                               \
	X(no, C_MessageVerifyInit, NULL, 0)                                                     \
	X(no, C_VerifyMessage, NULL, 0, NULL, 0, NULL, 0)                                       \
	X(no, C_VerifyMessageBegin, NULL, 0)                                                    \
	X(no, C_VerifyMessageNext, NULL, 0, NULL, 0, NULL, 0)                                   \
	X(no, C_MessageVerifyFinal)

enum { no, yes };

/* wanted: what each is to say; CKR_OK: anything, if it may. */
static void call_all(CK_SESSION_HANDLE session, CK_RV wanted)
{
	CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, NULL, 0};
	CK_OBJECT_HANDLE handle = 0;
	CK_ULONG length = 0;

#define CALL(may, function, ...)                                                                        \
	{                                                                                               \
		CK_RV rv = all->function(session, ##__VA_ARGS__);                                       \
		if (wanted != CKR_OK ? rv != wanted : rv == CKR_OK && !may)                             \
			fail_msg("%s says 0x%lx to (%s)", #function, rv, #__VA_ARGS__);                 \
	}
	CALLS(CALL)
}

/* Functions without a session. */
static void call_others(CK_RV wanted)
{
	unsigned char label[32] = {0};
	CK_SESSION_HANDLE session;
	CK_SLOT_ID slot = p11_slot;
	CK_ULONG count = 0;
	CK_INFO info;

	assert_int_equal(all->base.C_GetInfo(&info), wanted);
	assert_int_equal(all->base.C_GetSlotList(CK_TRUE, NULL, &count), wanted);
	assert_int_equal(all->base.C_GetSlotInfo(slot, &(CK_SLOT_INFO){.flags = 0}), wanted);
	assert_int_equal(all->base.C_GetTokenInfo(slot, &(CK_TOKEN_INFO){.flags = 0}), wanted);
	assert_int_equal(all->base.C_GetMechanismList(slot, NULL, &count), wanted);
	assert_int_equal(all->base.C_GetMechanismInfo(slot, CKM_RSA_PKCS, &(CK_MECHANISM_INFO){.flags = 0}), wanted);
	assert_int_equal(all->base.C_InitToken(slot, NULL, 0, label), wanted ? wanted : CKR_TOKEN_WRITE_PROTECTED);
	assert_int_equal(all->base.C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), wanted);
	assert_int_equal(all->base.C_CloseAllSessions(slot), wanted);
	assert_int_equal(all->base.C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), wanted ? wanted : CKR_NO_EVENT);
}

static void out_of_time(void **state)
{
	CK_INTERFACE *found;

	(void)state;
	assert_int_equal(C_GetInterface(NULL, NULL, &found, 0), CKR_OK);
	all = found->pFunctionList;
	for (int round = 0; round < 2; round++) {
		CK_SESSION_HANDLE session;

		call_all(1, CKR_CRYPTOKI_NOT_INITIALIZED);
		call_others(CKR_CRYPTOKI_NOT_INITIALIZED);
		p11_begin();
		session = p11_open();
		call_others(CKR_OK);
		p11_end();
		call_all(session, CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(all->base.C_CloseSession(session), CKR_CRYPTOKI_NOT_INITIALIZED);
	}
	assert_int_equal(all->base.C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void handles_of_nothing(void **state)
{
	CK_SESSION_HANDLE session, stale;

	(void)state;
	p11_begin();
	stale = p11_open();
	session = p11_open();
	assert_int_equal(p11->C_CloseSession(stale), CKR_OK);
	call_all(stale, CKR_SESSION_HANDLE_INVALID);
	call_all(0, CKR_SESSION_HANDLE_INVALID);
	call_all(~0ul, CKR_SESSION_HANDLE_INVALID);
	call_all(session ^ 1ul << 20, CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(p11_sign_with(session, "rsa"), CKR_OK);
	p11_end();
}

static void nothing_in_pointers(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	p11_begin();
	session = p11_open();
	call_all(session, CKR_OK);
	/* None of them left an operation, or a login. */
	assert_int_equal(p11->C_Login(session, CKU_USER, NULL, 0), CKR_OK);
	assert_int_equal(p11_sign_with(session, "rsa"), CKR_OK);
	p11_end();
}

/* The same while a search, a signature and a decryption are going on. */
static void nothing_while_something_goes_on(void **state)
{
	CK_MECHANISM rsa = {CKM_RSA_PKCS, NULL, 0};
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session;

	(void)state;
	p11_begin();
	session = p11_open();
	key = p11_find(session, CKO_PRIVATE_KEY, "rsa");
	assert_int_equal(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_int_equal(p11->C_SignInit(session, &rsa, key), CKR_OK);
	assert_int_equal(p11->C_DecryptInit(session, &rsa, key), CKR_OK);
	assert_int_equal(p11->C_FindObjects(session, NULL, 9, &key), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_Sign(session, NULL, 9, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_Decrypt(session, NULL, 9, NULL, NULL), CKR_ARGUMENTS_BAD);
	/* An operation ends with an error (2.40 section 5.2), a search does not. */
	assert_int_equal(p11->C_SignUpdate(session, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_DecryptFinal(session, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	p11_end();
}

/* Programs try these to see what a module can do, and go on where the mechanism is refused. */
static void no_such_mechanism(void **state)
{
	CK_MECHANISM mechanism = {CKM_AES_CBC, NULL, 0};
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session;
	CK_ULONG length = 0;

	(void)state;
	p11_begin();
	session = p11_open();
	key = p11_find(session, CKO_PRIVATE_KEY, "rsa");
	assert_int_equal(all->base.C_EncryptInit(session, &mechanism, key), CKR_MECHANISM_INVALID);
	assert_int_equal(all->base.C_DigestInit(session, &mechanism), CKR_MECHANISM_INVALID);
	assert_int_equal(all->base.C_SignRecoverInit(session, &mechanism, key), CKR_MECHANISM_INVALID);
	assert_int_equal(all->base.C_VerifyInit(session, &mechanism, key), CKR_MECHANISM_INVALID);
	assert_int_equal(all->base.C_VerifyRecoverInit(session, &mechanism, key), CKR_MECHANISM_INVALID);
	assert_int_equal(all->base.C_WrapKey(session, &mechanism, key, key, NULL, &length), CKR_MECHANISM_INVALID);
	assert_int_equal(all->C_MessageEncryptInit(session, &mechanism, key), CKR_MECHANISM_INVALID);
	assert_int_equal(all->C_MessageDecryptInit(session, &mechanism, key), CKR_MECHANISM_INVALID);
	assert_int_equal(all->C_MessageSignInit(session, &mechanism, key), CKR_MECHANISM_INVALID);
	assert_int_equal(all->C_MessageVerifyInit(session, &mechanism, key), CKR_MECHANISM_INVALID);
	p11_end();
}

static void initialize_arguments(void **state)
{
	CK_CREATEMUTEX function = (CK_CREATEMUTEX)(uintptr_t)1;
	CK_C_INITIALIZE_ARGS own = {.CreateMutex = function,
				    .DestroyMutex = (CK_DESTROYMUTEX)(uintptr_t)1,
				    .LockMutex = (CK_LOCKMUTEX)(uintptr_t)1,
				    .UnlockMutex = (CK_UNLOCKMUTEX)(uintptr_t)1};
	CK_C_INITIALIZE_ARGS half = {.CreateMutex = function, .flags = CKF_OS_LOCKING_OK};
	CK_C_INITIALIZE_ARGS reserved = {.pReserved = &own};

	(void)state;
	assert_int_equal(C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_GetInterface(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_GetFunctionList(&p11), CKR_OK);
	assert_int_equal(p11->C_Initialize(&half), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_Initialize(&reserved), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_Initialize(&own), CKR_CANT_LOCK);
	own.flags = CKF_OS_LOCKING_OK;
	assert_int_equal(p11->C_Initialize(&own), CKR_OK);
	assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(out_of_time),
		cmocka_unit_test(handles_of_nothing),
		cmocka_unit_test(nothing_in_pointers),
		cmocka_unit_test(nothing_while_something_goes_on),
		cmocka_unit_test(no_such_mechanism),
		cmocka_unit_test(initialize_arguments),
	};
	int failed;

	fake_agent_start();
	failed = cmocka_run_group_tests_name("pkcs11_misuse", tests, NULL, NULL);
	fake_agent_stop();
	return failed;
}
