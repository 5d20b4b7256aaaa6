/* SPDX-License-Identifier: ISC
 *
 * C_GenerateKeyPair, called directly: libp11 0.4.12 knows RSA only, and takes keys that were not
 * born on the token.
 */
#include "keygen.h"

#include "log.h"
#include "session.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define ID_SIZE 20

/* OIDs of the curves, DER: CKA_EC_PARAMS. */
static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t p521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};

static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
/* Its name as a PrintableString, which PKCS#11 3.0 allows as well, and some modules want. */
static const uint8_t edwards25519[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'};

static const uint8_t x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e};

#define NO_CURVE {NULL, 0}

static const struct kind {
	const char *name;
	CK_ULONG bits; /* RSA */
	struct view curve, other_curve;
	CK_MECHANISM_TYPE mechanism, other_mechanism;
	bool signs, derives;
} kinds[] = {
	{"", 3072, NO_CURVE, NO_CURVE, CKM_RSA_PKCS_KEY_PAIR_GEN, 0, true, false},
	{"rsa:2048", 2048, NO_CURVE, NO_CURVE, CKM_RSA_PKCS_KEY_PAIR_GEN, 0, true, false},
	{"rsa:3072", 3072, NO_CURVE, NO_CURVE, CKM_RSA_PKCS_KEY_PAIR_GEN, 0, true, false},
	{"rsa:4096", 4096, NO_CURVE, NO_CURVE, CKM_RSA_PKCS_KEY_PAIR_GEN, 0, true, false},
	{"ec:P-256", 0, {p256, sizeof p256}, NO_CURVE, CKM_EC_KEY_PAIR_GEN, 0, true, true},
	{"ec:P-384", 0, {p384, sizeof p384}, NO_CURVE, CKM_EC_KEY_PAIR_GEN, 0, true, true},
	{"ec:P-521", 0, {p521, sizeof p521}, NO_CURVE, CKM_EC_KEY_PAIR_GEN, 0, true, true},
	{"ed25519", 0, {ed25519, sizeof ed25519}, {edwards25519, sizeof edwards25519}, CKM_EC_EDWARDS_KEY_PAIR_GEN,
	 CKM_EC_EDWARDS_KEY_PAIR_GEN, true, false},
	/* SoftHSM makes them by the Edwards curves' mechanism. */
	{"x25519", 0, {x25519, sizeof x25519}, {x25519, sizeof x25519}, CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
	 CKM_EC_EDWARDS_KEY_PAIR_GEN, false, true},
};

static const struct kind *find_kind(const char *type)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strcmp(kinds[i].name, type))
			return &kinds[i];
	return NULL;
}

static CK_RV generate(const struct session *session, const struct kind *kind, bool other, struct view label,
		      const uint8_t *id, CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM mechanism = {other ? kind->other_mechanism : kind->mechanism, NULL, 0};
	struct view curve = other ? kind->other_curve : kind->curve;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, rsa = kind->bits ? CK_TRUE : CK_FALSE,
		 signs = kind->signs ? CK_TRUE : CK_FALSE, derives = kind->derives ? CK_TRUE : CK_FALSE;
	CK_ULONG bits = kind->bits;
	uint8_t exponent[] = {1, 0, 1};
	void *name = (void *)(uintptr_t)label.data;
	CK_ATTRIBUTE public[] = {
		{CKA_TOKEN, &yes, sizeof yes},
		{CKA_PRIVATE, &no, sizeof no},
		{CKA_LABEL, name, label.length},
		{CKA_ID, (void *)(uintptr_t)id, ID_SIZE},
		{CKA_VERIFY, &signs, sizeof signs},
		{CKA_ENCRYPT, &rsa, sizeof rsa},
		/* the kind's own, below */
		{CKA_MODULUS_BITS, &bits, sizeof bits},
		{CKA_PUBLIC_EXPONENT, exponent, sizeof exponent},
	};
	CK_ATTRIBUTE private[] = {
		{CKA_TOKEN, &yes, sizeof yes},	   {CKA_PRIVATE, &yes, sizeof yes},
		{CKA_LABEL, name, label.length},   {CKA_ID, (void *)(uintptr_t)id, ID_SIZE},
		{CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
		{CKA_SIGN, &signs, sizeof signs},  {CKA_DECRYPT, &rsa, sizeof rsa},
		{CKA_DERIVE, &derives, sizeof derives},
	};
	CK_ULONG public_count = 8;
	CK_OBJECT_HANDLE handle;

	if (!kind->bits) {
		public[6] = (CK_ATTRIBUTE){CKA_EC_PARAMS, (void *)(uintptr_t)curve.data, curve.length};
		public_count = 7;
	}
	return session->p11->C_GenerateKeyPair(session->handle, &mechanism, public, public_count, private,
					       sizeof private / sizeof private[0], &handle, ret_private);
}

/* The token's own word that the key was made there and cannot be read. */
static int check_born_here(const struct session *session, CK_OBJECT_HANDLE key)
{
	CK_BBOOL local = CK_FALSE, extractable = CK_TRUE, sensitive = CK_FALSE;
	CK_ATTRIBUTE attributes[] = {{CKA_LOCAL, &local, sizeof local},
				     {CKA_EXTRACTABLE, &extractable, sizeof extractable},
				     {CKA_SENSITIVE, &sensitive, sizeof sensitive}};
	CK_RV rv = session->p11->C_GetAttributeValue(session->handle, key, attributes, 3);

	if (rv == CKR_OK && local && !extractable && sensitive)
		return 0;
	log_error("the token does not say that the new key is its own and stays there");
	session->p11->C_DestroyObject(session->handle, key);
	return ERR_TOKEN;
}

static bool label_taken(const struct session *session, struct view label)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
				   {CKA_LABEL, (void *)(uintptr_t)label.data, label.length}};
	CK_OBJECT_HANDLE found;
	CK_ULONG count = 0;

	if (session->p11->C_FindObjectsInit(session->handle, template, 2) != CKR_OK)
		return false;
	if (session->p11->C_FindObjects(session->handle, &found, 1, &count) != CKR_OK)
		count = 0;
	session->p11->C_FindObjectsFinal(session->handle);
	return count;
}

int keygen(struct module *module, const char *type, struct view label)
{
	const struct kind *kind = find_kind(type);
	CLEAN_SESSION struct session session = {NULL, 0};
	CK_OBJECT_HANDLE key = 0;
	uint8_t id[ID_SIZE];
	CK_RV rv;
	int rc;

	if (!kind || !label.length || RAND_bytes(id, sizeof id) != 1)
		return ERR_USAGE;
	rc = session_open(module, &session);
	if (rc)
		return rc;
	if (label_taken(&session, label))
		return ERR_TOKEN_EXISTS;
	rv = generate(&session, kind, false, label, id, &key);
	if (rv != CKR_OK && kind->other_mechanism)
		rv = generate(&session, kind, true, label, id, &key);
	rc = session_error("C_GenerateKeyPair", rv);
	return rc ? rc : check_born_here(&session, key);
}
