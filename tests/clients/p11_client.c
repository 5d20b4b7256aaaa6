/* SPDX-License-Identifier: ISC
 *
 * A program that loads a PKCS#11 module once and signs, waits until it is told to go on, and signs
 * again with the handles that it has; one that gives the key's PIN with each use; one that logs in, signs,
 * logs out and ends its use of the module, TIMES times; one that has several copies of it, a copy for each
 * path and as many in a name space of their own; one that gives a wrong PIN and then the right one, and looks
 * what the token says of its tries; one that searches until it finds a key that COMMAND made; and one that signs
 * once, as long as that takes.
 *
 *     p11_client MODULE KEY-LABEL READY-FIFO GO-FIFO
 *     p11_client MODULE KEY-LABEL PIN
 *     p11_client MODULE KEY-LABEL --leave PIN TIMES
 *     p11_client MODULE KEY-LABEL --copies OTHER-PATH
 *     p11_client MODULE KEY-LABEL --tries PIN
 *     p11_client MODULE KEY-LABEL --later NEW-LABEL COMMAND
 *     p11_client MODULE KEY-LABEL --once
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static int start(void *library)
{
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;

	return !get || get(&p11) != CKR_OK || p11->C_Initialize(NULL) != CKR_OK;
}

static int load(const char *path)
{
	return start(dlopen(path, RTLD_NOW));
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

static int go_on(const char *label, const char *ready, const char *go)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_RV rv = open_session(label, &session);

	if (rv != CKR_OK)
		return failed("C_OpenSession", rv);
	key = find_key(session, label);
	rv = sign(session, key, NULL);
	if (rv != CKR_OK || wait_for_go(ready, go))
		return failed("first signature", rv);
	rv = sign(session, key, NULL);
	if (rv != CKR_OK)
		return failed("second signature", rv);
	if (find_key(session, label) != key)
		return failed("the key's handle changed", 0);
	rv = p11->C_Finalize(NULL);
	return rv == CKR_OK ? 0 : failed("C_Finalize", rv);
}

static int once(const char *label, const char *pin)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = open_session(label, &session);

	rv = rv == CKR_OK ? sign(session, find_key(session, label), pin) : rv;
	return rv == CKR_OK ? 0 : failed("first signature", rv);
}

static int leave(const char *label, const char *pin, int times)
{
	for (int i = 0; i < times; i++) {
		CK_SESSION_HANDLE session;
		CK_RV rv = i ? p11->C_Initialize(NULL) : CKR_OK;

		rv = rv == CKR_OK ? open_session(label, &session) : rv;
		rv = rv == CKR_OK ? p11->C_Login(session, CKU_USER, (unsigned char *)pin, strlen(pin)) : rv;
		rv = rv == CKR_OK ? sign(session, find_key(session, label), NULL) : rv;
		rv = rv == CKR_OK ? p11->C_Logout(session) : rv;
		rv = rv == CKR_OK ? p11->C_Finalize(NULL) : rv;
		if (rv != CKR_OK)
			return failed("in turn", rv);
	}
	return 0;
}

/* Each is used while the others are in use; the one that ends first ends nothing of theirs. */
static int copies(const char *label, const char *const paths[2])
{
	CK_FUNCTION_LIST *lists[4];

	for (int i = 0; i < 4; i++) {
		if (start(i < 2 ? dlopen(paths[i], RTLD_NOW) : dlmopen(LM_ID_NEWLM, paths[i - 2], RTLD_NOW)))
			return failed(dlerror(), 0);
		lists[i] = p11;
		if (once(label, NULL))
			return failed(paths[i % 2], 0);
	}
	for (int i = 0; i < 4; i++) {
		p11 = lists[i];
		if (once(label, NULL) || p11->C_Finalize(NULL) != CKR_OK)
			return failed("a copy after another ended", 0);
	}
	return 0;
}

static CK_RV log_in(CK_SESSION_HANDLE session, const char *pin, CK_FLAGS *ret_low)
{
	CK_SESSION_INFO info;
	CK_TOKEN_INFO token;
	CK_RV rv = p11->C_Login(session, CKU_USER, (unsigned char *)pin, strlen(pin));

	if (p11->C_GetSessionInfo(session, &info) != CKR_OK || p11->C_GetTokenInfo(info.slotID, &token) != CKR_OK)
		return CKR_GENERAL_ERROR;
	*ret_low = token.flags & CKF_USER_PIN_COUNT_LOW;
	return rv;
}

static int tries(const char *label, const char *pin)
{
	CK_SESSION_HANDLE session;
	CK_FLAGS low = 0;
	CK_RV rv = open_session(label, &session);

	if (rv != CKR_OK)
		return failed("C_OpenSession", rv);
	rv = log_in(session, "9999", &low);
	if (rv != CKR_PIN_INCORRECT || !low)
		return failed(low ? "a wrong PIN" : "no try was spent", rv);
	rv = log_in(session, pin, &low);
	return rv == CKR_OK && !low ? 0 : failed(low ? "no try was given back" : "the right PIN", rv);
}

/* Nothing is asked for but objects: what is new has to come by itself. */
static int later(const char *label, const char *new_label, const char *command)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = open_session(label, &session);

	if (rv != CKR_OK || find_key(session, new_label) || system(command))
		return failed("before the key was made", rv);
	for (int i = 0; i < 400; i++) {
		if (find_key(session, new_label))
			return 0;
		nanosleep(&(struct timespec){0, 50000000}, NULL);
	}
	return failed("the key was not found", 0);
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[3], "--copies"))
		return copies(argv[2], (const char *const[]){argv[1], argv[4]});
	if (argc < 4 || argc > 6 || load(argv[1]))
		return failed("load", 0);
	if (argc == 6 && !strcmp(argv[3], "--later"))
		return later(argv[2], argv[4], argv[5]);
	if (argc == 6 && !strcmp(argv[3], "--leave"))
		return leave(argv[2], argv[4], atoi(argv[5]));
	if (argc == 5 && !strcmp(argv[3], "--tries"))
		return tries(argv[2], argv[4]);
	if (argc == 5)
		return go_on(argv[2], argv[3], argv[4]);
	return once(argv[2], strcmp(argv[3], "--once") ? argv[3] : NULL);
}
