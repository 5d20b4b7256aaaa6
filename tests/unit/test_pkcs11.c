/* SPDX-License-Identifier: ISC
 *
 * The PKCS#11 module between programs that misuse it and an agent that is hostile or dead.
 */
#include "fake_agent.h"
#include "fixture.h"
#include "p11_user.h"

#include "../../client/pkcs11/interface.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void before_and_after(void **state)
{
	CK_SESSION_INFO session;
	CK_SLOT_INFO slot_info;
	CK_INFO info;
	CK_ULONG count = 0;

	(void)state;
	assert_int_equal(C_GetFunctionList(&p11), CKR_OK);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_GetSlotList(CK_TRUE, NULL, &count), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_GetSlotInfo(1, &slot_info), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_GetSessionInfo(1, &session), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_FindObjectsInit(1, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_SignInit(1, NULL, 1), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_Login(1, CKU_USER, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
		p11_begin();
		assert_int_equal(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
		assert_int_equal(p11->C_Finalize(&info), CKR_ARGUMENTS_BAD);
		p11_open();
		p11_end();
	}
}

static void null_pointers(void **state)
{
	CK_MECHANISM oaep = {CKM_RSA_PKCS_OAEP, NULL, 0}, pss = {CKM_RSA_PKCS_PSS, NULL, 7}, rsa = {CKM_RSA_PKCS, NULL, 3};
	CK_MECHANISM ecdh = {CKM_ECDH1_DERIVE, NULL, sizeof(CK_ECDH1_DERIVE_PARAMS)};
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session;

	(void)state;
	p11_begin();
	session = p11_open();
	key = p11_find(session, CKO_PRIVATE_KEY, "rsa");
	assert_int_equal(p11->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_GetSlotInfo(p11_slot, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_GetTokenInfo(p11_slot, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_GetMechanismList(p11_slot, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_GetMechanismInfo(p11_slot, CKM_RSA_PKCS, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_OpenSession(p11_slot, CKF_SERIAL_SESSION, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_GetSessionInfo(session, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_FindObjectsInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_GetAttributeValue(session, key, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_Login(session, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_GenerateRandom(session, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_SignInit(session, &rsa, key), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(p11->C_SignInit(session, &pss, key), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(p11->C_DecryptInit(session, &oaep, key), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(p11->C_DeriveKey(session, &ecdh, p11_find(session, CKO_PRIVATE_KEY, "ec"), NULL, 0, &key),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(p11->C_DeriveKey(session, NULL, key, NULL, 0, &key), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_UnwrapKey(session, &ecdh, key, NULL, 3, NULL, 0, &key), CKR_ARGUMENTS_BAD);
	p11_end();
}

static void sizes(void **state)
{
	CK_MECHANISM_TYPE mechanisms[64];
	CK_SLOT_ID slots[8];
	CK_ULONG count = 0, all;

	(void)state;
	p11_begin();
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, NULL, &all), CKR_OK);
	assert_true(all > 1);
	count = all - 1;
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, slots, &count), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(count, all);
	p11_open();
	assert_int_equal(p11->C_GetMechanismList(p11_slot, NULL, &all), CKR_OK);
	count = all - 1;
	assert_int_equal(p11->C_GetMechanismList(p11_slot, mechanisms, &count), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(count, all);
	assert_int_equal(p11->C_GetMechanismList(p11_slot, mechanisms, &count), CKR_OK);
	assert_int_equal(p11->C_GetTokenInfo(12345, &(CK_TOKEN_INFO){.flags = 0}), CKR_SLOT_ID_INVALID);
	p11_end();
}

static void attributes(void **state)
{
	CK_OBJECT_HANDLE key;
	CK_ULONG type = 0, bits = 0;
	unsigned char small[3], modulus[256];
	CK_ATTRIBUTE wanted[] = {{CKA_KEY_TYPE, &type, sizeof type},
				 {CKA_MODULUS, small, sizeof small},
				 {0x80001234, small, sizeof small},
				 {CKA_PRIVATE_EXPONENT, small, sizeof small},
				 {CKA_MODULUS_BITS, &bits, sizeof bits}};
	CK_ATTRIBUTE whole = {CKA_MODULUS, modulus, sizeof modulus};
	CK_SESSION_HANDLE session;

	(void)state;
	p11_begin();
	session = p11_open();
	key = p11_find(session, CKO_PRIVATE_KEY, "rsa");
	assert_int_not_equal(key, CK_INVALID_HANDLE);
	assert_int_not_equal(p11->C_GetAttributeValue(session, key, wanted, 5), CKR_OK);
	assert_int_equal(type, CKK_RSA);
	assert_int_equal(bits, 2048);
	for (int i = 1; i < 4; i++)
		assert_true(wanted[i].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(p11->C_GetAttributeValue(session, key, &wanted[3], 1), CKR_ATTRIBUTE_SENSITIVE);
	assert_int_equal(p11->C_GetAttributeValue(session, key, &wanted[2], 1), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_int_equal(p11->C_GetAttributeValue(session, key, &whole, 1), CKR_OK);
	assert_int_equal(whole.ulValueLen, 256);
	assert_int_equal(p11->C_GetAttributeValue(session, key + 4096, &whole, 1), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(p11->C_DestroyObject(session, key), CKR_TOKEN_WRITE_PROTECTED);
	assert_int_equal(p11->C_SetAttributeValue(session, key, &whole, 1), CKR_TOKEN_WRITE_PROTECTED);
	p11_end();
}

static void many_sessions(void **state)
{
	enum { MANY = 10000 };
	static CK_SESSION_HANDLE sessions[MANY];
	CK_SESSION_INFO info;

	(void)state;
	p11_begin();
	for (int i = 0; i < MANY; i++)
		sessions[i] = p11_open();
	for (int i = 0; i < MANY; i += 2)
		assert_int_equal(p11->C_CloseSession(sessions[i]), CKR_OK);
	assert_int_equal(p11->C_CloseSession(sessions[0]), CKR_SESSION_HANDLE_INVALID);
	for (int i = 0; i < MANY; i += 2)
		p11_open();
	for (int i = 0; i < MANY; i += 2)
		assert_int_equal(p11->C_GetSessionInfo(sessions[i], &info), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(p11->C_GetSessionInfo(sessions[1], &info), CKR_OK);
	assert_int_equal(p11->C_CloseAllSessions(p11_slot), CKR_OK);
	assert_int_equal(p11->C_GetSessionInfo(sessions[1], &info), CKR_SESSION_HANDLE_INVALID);
	p11_end();
	p11_begin();
	assert_int_equal(p11->C_GetSessionInfo(sessions[1], &info), CKR_SESSION_HANDLE_INVALID);
	p11_end();
}

/* PKCS#11 2.40 section 5.2. */
static void signing_rules(void **state)
{
	CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
	unsigned char data[] = "data", signature[256];
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session;
	CK_ULONG length = 0;

	(void)state;
	p11_begin();
	session = p11_open();
	key = p11_find(session, CKO_PRIVATE_KEY, "rsa");
	assert_int_equal(p11->C_Sign(session, data, 4, signature, &length), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_SignInit(session, &mechanism, p11_find(session, CKO_PUBLIC_KEY, "rsa")), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(p11->C_SignInit(session, &mechanism, p11_find(session, CKO_PRIVATE_KEY, "ec")),
			 CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OPERATION_ACTIVE);
	assert_int_equal(p11->C_Sign(session, data, 4, NULL, &length), CKR_OK);
	assert_int_equal(length, 256);
	length = 255;
	assert_int_equal(p11->C_Sign(session, data, 4, signature, &length), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(p11->C_Sign(session, data, 4, signature, &length), CKR_OK);
	assert_int_equal(p11->C_Sign(session, data, 4, signature, &length), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_SignUpdate(session, data, 2), CKR_OK);
	assert_int_equal(p11->C_Sign(session, data, 4, signature, &length), CKR_OPERATION_ACTIVE);
	assert_int_equal(p11->C_SignFinal(session, signature, &length), CKR_OPERATION_NOT_INITIALIZED);
	mechanism.mechanism = CKM_RSA_PKCS;
	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_Sign(session, signature, 246, signature, &length), CKR_DATA_LEN_RANGE);
	p11_end();
}

static void hostile_answers(void **state)
{
	static const enum fake_way ways[] = {FAKE_EMPTY, FAKE_CLOSES, FAKE_BABBLES, FAKE_LONG};
	CK_SESSION_HANDLE session;

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		p11_begin();
		session = p11_open();
		assert_int_equal(p11_sign_with(session, "rsa"), CKR_OK);
		fake_agent_keys = ways[i];
		assert_int_not_equal(p11_sign_with(session, "rsa"), CKR_OK);
		assert_int_not_equal(p11_sign_with(session, "ec"), CKR_OK);
		fake_agent_keys = FAKE_RIGHT;
		assert_int_equal(p11_sign_with(session, "ec"), CKR_OK);
		p11_end();
	}
}

/* The lock is held for a list: then nothing may take for ever (here LIST_LIMIT_S is 3). */
static void silent_and_endless(void **state)
{
	static const enum fake_way ways[] = {FAKE_SILENT, FAKE_ENDLESS};
	CK_ULONG count;

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		p11_begin();
		fake_agent_list = ways[i];
		count = 0;
		assert_int_equal(p11->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
		assert_int_equal(count, 0);
		p11_end();
	}
}

static void *sign_in_thread(void *context)
{
	CK_SESSION_HANDLE session = *(CK_SESSION_HANDLE *)context;

	return (void *)(uintptr_t)p11_sign_with(session, "rsa");
}

/* A person, or a card, may take longer than a list, on every connection. */
static void slow_keys(void **state)
{
	CK_SESSION_HANDLE sessions[3];
	pthread_t threads[3];
	void *rv;

	(void)state;
	p11_begin();
	for (int i = 0; i < 3; i++)
		sessions[i] = p11_open();
	fake_agent_keys = FAKE_SLOW;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_in_thread, &sessions[i]), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &rv);
		assert_int_equal((uintptr_t)rv, CKR_OK);
	}
	p11_end();
}

static void errors_are_pkcs11s(void **state)
{
	static const struct {
		enum err err;
		CK_RV rv;
	} table[] = {{ERR_CANCELLED, CKR_FUNCTION_CANCELED}, {ERR_FORBIDDEN, CKR_KEY_FUNCTION_NOT_PERMITTED},
		     {ERR_PIN_NEEDED, CKR_USER_NOT_LOGGED_IN}, {ERR_TOKEN_REMOVED, CKR_DEVICE_REMOVED},
		     {ERR_MECHANISM, CKR_MECHANISM_INVALID}, {ERR_PIN_LOCKED, CKR_PIN_LOCKED},
		     {ERR_PIN_LAST_TRY, CKR_PIN_LOCKED}, {ERR_PIN_EXPIRED, CKR_PIN_EXPIRED},
		     {ERR_PIN_NOT_SET, CKR_USER_PIN_NOT_INITIALIZED}, {ERR_PIN_LENGTH, CKR_PIN_LEN_RANGE},
		     {ERR_PINENTRY, CKR_USER_NOT_LOGGED_IN}, {ERR_NOT_LOGGED_IN, CKR_USER_NOT_LOGGED_IN},
		     {ERR_DECRYPT, CKR_ENCRYPTED_DATA_INVALID}, {ERR_KEY_UNUSABLE, CKR_KEY_FUNCTION_NOT_PERMITTED},
		     {ERR_TOKEN, CKR_DEVICE_ERROR}, {ERR_TOKEN_CRASHED, CKR_DEVICE_ERROR}, {ERR_TIMEOUT, CKR_DEVICE_ERROR},
		     {ERR_MODULE, CKR_DEVICE_ERROR}, {ERR_BUSY, CKR_DEVICE_MEMORY}, {ERR_NO_MEMORY, CKR_HOST_MEMORY},
		     {ERR_NO_TOKEN, CKR_TOKEN_NOT_PRESENT}, {ERR_NO_KEY, CKR_KEY_HANDLE_INVALID},
		     {ERR_KEY_STALE, CKR_KEY_HANDLE_INVALID}, {ERR_TOO_LARGE, CKR_DATA_LEN_RANGE},
		     {ERR_INTERNAL, CKR_FUNCTION_FAILED}};
	unsigned char pin[] = "1234";
	CK_SESSION_HANDLE session;

	(void)state;
	p11_begin();
	session = p11_open();
	fake_agent_keys = FAKE_ERROR;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		fake_agent_error = (unsigned int)error_to_gpg(table[i].err);
		assert_int_equal(p11_sign_with(session, "rsa"), table[i].rv);
	}
	fake_agent_error = (unsigned int)error_to_gpg(ERR_PIN_WRONG);
	assert_int_equal(p11->C_Login(session, CKU_USER, pin, 4), CKR_PIN_INCORRECT);
	assert_int_equal(p11->C_Login(session, CKU_USER, (unsigned char *)"12\n4", 4), CKR_PIN_LEN_RANGE);
	assert_int_equal(p11->C_Login(session, CKU_USER, pin, 0), CKR_PIN_LEN_RANGE);
	fake_agent_keys = FAKE_RIGHT;
	assert_int_equal(p11->C_Login(session, CKU_USER, pin, 4), CKR_OK);
	assert_int_equal(p11->C_Login(session, CKU_USER, pin, 4), CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(p11->C_Logout(session), CKR_OK);
	assert_int_equal(p11->C_Logout(session), CKR_USER_NOT_LOGGED_IN);
	p11_end();
}

/* Every cut of a list, and every byte of it changed: never more than what is not there. */
static void hostile_lists(void **state)
{
	CLEAN_BUF struct buf list = BUF_INIT(1 << 20);
	CK_SLOT_ID slots[8];
	CK_ULONG count;

	(void)state;
	fake_agent_token = true;
	fake_agent_offset = 0;
	fake_agent_make_list(&list);
	p11_begin();
	for (size_t i = 0; i < 2 * list.length; i += i < 400 ? 1 : 7) {
		struct view given = {list.data, i < list.length ? i : list.length};

		if (i >= list.length)
			list.data[i - list.length] ^= 0x81;
		fake_agent_set_list(given);
		count = 8;
		assert_int_equal(p11->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
		count = 8;
		assert_int_equal(p11->C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
		if (i >= list.length)
			list.data[i - list.length] ^= 0x81;
		if (count > 6) { /* tokens with other names: a program of its own would see them so */
			p11_end();
			p11_begin();
		}
	}
	p11_end();
}

static void agent_comes_back(void **state)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_TOKEN_INFO info;
	unsigned int before;

	(void)state;
	p11_begin();
	session = p11_open();
	key = p11_find(session, CKO_PRIVATE_KEY, "rsa");
	assert_int_equal(p11_sign_with(session, "rsa"), CKR_OK);
	fake_agent_stop();
	fake_agent_offset = 1000;
	fake_agent_start();
	before = fake_agent_uses();
	assert_int_equal(p11_sign_with(session, "rsa"), CKR_OK);
	assert_int_equal(fake_agent_uses(), before + 1);
	assert_int_equal(p11_find(session, CKO_PRIVATE_KEY, "rsa"), key);
	/* The token goes, and comes back. */
	fake_agent_stop();
	fake_agent_token = false;
	fake_agent_start();
	assert_int_equal(p11->C_GetTokenInfo(p11_slot, &info), CKR_TOKEN_NOT_PRESENT);
	fake_agent_stop();
	fake_agent_token = true;
	fake_agent_start();
	assert_int_equal(p11->C_GetTokenInfo(p11_slot, &info), CKR_OK);
	assert_int_equal(p11_sign_with(session, "rsa"), CKR_OK);
	p11_end();
}

static void no_agent(void **state)
{
	CK_ULONG count = 8;
	CK_SLOT_ID slots[8];

	(void)state;
	fake_agent_stop();
	p11_begin();
	assert_int_equal(p11->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
	assert_int_equal(count, 0);
	count = 8;
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
	assert_int_equal(count, 2); /* for tokens to come */
	p11_end();
	fake_agent_start();
}

static void forked(void **state)
{
	CK_SESSION_HANDLE session;
	CK_INFO info;
	int status;
	pid_t pid;

	(void)state;
	p11_begin();
	session = p11_open();
	pid = fork();
	if (!pid) {
		CK_SESSION_INFO session_info;
		bool right = p11->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED &&
			     p11->C_Initialize(NULL) == CKR_OK &&
			     p11->C_GetSessionInfo(session, &session_info) == CKR_SESSION_HANDLE_INVALID &&
			     p11->C_Finalize(NULL) == CKR_OK;

		_exit(right ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(p11_sign_with(session, "rsa"), CKR_OK);
	p11_end();
}

static void interfaces(void **state)
{
	CK_VERSION three = {3, 0}, two = {2, 40}, other = {9, 9};
	CK_INTERFACE *found;
	CK_ULONG count = 0;
	CK_INFO info;

	(void)state;
	assert_int_equal(C_GetInterfaceList(NULL, &count), CKR_OK);
	assert_int_equal(count, 2);
	assert_int_equal(C_GetInterface(NULL, NULL, &found, 0), CKR_OK);
	assert_string_equal(found->pInterfaceName, "PKCS 11");
	assert_int_equal(((CK_VERSION *)found->pFunctionList)->major, 3);
	assert_int_equal(C_GetInterface((unsigned char *)"PKCS 11", &two, &found, 0), CKR_OK);
	assert_int_equal(((CK_VERSION *)found->pFunctionList)->major, 2);
	assert_int_equal(C_GetInterface((unsigned char *)"PKCS 11", &other, &found, 0), CKR_FUNCTION_FAILED);
	assert_int_equal(C_GetInterface((unsigned char *)"PKCS 12", NULL, &found, 0), CKR_FUNCTION_FAILED);
	assert_int_equal(C_GetInterface(NULL, &three, &found, 0), CKR_OK);
	p11_begin();
	assert_int_equal(((struct interface_functions *)found->pFunctionList)->base.C_GetInfo(&info), CKR_OK);
	assert_int_equal(info.cryptokiVersion.major, 3);
	assert_int_equal(((struct interface_functions *)found->pFunctionList)->C_SessionCancel(77, 0), CKR_SESSION_HANDLE_INVALID);
	p11_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_and_after),  cmocka_unit_test(null_pointers),
		cmocka_unit_test(sizes),	     cmocka_unit_test(attributes),
		cmocka_unit_test(many_sessions),     cmocka_unit_test(signing_rules),
		cmocka_unit_test(hostile_answers),   cmocka_unit_test(errors_are_pkcs11s),
		cmocka_unit_test(silent_and_endless), cmocka_unit_test(slow_keys),
		cmocka_unit_test(hostile_lists),     cmocka_unit_test(agent_comes_back),
		cmocka_unit_test(no_agent),	     cmocka_unit_test(forked),
		cmocka_unit_test(interfaces),
	};
	unsigned int before = fixture_descriptors();
	int failed;

	fake_agent_start();
	failed = cmocka_run_group_tests_name("pkcs11", tests, NULL, NULL);
	fake_agent_stop();
	return failed || fixture_descriptors() > before;
}
