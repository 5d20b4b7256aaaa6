/* SPDX-License-Identifier: ISC
 *
 * C_GenerateKeyPair, called directly: libp11 0.4.12 knows RSA only, and takes keys that were not
 * born on the token.
 */
#include "keygen.h"

#include "log.h"

#include <openssl/rand.h>
#include <p11-kit/p11-kit.h>
#include <stdio.h>
#include <string.h>

#define ID_SIZE 20

/* OIDs of the curves, DER: CKA_EC_PARAMS. */
static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t p521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};

static const struct kind {
	const char *name;
	CK_ULONG bits; /* RSA */
	struct view curve;
} kinds[] = {
	{"", 3072, {NULL, 0}},
	{"rsa:2048", 2048, {NULL, 0}},
	{"rsa:3072", 3072, {NULL, 0}},
	{"rsa:4096", 4096, {NULL, 0}},
	{"ec:P-256", 0, {p256, sizeof p256}},
	{"ec:P-384", 0, {p384, sizeof p384}},
	{"ec:P-521", 0, {p521, sizeof p521}},
};

static const struct kind *find_kind(const char *type)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strcmp(kinds[i].name, type))
			return &kinds[i];
	return NULL;
}

static int translate(const char *what, CK_RV rv)
{
	if (rv == CKR_OK)
		return 0;
	log_error("%s: %s", what, p11_kit_strerror(rv));
	switch (rv) {
	case CKR_MECHANISM_INVALID:
	case CKR_CURVE_NOT_SUPPORTED:
	case CKR_KEY_SIZE_RANGE:
	case CKR_DOMAIN_PARAMS_INVALID:
	case CKR_FUNCTION_NOT_SUPPORTED:
		return ERR_MECHANISM;
	case CKR_TOKEN_WRITE_PROTECTED:
		return ERR_TOKEN_READ_ONLY;
	}
	return ERR_TOKEN;
}

static CK_RV generate(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct kind *kind,
		      struct view label, const uint8_t *id, CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM mechanism = {kind->bits ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, rsa = kind->bits ? CK_TRUE : CK_FALSE,
		 ec = kind->bits ? CK_FALSE : CK_TRUE;
	CK_ULONG bits = kind->bits;
	uint8_t exponent[] = {1, 0, 1};
	void *name = (void *)(uintptr_t)label.data;
	CK_ATTRIBUTE public[] = {
		{CKA_TOKEN, &yes, sizeof yes},
		{CKA_PRIVATE, &no, sizeof no},
		{CKA_LABEL, name, label.length},
		{CKA_ID, (void *)(uintptr_t)id, ID_SIZE},
		{CKA_VERIFY, &yes, sizeof yes},
		{CKA_ENCRYPT, &rsa, sizeof rsa},
		/* the kind's own, below */
		{CKA_MODULUS_BITS, &bits, sizeof bits},
		{CKA_PUBLIC_EXPONENT, exponent, sizeof exponent},
	};
	CK_ATTRIBUTE private[] = {
		{CKA_TOKEN, &yes, sizeof yes},	   {CKA_PRIVATE, &yes, sizeof yes},
		{CKA_LABEL, name, label.length},   {CKA_ID, (void *)(uintptr_t)id, ID_SIZE},
		{CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
		{CKA_SIGN, &yes, sizeof yes},	   {CKA_DECRYPT, &rsa, sizeof rsa},
		{CKA_DERIVE, &ec, sizeof ec},
	};
	CK_ULONG public_count = 8;
	CK_OBJECT_HANDLE handle;

	if (!kind->bits) {
		public[6] = (CK_ATTRIBUTE){CKA_EC_PARAMS, (void *)(uintptr_t)kind->curve.data, kind->curve.length};
		public_count = 7;
	}
	return p11->C_GenerateKeyPair(session, &mechanism, public, public_count, private,
				      sizeof private / sizeof private[0], &handle, ret_private);
}

/* The token's own word that the key was made there and cannot be read. */
static int check_born_here(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_BBOOL local = CK_FALSE, extractable = CK_TRUE, sensitive = CK_FALSE;
	CK_ATTRIBUTE attributes[] = {{CKA_LOCAL, &local, sizeof local},
				     {CKA_EXTRACTABLE, &extractable, sizeof extractable},
				     {CKA_SENSITIVE, &sensitive, sizeof sensitive}};
	CK_RV rv = p11->C_GetAttributeValue(session, key, attributes, 3);

	if (rv == CKR_OK && local && !extractable && sensitive)
		return 0;
	log_error("the token does not say that the new key is its own and stays there");
	p11->C_DestroyObject(session, key);
	return ERR_TOKEN;
}

static bool label_taken(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, struct view label)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
				   {CKA_LABEL, (void *)(uintptr_t)label.data, label.length}};
	CK_OBJECT_HANDLE found;
	CK_ULONG count = 0;

	if (p11->C_FindObjectsInit(session, template, 2) != CKR_OK)
		return false;
	if (p11->C_FindObjects(session, &found, 1, &count) != CKR_OK)
		count = 0;
	p11->C_FindObjectsFinal(session);
	return count;
}

int keygen(struct module *module, const char *type, struct view label)
{
	const struct kind *kind = find_kind(type);
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	uint8_t id[ID_SIZE];
	int rc;

	if (!kind || !label.length || RAND_bytes(id, sizeof id) != 1)
		return ERR_USAGE;
	/* The same loaded library: libp11's login counts for this session too. */
	p11 = p11_kit_module_load(module->path, P11_KIT_MODULE_UNMANAGED);
	if (!p11)
		return ERR_MODULE;
	rc = translate("C_OpenSession",
		       p11->C_OpenSession(PKCS11_get_slotid_from_slot(module->slot),
					  CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	if (rc)
		return rc;
	if (label_taken(p11, session, label))
		rc = ERR_TOKEN_EXISTS;
	else
		rc = translate("C_GenerateKeyPair", generate(p11, session, kind, label, id, &key));
	rc = rc ? rc : check_born_here(p11, session, key);
	p11->C_CloseSession(session);
	return rc;
}
