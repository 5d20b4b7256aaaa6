/* SPDX-License-Identifier: ISC
 *
 * What is a program's own in the PKCS#11 module: its sessions, what it said with C_Login and C_Logout,
 * its handles; with one token, with two, and with one that goes. And what a token or a key is not for.
 */
#include "fake_agent.h"
#include "fixture.h"
#include "p11_user.h"

#include "../../client/pkcs11/interface.h"

#include <string.h>

static unsigned char pin[] = "1234";

static CK_RV log_in(CK_SESSION_HANDLE session)
{
	return p11->C_Login(session, CKU_USER, pin, 4);
}

static CK_STATE state_of(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;

	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_OK);
	return info.state;
}

static CK_SESSION_HANDLE open_on(CK_SLOT_ID slot, CK_FLAGS flags)
{
	CK_SESSION_HANDLE session;

	assert_int_equal(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &session), CKR_OK);
	return session;
}

static void login_is_the_programs(void **state)
{
	CK_SESSION_HANDLE reads, writes;

	(void)state;
	p11_begin();
	reads = p11_open();
	writes = open_on(p11_slot, CKF_RW_SESSION);
	assert_int_equal(state_of(reads), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(state_of(writes), CKS_RW_PUBLIC_SESSION);
	assert_int_equal(p11->C_Logout(reads), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(log_in(reads), CKR_OK);
	assert_int_equal(state_of(reads), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(state_of(writes), CKS_RW_USER_FUNCTIONS);
	assert_int_equal(log_in(writes), CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(p11->C_Logout(writes), CKR_OK);
	assert_int_equal(state_of(reads), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(p11->C_Logout(reads), CKR_USER_NOT_LOGGED_IN);
	/* It lasts until the last session is closed, and no longer. */
	assert_int_equal(log_in(reads), CKR_OK);
	assert_int_equal(p11->C_CloseSession(reads), CKR_OK);
	assert_int_equal(state_of(writes), CKS_RW_USER_FUNCTIONS);
	assert_int_equal(p11->C_CloseSession(writes), CKR_OK);
	reads = open_on(p11_slot, 0);
	assert_int_equal(state_of(reads), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(log_in(reads), CKR_OK);
	assert_int_equal(p11->C_CloseAllSessions(p11_slot), CKR_OK);
	assert_int_equal(state_of(open_on(p11_slot, 0)), CKS_RO_PUBLIC_SESSION);
	p11_end();
}

static void add_token(struct buf *list, uint32_t ref, const char *label, uint32_t flags)
{
	CLEAN_BUF struct buf payload = BUF_INIT(BUF_MESSAGE_MAX);
	struct msg_token token = {.ref = ref, .flags = TOKEN_INITIALISED | flags, .label = view_string(label)};

	assert_int_equal(encode_token(&payload, &token), 0);
	assert_int_equal(buf_add_u8(list, 'T'), 0);
	assert_int_equal(buf_add_bytes(list, buf_view(&payload)), 0);
}

/* The token's flags, as a program sees them: it is the one of that label. */
static CK_FLAGS flags_of(const char *label, CK_SLOT_ID *ret_slot)
{
	CK_SLOT_ID slots[8];
	CK_ULONG count = 8;
	CK_TOKEN_INFO info;

	assert_int_equal(p11->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
	for (CK_ULONG i = 0; i < count; i++) {
		assert_int_equal(p11->C_GetTokenInfo(slots[i], &info), CKR_OK);
		if (!strncmp((const char *)info.label, label, strlen(label))) {
			*ret_slot = slots[i];
			return info.flags;
		}
	}
	fail_msg("no token %s", label);
	return 0;
}

static void two_tokens(void **state)
{
	CLEAN_BUF struct buf list = BUF_INIT(1 << 20);
	CK_OBJECT_CLASS class;
	CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof class};
	CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
	CK_SESSION_HANDLE one, other;
	CK_MECHANISM_INFO info;
	CK_OBJECT_HANDLE key;
	CK_SLOT_ID first, second;

	(void)state;
	fake_agent_make_list(&list);
	add_token(&list, 2, "Other", TOKEN_LOGIN_REQUIRED | TOKEN_RSA_PKCS);
	p11_begin();
	fake_agent_set_list(buf_view(&list));
	flags_of("Fake", &first);
	flags_of("Other", &second);
	one = open_on(first, 0);
	other = open_on(second, 0);
	key = p11_find(one, CKO_PRIVATE_KEY, "rsa");
	assert_int_not_equal(key, CK_INVALID_HANDLE);
	/* Handles are of one token. */
	assert_int_equal(p11_find(other, CKO_PRIVATE_KEY, "rsa"), CK_INVALID_HANDLE);
	assert_int_equal(p11->C_GetAttributeValue(other, key, &attribute, 1), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(p11->C_SignInit(other, &mechanism, key), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(p11->C_DecryptInit(other, &mechanism, key), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(p11->C_GetMechanismInfo(first, CKM_ECDSA, &info), CKR_OK);
	assert_int_equal(p11->C_GetMechanismInfo(second, CKM_ECDSA, &info), CKR_MECHANISM_INVALID);
	assert_int_equal(p11->C_GetMechanismInfo(second, CKM_AES_CBC, &info), CKR_MECHANISM_INVALID);
	/* So are logins, and what closes all sessions. */
	assert_int_equal(log_in(other), CKR_OK);
	assert_int_equal(state_of(one), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(p11->C_CloseAllSessions(first), CKR_OK);
	assert_int_equal(p11->C_CloseSession(one), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(state_of(other), CKS_RO_USER_FUNCTIONS);
	p11_end();
}

static void add_key(struct buf *list, uint8_t type, const char *label, uint16_t uses)
{
	static const uint8_t number[256] = {0xc0}, curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
	static const uint8_t point[67] = {0x04, 0x41, 0x04}, exponent[] = {1, 0, 1};
	bool rsa = type == KEY_RSA;
	CLEAN_BUF struct buf payload = BUF_INIT(BUF_MESSAGE_MAX);
	struct msg_pk_key row = {.ref = FAKE_RSA,
				 .token = 1,
				 .flags = CERT_KEY | uses,
				 .type = type,
				 .id = view_string(label),
				 .label = view_string(label),
				 .parameters = {rsa ? number : curve, rsa ? sizeof number : sizeof curve},
				 .public_value = {rsa ? exponent : point, rsa ? sizeof exponent : sizeof point}};

	assert_int_equal(encode_pk_key(&payload, &row), 0);
	assert_int_equal(buf_add_u8(list, 'K'), 0);
	assert_int_equal(buf_add_bytes(list, buf_view(&payload)), 0);
}

/* Searches are answered from a copy, until the agent says that it is old. */
static void news(void **state)
{
	CLEAN_BUF struct buf one = BUF_INIT(1 << 20), other = BUF_INIT(1 << 20);
	CK_SESSION_HANDLE session;

	(void)state;
	p11_begin();
	session = p11_open();
	add_token(&one, 1, "Fake", TOKEN_RSA_PKCS);
	add_key(&one, KEY_RSA, "one", CERT_SIGN);
	add_token(&other, 1, "Fake", TOKEN_RSA_PKCS);
	add_key(&other, KEY_RSA, "other", CERT_SIGN);
	fake_agent_set_list(buf_view(&one));
	assert_int_not_equal(p11_find(session, CKO_PRIVATE_KEY, "rsa"), CK_INVALID_HANDLE);
	fake_agent_tell();
	assert_int_equal(p11_find(session, CKO_PRIVATE_KEY, "rsa"), CK_INVALID_HANDLE);
	assert_int_not_equal(p11_find(session, CKO_PRIVATE_KEY, "one"), CK_INVALID_HANDLE);
	/* In the middle of an answer to something else. */
	fake_agent_set_list((struct view){NULL, 0});
	fake_agent_tell();
	fake_agent_news = true;
	assert_int_equal(p11_sign_with(session, "rsa"), CKR_OK);
	fake_agent_news = false;
	fake_agent_set_list(buf_view(&other));
	assert_int_not_equal(p11_find(session, CKO_PRIVATE_KEY, "other"), CK_INVALID_HANDLE);
	p11_end();
}

/* The agent starts anew, with another list. */
static void change_agent(bool token)
{
	fake_agent_stop();
	fake_agent_token = token;
	fake_agent_start();
}

static void assert_event(void)
{
	CK_SLOT_ID slot = 0;

	assert_int_equal(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_OK);
	assert_int_equal(slot, p11_slot);
	assert_int_equal(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
}

static void a_token_that_goes(void **state)
{
	CK_SESSION_HANDLE session, more;
	CK_SESSION_INFO info;
	CK_SLOT_ID slot;

	(void)state;
	p11_begin();
	session = p11_open();
	assert_int_equal(log_in(session), CKR_OK);
	assert_int_equal(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
	change_agent(false);
	assert_event();
	assert_int_equal(p11->C_OpenSession(p11_slot, CKF_SERIAL_SESSION, NULL, NULL, &more), CKR_TOKEN_NOT_PRESENT);
	assert_int_equal(p11->C_FindObjectsInit(session, NULL, 0), CKR_DEVICE_REMOVED);
	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_DEVICE_REMOVED);
	assert_int_equal(log_in(session), CKR_DEVICE_REMOVED);
	change_agent(true);
	assert_event();
	/* What was said of the one that went is not said of the one that came. */
	assert_int_equal(state_of(session), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(p11_sign_with(session, "rsa"), CKR_OK);
	p11_end();
}

static void tries_are_told(void **state)
{
	static const CK_FLAGS tries = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
	CLEAN_BUF struct buf list = BUF_INIT(1 << 20);
	CK_SLOT_ID slot;

	(void)state;
	add_token(&list, 1, "Fine", TOKEN_LOGIN_REQUIRED);
	add_token(&list, 2, "Low", TOKEN_LOGIN_REQUIRED | TOKEN_PIN_COUNT_LOW);
	add_token(&list, 3, "Final", TOKEN_LOGIN_REQUIRED | TOKEN_PIN_COUNT_LOW | TOKEN_PIN_FINAL_TRY);
	add_token(&list, 4, "Locked", TOKEN_LOGIN_REQUIRED | TOKEN_PIN_LOCKED);
	p11_begin();
	fake_agent_set_list(buf_view(&list));
	assert_int_equal(flags_of("Fine", &slot) & (tries | CKF_LOGIN_REQUIRED), 0);
	assert_int_equal(flags_of("Low", &slot) & (tries | CKF_LOGIN_REQUIRED), CKF_USER_PIN_COUNT_LOW);
	assert_int_equal(flags_of("Final", &slot) & tries, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	assert_int_equal(flags_of("Locked", &slot) & tries, CKF_USER_PIN_LOCKED);
	p11_end();
}

static CK_RV derive_with(CK_SESSION_HANDLE session, const char *label)
{
	unsigned char point[65] = {4};
	CK_ECDH1_DERIVE_PARAMS params = {.kdf = CKD_NULL, .ulPublicDataLen = sizeof point, .pPublicData = point};
	CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
	CK_OBJECT_HANDLE secret;

	return p11->C_DeriveKey(session, &mechanism, p11_find(session, CKO_PRIVATE_KEY, label), NULL, 0, &secret);
}

static CK_RV decrypt_with(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, const char *label)
{
	CK_MECHANISM mechanism = {type, NULL, 0};

	return p11->C_DecryptInit(session, &mechanism, p11_find(session, CKO_PRIVATE_KEY, label));
}

/* Nothing of it comes to the agent. */
static void not_for_that(void **state)
{
	CLEAN_BUF struct buf list = BUF_INIT(1 << 20);
	CK_MECHANISM oaep = {CKM_RSA_PKCS_OAEP, NULL, 0};
	unsigned int before = fake_agent_uses();
	CK_SESSION_HANDLE session;

	(void)state;
	add_token(&list, 1, "Fake", TOKEN_RSA_PKCS | TOKEN_RSA_OAEP | TOKEN_ECDSA | TOKEN_ECDH);
	add_key(&list, KEY_RSA, "rsa", CERT_DECRYPT);
	add_key(&list, KEY_RSA, "signs", CERT_SIGN);
	add_key(&list, KEY_EC, "agrees", CERT_DERIVE);
	add_key(&list, KEY_EC, "ec", CERT_SIGN);
	p11_begin();
	fake_agent_set_list(buf_view(&list));
	session = p11_open();
	assert_int_equal(p11_sign_with(session, "rsa"), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(p11_sign_with(session, "agrees"), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(p11_sign_with(session, "signs"), CKR_KEY_TYPE_INCONSISTENT); /* it asks for ECDSA */
	assert_int_equal(decrypt_with(session, CKM_RSA_PKCS, "signs"), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(decrypt_with(session, CKM_RSA_PKCS, "ec"), CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(decrypt_with(session, CKM_SHA256_RSA_PKCS, "rsa"), CKR_MECHANISM_INVALID);
	assert_int_equal(p11->C_SignInit(session, &oaep, p11_find(session, CKO_PRIVATE_KEY, "signs")), CKR_MECHANISM_INVALID);
	assert_int_equal(derive_with(session, "ec"), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(derive_with(session, "signs"), CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(fake_agent_uses(), before);
	p11_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(login_is_the_programs),
		cmocka_unit_test(two_tokens),
		cmocka_unit_test(news),
		cmocka_unit_test(a_token_that_goes),
		cmocka_unit_test(tries_are_told),
		cmocka_unit_test(not_for_that),
	};
	int failed;

	fake_agent_start();
	failed = cmocka_run_group_tests_name("pkcs11_state", tests, NULL, NULL);
	fake_agent_stop();
	return failed;
}
