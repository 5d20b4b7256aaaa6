/* SPDX-License-Identifier: ISC
 *
 * The whole PKCS#11 module before a hostile agent: what that says, request after request, with two 0xff
 * bytes between one and the next. A program lists, looks at every object, signs, decrypts, derives and logs
 * in. The linker puts connection_open and connection_finish of agent.c here (-Wl,--wrap).
 */
#include "connection.h"
#include "fuzz.h"

#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define AGENTS_MAX 64
#define OBJECTS_MAX 6

static const uint8_t *rest;
static size_t rest_length;
/* The agent's end of each connection, by the process that it is said to be. */
static int ends[AGENTS_MAX];
static unsigned int agents;

int __wrap_connection_open(smime_agent *agent, bool start);
int __wrap_connection_finish(smime_agent *agent, smime_agent_data data, void *context);
int __real_connection_finish(smime_agent *agent, smime_agent_data data, void *context);

int __wrap_connection_open(smime_agent *agent, bool start)
{
	int pair[2];

	if (!start || agents == AGENTS_MAX)
		return ERR_SPAWN;
	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	agent->fd = pair[0];
	agent->agent = (pid_t)(1 + agents % 2);
	agent->expected = 1;
	agent->progress_context = &ends[agents];
	ends[agents++] = pair[1];
	return 0;
}

/* Replies in what is said, as far as they are well-formed. */
static unsigned int count_replies(const uint8_t *data, size_t length)
{
	unsigned int count = 0;

	for (size_t at = 0; at < length; at++) {
		const uint8_t *end = memchr(data + at, '\n', length - at);

		if (!end)
			break;
		count += (end - data - (ptrdiff_t)at >= 2 && !memcmp(data + at, "OK", 2) && (data[at + 2] == '\n' || data[at + 2] == ' ')) ||
			 (end - data - (ptrdiff_t)at >= 4 && !memcmp(data + at, "ERR ", 4));
		at = (size_t)(end - data);
	}
	return count;
}

/* What is said next; where that is too little, the agent is gone then. */
int __wrap_connection_finish(smime_agent *agent, smime_agent_data data, void *context)
{
	const uint8_t *next = memmem(rest, rest_length, "\xff\xff", 2);
	size_t length = next ? (size_t)(next - rest) : rest_length;
	int *end = agent->progress_context;

	if (!length || send(*end, rest, length, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)length || rest[length - 1] != '\n' ||
	    count_replies(rest, length) < agent->expected)
		require(!shutdown(*end, SHUT_WR));
	rest_length -= next ? length + 2 : rest_length;
	rest = next ? next + 2 : rest;
	return __real_connection_finish(agent, data, context);
}

static void look(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	static const CK_ATTRIBUTE_TYPE types[] = {CKA_CLASS, CKA_ID, CKA_LABEL, CKA_VALUE, CKA_ISSUER, CKA_MODULUS,
						  CKA_MODULUS_BITS, CKA_EC_POINT, CKA_EC_PARAMS, CKA_SIGN, CKA_KEY_TYPE};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		unsigned char *value;
		CK_ATTRIBUTE attribute = {types[i], NULL, 0};

		if (p11->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK)
			continue;
		value = malloc(attribute.ulValueLen + 1); /* exactly as much: a sanitizer sees more */
		require(value);
		attribute.pValue = value;
		require(p11->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK);
		free(value);
	}
}

static void use(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	static const CK_MECHANISM_TYPE ways[] = {CKM_SHA256_RSA_PKCS, CKM_ECDSA_SHA256, CKM_EDDSA};
	unsigned char block[2048] = {4}, point[65] = {4};
	CK_ECDH1_DERIVE_PARAMS params = {.kdf = CKD_NULL, .ulPublicDataLen = sizeof point, .pPublicData = point};
	CK_MECHANISM ecdh = {CKM_ECDH1_DERIVE, &params, sizeof params}, rsa = {CKM_RSA_PKCS, NULL, 0};
	CK_OBJECT_HANDLE secret;
	CK_ULONG length;

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		CK_MECHANISM mechanism = {ways[i], NULL, 0};

		length = sizeof block;
		if (p11->C_SignInit(session, &mechanism, object) == CKR_OK && p11->C_Sign(session, block, 32, block, &length) == CKR_OK)
			require(length && length <= sizeof block);
	}
	length = 0;
	if (p11->C_DecryptInit(session, &rsa, object) == CKR_OK && p11->C_Decrypt(session, block, 1, NULL, &length) == CKR_OK) {
		CK_ULONG size = length < sizeof block ? length : sizeof block;

		length = sizeof block;
		if (p11->C_Decrypt(session, block, size, block, &length) == CKR_OK)
			require(length <= size);
	}
	if (p11->C_DeriveKey(session, &ecdh, object, NULL, 0, &secret) == CKR_OK)
		look(p11, session, secret);
}

static void use_slot(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot)
{
	CK_OBJECT_HANDLE objects[OBJECTS_MAX];
	CK_SESSION_HANDLE session;
	CK_TOKEN_INFO info;
	CK_ULONG count = 0;

	p11->C_GetTokenInfo(slot, &info);
	p11->C_GetMechanismList(slot, NULL, &count);
	count = 0;
	if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return;
	if (p11->C_FindObjectsInit(session, NULL, 0) == CKR_OK)
		p11->C_FindObjects(session, objects, OBJECTS_MAX, &count);
	require(count <= OBJECTS_MAX);
	for (CK_ULONG i = 0; i < count; i++) {
		look(p11, session, objects[i]);
		use(p11, session, objects[i]);
	}
	p11->C_Login(session, CKU_USER, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int lowest = fuzz_lowest_fd();
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slots[8];
	CK_ULONG count = 8;

	rest = data;
	rest_length = size;
	agents = 0;
	require(C_GetFunctionList(&p11) == CKR_OK && p11->C_Initialize(NULL) == CKR_OK);
	if (p11->C_GetSlotList(CK_FALSE, slots, &count) == CKR_OK)
		for (CK_ULONG i = 0; i < count && i < 3; i++)
			use_slot(p11, slots[i]);
	require(p11->C_Finalize(NULL) == CKR_OK);
	for (unsigned int i = 0; i < agents; i++)
		close(ends[i]);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
