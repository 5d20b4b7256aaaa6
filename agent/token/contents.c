/* SPDX-License-Identifier: ISC
 *
 * Reads a token's certificates and keys. Everything a module says has a bound here. A private key
 * belongs to the certificates with its name; one without a certificate is listed by its public half.
 */
#include "contents.h"

#include "log.h"
#include "module.h"

#include <string.h>

#define FIND_BATCH 64
/* PKCS#11 3.0; p11-kit 0.24's header has it not. */
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x41UL
#endif

static uint32_t next_ref = 1;

static void key_free(struct key *key)
{
	if (!key)
		return;
	buf_done(&key->id);
	buf_done(&key->label);
	buf_done(&key->der);
	buf_done(&key->parameters);
	buf_done(&key->public_value);
	free(key);
}

void contents_free(struct key *keys)
{
	while (keys) {
		struct key *next = keys->next;

		key_free(keys);
		keys = next;
	}
}

/* One attribute of variable size. An attribute that the object lacks leaves the buffer empty. */
static int read_bytes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		      struct buf *into)
{
	CK_ATTRIBUTE attribute = {type, NULL, 0};
	CK_RV rv = module->C_GetAttributeValue(session, object, &attribute, 1);
	int rc;

	if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
	    (rv == CKR_OK && attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION))
		return 0;
	if (rv != CKR_OK)
		return module_error(rv);
	rc = buf_reserve(into, attribute.ulValueLen);
	if (rc)
		return rc;
	attribute.pValue = into->data;
	rv = attribute.ulValueLen ? module->C_GetAttributeValue(session, object, &attribute, 1) : CKR_OK;
	if (rv != CKR_OK || attribute.ulValueLen > into->capacity)
		return rv == CKR_OK ? ERR_TOKEN : module_error(rv);
	into->length = attribute.ulValueLen;
	return 0;
}

/* Sets the flag if the attribute is there and true. Modules have many words for one that is not there; only
 * what is wrong with the session or the token is an error. */
static int read_flag(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, uint16_t flag,
		     uint16_t *flags)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE attribute = {type, &value, sizeof value};
	CK_RV rv = module->C_GetAttributeValue(session, object, &attribute, 1);

	int err = module_error(rv);

	if (rv == CKR_OK && attribute.ulValueLen == sizeof value && value)
		*flags |= flag;
	return rv == CKR_DEVICE_ERROR || module_session_lost(rv) || err == ERR_TOKEN_REMOVED || err == ERR_NOT_LOGGED_IN
		       ? err
		       : 0;
}

/* The handles of a search for one class, at most CERTS_MAX. The caller frees. */
static int find_objects(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE **ret_found,
		size_t *ret_count)
{
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof class};
	CLEAN_FREE CK_OBJECT_HANDLE *found = calloc(CERTS_MAX, sizeof *found);
	size_t length = 0;
	CK_ULONG got;
	CK_RV rv;

	if (!found)
		return ERR_NO_MEMORY;
	rv = module->C_FindObjectsInit(session, &template, 1);
	if (rv != CKR_OK)
		return module_error(rv);
	do {
		CK_ULONG room = CERTS_MAX - length < FIND_BATCH ? CERTS_MAX - length : FIND_BATCH;

		got = 0;
		rv = room ? module->C_FindObjects(session, found + length, room, &got) : CKR_OK;
		if (rv == CKR_OK && got <= room)
			length += got;
	} while (rv == CKR_OK && got);
	module->C_FindObjectsFinal(session);
	if (rv != CKR_OK)
		return module_error(rv);
	*ret_found = TAKE(found);
	*ret_count = length;
	return 0;
}

/* The ref that the same object had before, so that others need not learn a new one. */
static uint32_t earlier_ref(const struct key *keys, const struct key *like)
{
	for (; keys; keys = keys->next)
		if (view_equal(buf_view(&keys->der), buf_view(&like->der)) &&
		    view_equal(buf_view(&keys->id), buf_view(&like->id)) &&
		    view_equal(buf_view(&keys->public_value), buf_view(&like->public_value)) &&
		    view_equal(buf_view(&keys->parameters), buf_view(&like->parameters)))
			return keys->ref;
	return next_ref++;
}

static CK_ULONG read_number(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
	CK_ATTRIBUTE attribute = {type, &value, sizeof value};
	CK_RV rv = module->C_GetAttributeValue(session, object, &attribute, 1);

	return rv == CKR_OK && attribute.ulValueLen == sizeof value ? value : CK_UNAVAILABLE_INFORMATION;
}

static enum key_type key_type(CK_ULONG type)
{
	switch (type) {
	case CKK_RSA:
		return KEY_RSA;
	case CKK_EC:
		return KEY_EC;
	case CKK_EC_EDWARDS:
		return KEY_EDWARDS;
	case CKK_EC_MONTGOMERY:
		return KEY_MONTGOMERY;
	}
	return KEY_OTHER;
}

/* SoftHSM has X25519 keys among those of Edwards curves. */
static enum key_type read_type(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	static const char named[] = "\x13\x0a" "curve25519", by_oid[] = "\x06\x03\x2b\x65\x6e";
	CLEAN_BUF struct buf curve = BUF_INIT(PUBLIC_MAX);
	enum key_type type = key_type(read_number(session, object, CKA_KEY_TYPE));

	if (type != KEY_EDWARDS || read_bytes(session, object, CKA_EC_PARAMS, &curve))
		return type;
	return view_equal(buf_view(&curve), view_string(named)) || view_equal(buf_view(&curve), view_string(by_oid))
		       ? KEY_MONTGOMERY
		       : type;
}

/* The public half of a key, from its public or its private object. */
static int read_public(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, struct key *key)
{
	bool rsa;
	int rc;

	key->type = read_type(session, object);
	rsa = key->type == KEY_RSA;
	if (key->type == KEY_OTHER)
		return 0;
	rc = read_bytes(session, object, rsa ? CKA_MODULUS : CKA_EC_PARAMS, &key->parameters);
	return rc ? rc : read_bytes(session, object, rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT, &key->public_value);
}

static int read_object(struct token *token, CK_OBJECT_HANDLE object, bool cert, struct key **ret_key)
{
	CK_SESSION_HANDLE session = token->pool.anchor;
	struct key *key = calloc(1, sizeof *key);
	int rc;

	if (!key)
		return ERR_NO_MEMORY;
	key->id = BUF_INIT(KEY_ID_MAX);
	key->label = BUF_INIT(LABEL_MAX);
	key->der = BUF_INIT(CERT_DER_MAX);
	key->parameters = key->public_value = BUF_INIT(PUBLIC_MAX);
	rc = cert ? read_bytes(session, object, CKA_VALUE, &key->der) : read_public(session, object, key);
	rc = rc ? rc : read_bytes(session, object, CKA_ID, &key->id);
	rc = rc ? rc : read_bytes(session, object, CKA_LABEL, &key->label);
	if (rc) {
		key_free(key);
		return rc;
	}
	key->ref = earlier_ref(token->keys, key);
	*ret_key = key;
	return 0;
}

/* What ties a certificate and the halves of a key together: CKA_ID, or where that is empty, the label. */
struct name {
	struct buf id, label;
	enum key_type type;
};

static void name_done(struct name *name)
{
	buf_done(&name->id);
	buf_done(&name->label);
}

#define NAME_INIT ((struct name){BUF_INIT(KEY_ID_MAX), BUF_INIT(LABEL_MAX), KEY_OTHER})
#define CLEAN_NAME CLEANUP(name_done)

static int read_name(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, struct name *ret_name)
{
	int rc;

	ret_name->type = read_type(session, object);
	rc = read_bytes(session, object, CKA_ID, &ret_name->id);
	return rc ? rc : read_bytes(session, object, CKA_LABEL, &ret_name->label);
}

/* A row without a certificate tells its type, too. */
static bool is_named(const struct key *key, const struct name *name)
{
	if (!key->der.length && key->type != name->type)
		return false;
	if (name->id.length || key->id.length)
		return view_equal(buf_view(&key->id), buf_view(&name->id));
	return name->label.length && view_equal(buf_view(&key->label), buf_view(&name->label));
}

static bool has_named(const struct key *keys, const struct name *name)
{
	while (keys && !is_named(keys, name))
		keys = keys->next;
	return keys;
}

static struct key **end_of(struct key **list)
{
	while (*list)
		list = &(*list)->next;
	return list;
}

/* Adds the certificates, or the public keys of which there is no certificate. */
static int read_class(struct token *token, CK_OBJECT_CLASS class, struct key **list)
{
	CLEAN_FREE CK_OBJECT_HANDLE *found = NULL;
	CK_SESSION_HANDLE session = token->pool.anchor;
	bool certs = class == CKO_CERTIFICATE;
	struct key **last = end_of(list);
	size_t count = 0;
	int rc = find_objects(session, class, &found, &count);

	for (size_t i = 0; i < count && !rc; i++) {
		CLEAN_NAME struct name name = NAME_INIT;

		if (certs && read_number(session, found[i], CKA_CERTIFICATE_TYPE) != CKC_X_509)
			continue;
		rc = certs ? 0 : read_name(session, found[i], &name);
		if (!rc && !certs && has_named(*list, &name))
			continue;
		rc = rc ? rc : read_object(token, found[i], certs, last);
		if (!rc)
			last = &(*last)->next;
		/* A public key that cannot be read is no reason to be without the certificates. */
		if (rc == ERR_TOO_LARGE || (rc && !certs && rc != ERR_NO_MEMORY && rc != ERR_TOKEN_REMOVED)) {
			log_warn("slot %lu: an object is left out: %s", token->slot, error_text(rc));
			rc = 0;
		}
	}
	return rc;
}

static bool sees_private(const struct token *token)
{
	return !(token->info.flags & CKF_LOGIN_REQUIRED) || session_logged_in(&token->pool);
}

/* Keys that only a login shows stay known without it. */
static void keep_private_only(struct key **from, struct key **list)
{
	while (*from) {
		struct key *key = *from;

		if (!key->private_only) {
			from = &key->next;
			continue;
		}
		*from = key->next;
		key->next = NULL;
		*end_of(list) = key;
	}
}

static int read_list(struct token *token)
{
	struct key *keys = NULL;
	int rc = read_class(token, CKO_CERTIFICATE, &keys);

	rc = rc ? rc : read_class(token, CKO_PUBLIC_KEY, &keys);
	if (rc) {
		contents_free(keys);
		return rc;
	}
	if (!sees_private(token))
		keep_private_only(&token->keys, &keys);
	contents_free(token->keys);
	token->keys = keys;
	return 0;
}

static int private_flags(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, uint16_t *ret_flags)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		uint16_t flag;
	} table[] = {
		{CKA_SIGN, CERT_SIGN},	   {CKA_DECRYPT, CERT_DECRYPT}, {CKA_UNWRAP, CERT_DECRYPT},
		{CKA_DERIVE, CERT_DERIVE}, {CKA_ALWAYS_AUTHENTICATE, CERT_ALWAYS_AUTH},
	};
	uint16_t flags = CERT_KEY;
	int rc = 0;

	for (size_t i = 0; i < sizeof table / sizeof table[0] && !rc; i++)
		rc = read_flag(session, object, table[i].type, table[i].flag, &flags);
	if (!rc)
		*ret_flags = flags;
	return rc;
}

/* An object that is odd is left out. One that cannot be read now is no reason to say that there is no key. */
static bool is_trouble(int err)
{
	return err == ERR_NO_MEMORY || err == ERR_TOKEN_REMOVED || err == ERR_NOT_LOGGED_IN || err == ERR_KEY_STALE;
}

/* A private key: known by certificates or a public key with its id, or else by itself. */
static int take_private(struct token *token, CK_OBJECT_HANDLE object)
{
	CLEAN_NAME struct name name = NAME_INIT;
	CK_SESSION_HANDLE session = token->pool.anchor;
	struct key **end = end_of(&token->keys);
	uint16_t flags;
	int rc = read_name(session, object, &name);

	if (!rc && !has_named(token->keys, &name)) {
		rc = read_object(token, object, false, end);
		if (!rc)
			(*end)->private_only = true;
	}
	if (rc)
		return is_trouble(rc) ? rc : 0;
	rc = private_flags(session, object, &flags);
	if (rc)
		return rc;
	/* One that was just added is meant even if it has no name at all. */
	for (struct key *key = token->keys; key; key = key->next)
		if (key == *end || is_named(key, &name)) {
			key->handle = object;
			key->flags = flags;
		}
	return 0;
}

int contents_read_keys(struct token *token)
{
	CLEAN_FREE CK_OBJECT_HANDLE *found = NULL;
	size_t count = 0;
	int rc = find_objects(token->pool.anchor, CKO_PRIVATE_KEY, &found, &count);
	bool all = !rc && sees_private(token); /* still, after the search */

	if (rc)
		return rc;
	for (struct key *key = token->keys; key; key = key->next)
		key->flags = all ? CERT_NO_KEY : 0;
	for (size_t i = 0; i < count && !rc; i++)
		rc = take_private(token, found[i]);
	/* Of those that were not come to, nothing is known. */
	for (struct key *key = token->keys; key && rc; key = key->next)
		key->flags &= (uint16_t)~CERT_NO_KEY;
	return rc;
}

/* What the token can do with its keys: TOKEN_* of messages.h. */
static uint32_t mechanism_flag(CK_MECHANISM_TYPE mechanism)
{
	switch (mechanism) {
	case CKM_RSA_X_509:
		return TOKEN_RSA_RAW;
	case CKM_RSA_PKCS:
		return TOKEN_RSA_PKCS;
	case CKM_RSA_PKCS_OAEP:
		return TOKEN_RSA_OAEP;
	case CKM_RSA_PKCS_PSS:
		return TOKEN_RSA_PSS;
	case CKM_ECDSA:
		return TOKEN_ECDSA;
	case CKM_ECDH1_DERIVE:
		return TOKEN_ECDH;
	case CKM_EDDSA:
		return TOKEN_EDDSA;
	}
	return 0;
}

static int read_mechanisms(struct token *token)
{
	CK_MECHANISM_TYPE list[512];
	CK_ULONG count = sizeof list / sizeof list[0];
	CK_RV rv = module->C_GetMechanismList(token->slot, list, &count);

	if (rv != CKR_OK || count > sizeof list / sizeof list[0])
		return rv == CKR_OK ? ERR_TOKEN : module_error(rv);
	token->mechanisms = 0;
	for (CK_ULONG i = 0; i < count; i++)
		token->mechanisms |= mechanism_flag(list[i]);
	return 0;
}

int contents_read(struct token *token)
{
	int rc = read_mechanisms(token);

	rc = rc ? rc : read_list(token);
	return rc ? rc : contents_read_keys(token);
}
