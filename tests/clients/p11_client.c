/* SPDX-License-Identifier: ISC
 *
 * A program that loads a PKCS#11 module once and signs, waits until it is told to go on, and signs
 * again with the handles that it has; or one that gives the key's PIN with each use:
 *
 *     p11_client MODULE KEY-LABEL READY-FIFO GO-FIFO
 *     p11_client MODULE KEY-LABEL PIN
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <string.h>

static CK_FUNCTION_LIST *p11;

static int failed(const char *what, CK_RV rv)
{
	fprintf(stderr, "%s: 0x%lx\n", what, rv);
	return 1;
}

static CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, const char *label)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)label, strlen(label)}};
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_ULONG count = 0;

	if (p11->C_FindObjectsInit(session, template, 2) == CKR_OK) {
		p11->C_FindObjects(session, &key, 1, &count);
		p11->C_FindObjectsFinal(session);
	}
	return count ? key : CK_INVALID_HANDLE;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const char *pin)
{
	CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
	unsigned char data[] = "data", signature[1024];
	CK_ULONG length = sizeof signature;
	CK_RV rv = p11->C_SignInit(session, &mechanism, key);

	if (rv == CKR_OK && pin)
		rv = p11->C_Login(session, CKU_CONTEXT_SPECIFIC, (unsigned char *)pin, strlen(pin));
	return rv == CKR_OK ? p11->C_Sign(session, data, sizeof data, signature, &length) : rv;
}

static int load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;

	return !get || get(&p11) != CKR_OK || p11->C_Initialize(NULL) != CKR_OK;
}

static int wait_for_go(const char *ready, const char *go)
{
	FILE *file = fopen(ready, "w");
	char line[16];
	int ok = file && fputs("ready\n", file) >= 0;

	if (file && fclose(file))
		ok = 0;
	file = ok ? fopen(go, "r") : NULL;
	ok = file && fgets(line, sizeof line, file);
	if (file)
		fclose(file);
	return !ok;
}

/* A session with the first token that has a key of this label. */
static CK_RV open_session(const char *label, CK_SESSION_HANDLE *ret_session)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = 16;
	CK_RV rv = p11->C_GetSlotList(CK_TRUE, slots, &count);

	for (CK_ULONG i = 0; i < count && rv == CKR_OK; i++) {
		rv = p11->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, ret_session);
		if (rv == CKR_OK && find_key(*ret_session, label))
			return CKR_OK;
	}
	return rv == CKR_OK ? CKR_KEY_HANDLE_INVALID : rv;
}

int main(int argc, char **argv)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_RV rv;

	if (argc < 4 || argc > 5 || load(argv[1]))
		return failed("load", 0);
	rv = open_session(argv[2], &session);
	if (rv != CKR_OK)
		return failed("C_OpenSession", rv);
	key = find_key(session, argv[2]);
	rv = sign(session, key, argc == 4 ? argv[3] : NULL);
	if (rv == CKR_OK && argc == 4)
		return 0;
	if (rv != CKR_OK || wait_for_go(argv[3], argv[4]))
		return failed("first signature", rv);
	rv = sign(session, key, NULL);
	if (rv != CKR_OK)
		return failed("second signature", rv);
	if (find_key(session, argv[2]) != key)
		return failed("the key's handle changed", 0);
	rv = p11->C_Finalize(NULL);
	return rv == CKR_OK ? 0 : failed("C_Finalize", rv);
}
