/* SPDX-License-Identifier: ISC
 *
 * What programs ask of the PKCS#11 module's objects, what they do with keys, and what happens to it when
 * they fork, or end it, in the middle of something.
 */
#include "fake_agent.h"
#include "fixture.h"
#include "p11_user.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether it is there, and if `size`, that long. */
static void has(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG size)
{
	CK_ATTRIBUTE attribute = {type, NULL, 0};

	if (p11->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK || (size && attribute.ulValueLen != size))
		fail_msg("attribute 0x%lx of object 0x%lx", type, object);
}

static bool is_true(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL truth = 77;
	CK_ATTRIBUTE attribute = {type, &truth, sizeof truth};

	assert_int_equal(p11->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	assert_true(truth == CK_TRUE || truth == CK_FALSE);
	return truth == CK_TRUE;
}

/* What NSS, OpenSSL's engine and provider, GnuTLS, OpenSSH, SunPKCS11, gnupg-pkcs11-scd and pkcs11-tool were
 * seen to ask for (OpenSC's pkcs11-spy), by class; what is another class's they take a refusal of. */
static void attributes_that_programs_want(void **state)
{
	static const CK_ATTRIBUTE_TYPE of_all[] = {CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_ID, CKA_MODIFIABLE, CKA_SUBJECT};
	static const CK_ATTRIBUTE_TYPE of_cert[] = {CKA_CERTIFICATE_TYPE, CKA_CERTIFICATE_CATEGORY, CKA_TRUSTED, CKA_VALUE,
						    CKA_ISSUER, CKA_SERIAL_NUMBER};
	static const CK_ATTRIBUTE_TYPE of_public[] = {CKA_KEY_TYPE, CKA_LOCAL, CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER,
						      CKA_WRAP, CKA_DERIVE, CKA_TRUSTED};
	static const CK_ATTRIBUTE_TYPE of_private[] = {
		CKA_KEY_TYPE, CKA_LOCAL, CKA_SIGN, CKA_SIGN_RECOVER, CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE, CKA_SENSITIVE,
		CKA_EXTRACTABLE, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_ALWAYS_AUTHENTICATE, CKA_WRAP_WITH_TRUSTED};
	static const CK_OBJECT_CLASS classes[] = {CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY};
	CK_OBJECT_HANDLE objects[3];
	CK_SESSION_HANDLE session;

	(void)state;
	p11_begin();
	session = p11_open();
	for (size_t i = 0; i < 3; i++) {
		objects[i] = p11_find(session, classes[i], "rsa");
		assert_int_not_equal(objects[i], CK_INVALID_HANDLE);
		for (size_t a = 0; a < sizeof of_all / sizeof of_all[0]; a++)
			has(session, objects[i], of_all[a], 0);
		assert_false(is_true(session, objects[i], CKA_PRIVATE));
		assert_true(is_true(session, objects[i], CKA_TOKEN));
	}
	for (size_t a = 0; a < sizeof of_cert / sizeof of_cert[0]; a++)
		has(session, objects[0], of_cert[a], 0);
	for (size_t a = 0; a < sizeof of_public / sizeof of_public[0]; a++)
		has(session, objects[1], of_public[a], 0);
	for (size_t a = 0; a < sizeof of_private / sizeof of_private[0]; a++)
		has(session, objects[2], of_private[a], 0);
	for (size_t i = 1; i < 3; i++) {
		has(session, objects[i], CKA_MODULUS, 256);
		has(session, objects[i], CKA_PUBLIC_EXPONENT, 3);
	}
	has(session, objects[1], CKA_MODULUS_BITS, sizeof(CK_ULONG));
	assert_true(is_true(session, objects[2], CKA_SIGN) && is_true(session, objects[2], CKA_DECRYPT));
	assert_true(is_true(session, objects[2], CKA_SENSITIVE) && !is_true(session, objects[2], CKA_EXTRACTABLE));
	/* NSS would decrypt whole mails on the token; and programs would ask for a PIN of their own. */
	assert_false(is_true(session, objects[2], CKA_UNWRAP) || is_true(session, objects[2], CKA_ALWAYS_AUTHENTICATE));
	objects[2] = p11_find(session, CKO_PRIVATE_KEY, "ec");
	has(session, objects[2], CKA_EC_PARAMS, 10);
	has(session, objects[2], CKA_EC_POINT, 67);
	assert_true(is_true(session, objects[2], CKA_DERIVE) && !is_true(session, objects[2], CKA_DECRYPT));
	p11_end();
}

/* What NSS looks for and the agent has not: nothing is found, and that is no error. */
static void searches_for_nothing(void **state)
{
	CK_OBJECT_CLASS classes[] = {CKO_DATA, CKO_HW_FEATURE, CKO_DOMAIN_PARAMETERS, CKO_MECHANISM, 0xce534353, 0xce534354, 0x9};
	CK_OBJECT_HANDLE found;
	CK_SESSION_HANDLE session;
	CK_ULONG count;

	(void)state;
	p11_begin();
	session = p11_open();
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
		CK_ATTRIBUTE template = {CKA_CLASS, &classes[i], sizeof classes[i]};

		count = 9;
		assert_int_equal(p11->C_FindObjectsInit(session, &template, 1), CKR_OK);
		assert_int_equal(p11->C_FindObjects(session, &found, 1, &count), CKR_OK);
		assert_int_equal(count, 0);
		assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	}
	p11_end();
}

/* A decryption is asked for once, however often the program tries with too little room. */
static void decrypting_rules(void **state)
{
	CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
	unsigned char block[256] = {1}, plain[256], much[5000];
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session;
	CK_ULONG length = 0;
	unsigned int before;

	(void)state;
	p11_begin();
	session = p11_open();
	key = p11_find(session, CKO_PRIVATE_KEY, "rsa");
	before = fake_agent_uses();
	assert_int_equal(p11->C_DecryptInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_DecryptInit(session, &mechanism, key), CKR_OPERATION_ACTIVE);
	assert_int_equal(p11->C_Decrypt(session, block, sizeof block, NULL, &length), CKR_OK);
	assert_int_equal(length, 256);
	assert_int_equal(fake_agent_uses(), before);
	length = 10;
	assert_int_equal(p11->C_Decrypt(session, block, sizeof block, plain, &length), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(length, 256);
	assert_int_equal(p11->C_Decrypt(session, block, sizeof block, plain, &length), CKR_OK);
	assert_int_equal(fake_agent_uses(), before + 1);
	assert_int_equal(p11->C_Decrypt(session, block, sizeof block, plain, &length), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_DecryptInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_Decrypt(session, block, 255, plain, &length), CKR_ENCRYPTED_DATA_LEN_RANGE);
	/* In parts, as every mechanism may be used. */
	assert_int_equal(p11->C_DecryptInit(session, &mechanism, key), CKR_OK);
	length = sizeof plain;
	assert_int_equal(p11->C_DecryptUpdate(session, block, 100, plain, &length), CKR_OK);
	assert_int_equal(length, 0);
	assert_int_equal(p11->C_DecryptUpdate(session, block, 156, plain, &length), CKR_OK);
	length = sizeof plain;
	assert_int_equal(p11->C_DecryptFinal(session, plain, &length), CKR_OK);
	assert_int_equal(length, 256);
	assert_int_equal(fake_agent_uses(), before + 2);
	/* More than the program was told to have room for. */
	fake_agent_keys = FAKE_LONG;
	assert_int_equal(p11->C_DecryptInit(session, &mechanism, key), CKR_OK);
	length = sizeof much;
	assert_int_equal(p11->C_Decrypt(session, block, sizeof block, much, &length), CKR_DEVICE_ERROR);
	p11_end();
}

static CK_RV derive(CK_SESSION_HANDLE session, CK_ULONG kdf, CK_ULONG length, CK_KEY_TYPE type, CK_OBJECT_HANDLE *key)
{
	static unsigned char point[65] = {4};
	CK_ECDH1_DERIVE_PARAMS params = {.kdf = kdf, .ulPublicDataLen = sizeof point, .pPublicData = point};
	CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
				   {CKA_VALUE_LEN, &length, sizeof length}};

	return p11->C_DeriveKey(session, &mechanism, p11_find(session, CKO_PRIVATE_KEY, "ec"), template, length ? 3 : 2, key);
}

/* Derived keys are the session's, and leave the process by no way but an attribute that is not sensitive. */
static void derived_keys(void **state)
{
	static const unsigned char secret[32] = {0x5a, 0xa5};
	unsigned char value[64], wrapped[24] = {0}, iv[16] = {0};
	CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof value};
	CK_MECHANISM unwrap = {CKM_AES_KEY_WRAP, NULL, 0}, cbc = {CKM_AES_CBC, iv, sizeof iv};
	CK_OBJECT_HANDLE key, other;
	CK_SESSION_HANDLE session, second;

	(void)state;
	p11_begin();
	session = p11_open();
	second = p11_open();
	assert_int_equal(derive(session, CKD_NULL, 0, CKK_GENERIC_SECRET, &key), CKR_OK);
	assert_int_equal(p11->C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
	assert_true(attribute.ulValueLen == 32 && !memcmp(value, secret, 32));
	assert_int_equal(p11->C_DestroyObject(session, key), CKR_OK);
	assert_int_equal(p11->C_DestroyObject(session, key), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(derive(session, CKD_SHA256_KDF, 0, CKK_AES, &key), CKR_TEMPLATE_INCOMPLETE);
	assert_int_equal(derive(session, CKD_NULL, 33, CKK_GENERIC_SECRET, &key), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(derive(session, CKD_SHA256_KDF, 17, CKK_AES, &key), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(derive(session, 0x1234, 16, CKK_AES, &key), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(derive(session, CKD_SHA256_KDF, 16, CKK_AES, &key), CKR_OK);
	/* What was not wrapped with it is refused; so is a key of the token, and one that is none. */
	assert_int_equal(p11->C_UnwrapKey(session, &unwrap, key, wrapped, 24, NULL, 0, &other), CKR_WRAPPED_KEY_INVALID);
	assert_int_equal(p11->C_UnwrapKey(session, &unwrap, p11_find(session, CKO_PRIVATE_KEY, "ec"), wrapped, 24, NULL, 0, &other),
			 CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	assert_int_equal(p11->C_UnwrapKey(session, &unwrap, 0, wrapped, 24, NULL, 0, &other), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	assert_int_equal(p11->C_DecryptInit(second, &cbc, key), CKR_OK);
	assert_int_equal(p11->C_DecryptInit(session, &cbc, p11_find(session, CKO_PRIVATE_KEY, "ec")), CKR_KEY_HANDLE_INVALID);
	/* They end with their session, and what another began with them goes on. */
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
	assert_int_equal(p11->C_GetAttributeValue(second, key, &attribute, 1), CKR_OBJECT_HANDLE_INVALID);
	attribute.ulValueLen = sizeof value;
	assert_int_equal(p11->C_Decrypt(second, wrapped, 16, value, &attribute.ulValueLen), CKR_OK);
	p11_end();
}

/* A key that the program made itself, for this session. */
static void created_keys(void **state)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY, data = CKO_DATA;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	unsigned char value[16] = {1};
	CK_ATTRIBUTE whole[] = {{CKA_VALUE, value, sizeof value},
				{CKA_CLASS, &class, sizeof class},
				{CKA_KEY_TYPE, &type, sizeof type},
				{CKA_TOKEN, &yes, sizeof yes}};

	(void)state;
	p11_begin();
	session = p11_open();
	for (CK_ULONG without = 0; without < 3; without++) {
		CK_ATTRIBUTE part[] = {whole[(without + 1) % 3], whole[(without + 2) % 3]};

		assert_int_equal(p11->C_CreateObject(session, part, 2, &key), CKR_TEMPLATE_INCOMPLETE);
	}
	assert_int_equal(p11->C_CreateObject(session, whole, 4, &key), CKR_TOKEN_WRITE_PROTECTED);
	assert_int_equal(key, CK_INVALID_HANDLE);
	assert_int_equal(p11->C_CreateObject(session, whole, 3, &key), CKR_OK);
	has(session, key, CKA_VALUE, sizeof value);
	assert_int_equal(p11->C_DestroyObject(session, key), CKR_OK);
	for (int i = 0; i < 2; i++) {
		CK_ATTRIBUTE given = {CKA_VALUE, value, sizeof value};

		whole[3] = i ? (CK_ATTRIBUTE){CKA_EXTRACTABLE, &no, sizeof no} : (CK_ATTRIBUTE){CKA_SENSITIVE, &yes, sizeof yes};
		assert_int_equal(p11->C_CreateObject(session, whole, 4, &key), CKR_OK);
		assert_int_equal(p11->C_GetAttributeValue(session, key, &given, 1), CKR_ATTRIBUTE_SENSITIVE);
	}
	whole[1].pValue = &data;
	assert_int_equal(p11->C_CreateObject(session, whole, 3, &key), CKR_TEMPLATE_INCONSISTENT);
	p11_end();
}

static void add_curve(struct buf *list, uint8_t type, const char *label, uint16_t uses)
{
	static const uint8_t point[34] = {0x04, 0x20, 0x99};
	CLEAN_BUF struct buf payload = BUF_INIT(BUF_MESSAGE_MAX);
	struct msg_pk_key row = {.ref = FAKE_EC,
				 .token = 1,
				 .flags = CERT_KEY | uses,
				 .type = type,
				 .id = view_string(label),
				 .label = view_string(label),
				 .parameters = view_string("a curve"),
				 .public_value = {point, sizeof point}};

	assert_int_equal(encode_pk_key(&payload, &row), 0);
	assert_int_equal(buf_add_u8(list, 'K'), 0);
	assert_int_equal(buf_add_bytes(list, buf_view(&payload)), 0);
}

static CK_RV derive_montgomery(CK_SESSION_HANDLE session, unsigned char *point, CK_ULONG length, CK_ULONG *ret_size)
{
	CK_ECDH1_DERIVE_PARAMS params = {.kdf = CKD_NULL, .ulPublicDataLen = length, .pPublicData = point};
	CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
	CK_ATTRIBUTE value = {CKA_VALUE, NULL, 0};
	CK_OBJECT_HANDLE secret;
	CK_RV rv = p11->C_DeriveKey(session, &mechanism, p11_find(session, CKO_PRIVATE_KEY, "x25519"), NULL, 0, &secret);

	rv = rv == CKR_OK ? p11->C_GetAttributeValue(session, secret, &value, 1) : rv;
	*ret_size = value.ulValueLen;
	return rv;
}

/* Ed25519 and X25519: no program of the regress tests uses the second. */
static void other_curves(void **state)
{
	CLEAN_BUF struct buf list = BUF_INIT(1 << 20);
	unsigned char data[] = "a message", signature[64], point[34] = {0x04, 0x20, 0x09};
	CK_MECHANISM eddsa = {CKM_EDDSA, NULL, 0}, with_context = {CKM_EDDSA, data, 4};
	CK_ULONG length = sizeof signature, size;
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session;

	(void)state;
	fake_agent_token = true;
	fake_agent_make_list(&list);
	add_curve(&list, KEY_EDWARDS, "ed25519", CERT_SIGN);
	add_curve(&list, KEY_MONTGOMERY, "x25519", CERT_DERIVE);
	p11_begin();
	fake_agent_set_list(buf_view(&list));
	session = p11_open();
	key = p11_find(session, CKO_PRIVATE_KEY, "ed25519");
	assert_int_equal(p11->C_SignInit(session, &with_context, key), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(p11->C_SignInit(session, &eddsa, p11_find(session, CKO_PRIVATE_KEY, "ec")), CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(p11->C_SignInit(session, &eddsa, key), CKR_OK);
	assert_int_equal(p11->C_SignUpdate(session, data, 5), CKR_OK);
	assert_int_equal(p11->C_SignUpdate(session, data, 4), CKR_OK);
	assert_int_equal(p11->C_SignFinal(session, signature, &length), CKR_OK);
	assert_int_equal(length, 64);
	/* The point as it is, and in an OCTET STRING. */
	assert_int_equal(derive_montgomery(session, point + 2, 32, &size), CKR_OK);
	assert_int_equal(size, 32);
	assert_int_equal(derive_montgomery(session, point, 34, &size), CKR_OK);
	assert_int_equal(size, 32);
	assert_int_equal(derive_montgomery(session, point, 0, &size), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(p11->C_SignInit(session, &eddsa, p11_find(session, CKO_PRIVATE_KEY, "x25519")), CKR_KEY_TYPE_INCONSISTENT);
	p11_end();
}

static atomic_bool stop;

static void *sign_on_and_on(void *context)
{
	CK_SESSION_HANDLE session;
	uintptr_t wrong = 0;

	(void)context;
	wrong += p11->C_OpenSession(p11_slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK;
	while (!stop)
		wrong += p11_sign_with(session, "rsa") != CKR_OK;
	return (void *)wrong;
}

/* As a program does that forks to start another, or a server that forks for each client. */
static void child(CK_SESSION_HANDLE inherited)
{
	unsigned char signature[256];
	CK_SESSION_HANDLE session;
	CK_ULONG length = sizeof signature, count = 8;
	CK_SLOT_ID slots[8];
	CK_INFO info;
	bool right = p11->C_SignFinal(inherited, signature, &length) == CKR_CRYPTOKI_NOT_INITIALIZED &&
		     p11->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED && p11->C_Initialize(NULL) == CKR_OK &&
		     p11->C_SignFinal(inherited, signature, &length) == CKR_SESSION_HANDLE_INVALID &&
		     p11->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK && count == 1 && slots[0] == p11_slot &&
		     p11->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK &&
		     p11_sign_with(session, "ec") == CKR_OK && p11->C_Finalize(NULL) == CKR_OK;

	_exit(right ? 0 : 1);
}

/* A sanitizer's allocator may be locked for ever in a process that was forked while others allocate. */
#ifdef __SANITIZE_ADDRESS__
#define OTHER_THREADS 0
#define FORKS 1
#else
#define OTHER_THREADS 2
#define FORKS 40
#endif

/* With an operation begun, and other threads in the middle of theirs. */
static void fork_in_the_middle(void **state)
{
	CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
	unsigned char data[] = "data", signature[256];
	CK_ULONG length = sizeof signature;
	CK_SESSION_HANDLE session;
	pthread_t threads[OTHER_THREADS + 1];
	void *wrong;
	int status;

	(void)state;
	p11_begin();
	session = p11_open();
	assert_int_equal(p11->C_SignInit(session, &mechanism, p11_find(session, CKO_PRIVATE_KEY, "rsa")), CKR_OK);
	assert_int_equal(p11->C_SignUpdate(session, data, 4), CKR_OK);
	stop = false;
	for (int i = 0; i < OTHER_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_on_and_on, NULL), 0);
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (!pid)
			child(session);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	stop = true;
	for (int i = 0; i < OTHER_THREADS; i++) {
		pthread_join(threads[i], &wrong);
		assert_int_equal((uintptr_t)wrong, 0);
	}
	assert_int_equal(p11->C_SignFinal(session, signature, &length), CKR_OK);
	p11_end();
}

struct use {
	CK_SESSION_HANDLE session;
	CK_RV rv;
};

static void *use_slow_key(void *context)
{
	struct use *use = context;

	use->rv = p11_sign_with(use->session, "rsa");
	return NULL;
}

static void wait_for_use(unsigned int before)
{
	for (int i = 0; i < 2000 && fake_agent_uses() == before; i++)
		usleep(5000);
	assert_true(fake_agent_uses() > before);
}

/* A session is closed, all are, or the module is ended, while a signature is being made with it. */
static void ended_in_the_middle(void **state)
{
	for (int way = 0; way < 3; way++) {
		struct use use = {0, CKR_OK};
		unsigned int before;
		pthread_t thread;

		(void)state;
		p11_begin();
		use.session = p11_open();
		assert_int_equal(p11_sign_with(use.session, "rsa"), CKR_OK);
		before = fake_agent_uses();
		fake_agent_keys = FAKE_SLOW;
		assert_int_equal(pthread_create(&thread, NULL, use_slow_key, &use), 0);
		wait_for_use(before);
		if (way == 0)
			assert_int_equal(p11->C_CloseSession(use.session), CKR_OK);
		else if (way == 1)
			assert_int_equal(p11->C_CloseAllSessions(p11_slot), CKR_OK);
		else
			assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
		pthread_join(thread, NULL);
		assert_int_equal(use.rv, way == 2 ? CKR_CRYPTOKI_NOT_INITIALIZED : CKR_OK);
		if (way == 2)
			assert_int_equal(p11->C_Initialize(NULL), CKR_OK);
		fake_agent_keys = FAKE_RIGHT;
		assert_int_equal(p11_sign_with(p11_open(), "rsa"), CKR_OK);
		p11_end();
	}
}

static void context_login(void **state)
{
	CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
	unsigned char pin[300] = "1234", data[] = "data", signature[256];
	CK_ULONG length = sizeof signature;
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session;

	(void)state;
	p11_begin();
	session = p11_open();
	key = p11_find(session, CKO_PRIVATE_KEY, "rsa");
	assert_int_equal(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, 4), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, sizeof pin), CKR_PIN_LEN_RANGE);
	assert_int_equal(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, 4), CKR_OK);
	assert_int_equal(p11->C_Sign(session, data, 4, signature, &length), CKR_OK);
	/* NULL: the agent asks, as it does for a program that says nothing. */
	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, NULL, 0), CKR_OK);
	assert_int_equal(p11->C_Sign(session, data, 4, signature, &length), CKR_OK);
	p11_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_that_programs_want), cmocka_unit_test(searches_for_nothing),
		cmocka_unit_test(decrypting_rules),		 cmocka_unit_test(derived_keys),
		cmocka_unit_test(created_keys),
		cmocka_unit_test(other_curves),
		cmocka_unit_test(fork_in_the_middle),		 cmocka_unit_test(ended_in_the_middle),
		cmocka_unit_test(context_login),
	};
	int failed;

	fake_agent_start();
	failed = cmocka_run_group_tests_name("pkcs11_use", tests, NULL, NULL);
	fake_agent_stop();
	return failed;
}
