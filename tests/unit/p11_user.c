/* SPDX-License-Identifier: ISC
 *
 * The calls that nearly every test makes.
 */
#include "p11_user.h"

#include "fake_agent.h"
#include "fixture.h"

#include <string.h>

CK_FUNCTION_LIST *p11;
CK_SLOT_ID p11_slot;

void p11_begin(void)
{
	fake_agent_list = fake_agent_keys = FAKE_RIGHT;
	fake_agent_set_list((struct view){NULL, 0});
	fake_agent_offset = 0;
	fake_agent_token = true;
	assert_int_equal(C_GetFunctionList(&p11), CKR_OK);
	assert_int_equal(p11->C_Initialize(NULL), CKR_OK);
}

CK_SESSION_HANDLE p11_open(void)
{
	CK_SESSION_HANDLE session;
	CK_ULONG count = 1;

	assert_int_equal(p11->C_GetSlotList(CK_TRUE, &p11_slot, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(p11->C_OpenSession(p11_slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	return session;
}

CK_OBJECT_HANDLE p11_find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, const char *label)
{
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
				   {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_OBJECT_HANDLE found[4];
	CK_ULONG count = 0;

	assert_int_equal(p11->C_FindObjectsInit(session, template, 2), CKR_OK);
	assert_int_equal(p11->C_FindObjects(session, found, 4, &count), CKR_OK);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	return count == 1 ? found[0] : CK_INVALID_HANDLE;
}

CK_RV p11_sign_with(CK_SESSION_HANDLE session, const char *label)
{
	CK_MECHANISM mechanism = {strcmp(label, "rsa") ? CKM_ECDSA : CKM_SHA256_RSA_PKCS, NULL, 0};
	unsigned char data[32] = {0}, signature[512];
	CK_ULONG length = sizeof signature;
	CK_RV rv = p11->C_SignInit(session, &mechanism, p11_find(session, CKO_PRIVATE_KEY, label));

	return rv == CKR_OK ? p11->C_Sign(session, data, sizeof data, signature, &length) : rv;
}

void p11_end(void)
{
	assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
}
