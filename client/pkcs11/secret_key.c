/* SPDX-License-Identifier: ISC
 *
 * Their values are in locked memory, and wiped.
 */
#include "secret_key.h"

#include "cipher.h"

#include <stdlib.h>
#include <string.h>

/* Handles of token objects are below (keyring.h). */
#define HANDLE_FIRST 0x40000000ul
#define COUNT_MAX 10000

static struct secret_key *secret_keys;
static CK_OBJECT_HANDLE next_handle = HANDLE_FIRST;
static unsigned int count_of_keys;

struct secret_key *secret_keys_first(void)
{
	return secret_keys;
}

struct secret_key *secret_key_find(CK_OBJECT_HANDLE handle)
{
	for (struct secret_key *key = secret_keys; key; key = key->next)
		if (key->handle == handle)
			return key;
	return NULL;
}

void secret_key_free(struct secret_key *key)
{
	struct secret_key **at = &secret_keys;

	if (!key)
		return;
	while (*at && *at != key)
		at = &(*at)->next;
	if (*at) {
		*at = key->next;
		count_of_keys--;
	}
	secret_free(key->value);
	buf_done(&key->label);
	buf_done(&key->id);
	free(key);
}

static bool read_ulong(const CK_ATTRIBUTE *attribute, CK_ULONG *ret_value)
{
	if (!attribute->pValue || attribute->ulValueLen != sizeof *ret_value)
		return false;
	memcpy(ret_value, attribute->pValue, sizeof *ret_value);
	return true;
}

static bool read_bool(const CK_ATTRIBUTE *attribute, bool *ret_value)
{
	if (!attribute->pValue || attribute->ulValueLen != sizeof(CK_BBOOL))
		return false;
	*ret_value = *(const CK_BBOOL *)attribute->pValue != CK_FALSE;
	return true;
}

static bool read_view(const CK_ATTRIBUTE *attribute, struct view *ret_view)
{
	if ((!attribute->pValue && attribute->ulValueLen) || attribute->ulValueLen > 1024)
		return false;
	*ret_view = (struct view){attribute->pValue, attribute->ulValueLen};
	return true;
}

static CK_RV read_attribute(const CK_ATTRIBUTE *attribute, struct secret_template *template)
{
	CK_ULONG number = CKO_SECRET_KEY;
	bool token = false, ok = true;

	switch (attribute->type) {
	case CKA_CLASS:
		ok = template->has_class = read_ulong(attribute, &number);
		break;
	case CKA_TOKEN:
		ok = read_bool(attribute, &token);
		break;
	case CKA_KEY_TYPE:
		ok = template->has_type = read_ulong(attribute, &template->type);
		break;
	case CKA_VALUE_LEN:
		ok = read_ulong(attribute, &template->length);
		break;
	case CKA_SENSITIVE:
		ok = read_bool(attribute, &template->sensitive);
		break;
	case CKA_EXTRACTABLE:
		ok = read_bool(attribute, &template->extractable);
		break;
	case CKA_VALUE:
		ok = read_view(attribute, &template->value);
		break;
	case CKA_LABEL:
		ok = read_view(attribute, &template->label);
		break;
	case CKA_ID:
		ok = read_view(attribute, &template->id);
		break;
	}
	if (!ok)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (token)
		return CKR_TOKEN_WRITE_PROTECTED;
	return number == CKO_SECRET_KEY ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

CK_RV secret_template_read(const CK_ATTRIBUTE *attributes, CK_ULONG count, struct secret_template *ret_template)
{
	CK_RV rv = attributes || !count ? CKR_OK : CKR_ARGUMENTS_BAD;

	/* An object on the token is refused as such, whatever else it is. */
	for (CK_ULONG i = 0; i < count && rv == CKR_OK; i++)
		if (attributes[i].type == CKA_TOKEN)
			rv = read_attribute(&attributes[i], ret_template);
	*ret_template = (struct secret_template){.type = CKK_GENERIC_SECRET, .extractable = true};
	for (CK_ULONG i = 0; i < count && rv == CKR_OK; i++)
		rv = read_attribute(&attributes[i], ret_template);
	return rv;
}

CK_RV secret_key_new(CK_SESSION_HANDLE session, const struct secret_template *template, struct view value,
		     CK_OBJECT_HANDLE *ret_handle)
{
	struct secret_key *key;

	if (!value.length || value.length > SECRET_MAX || (template->type == CKK_AES && !cipher_key_fits(value.length)))
		return CKR_TEMPLATE_INCONSISTENT;
	key = count_of_keys < COUNT_MAX ? calloc(1, sizeof *key) : NULL;
	if (!key)
		return CKR_HOST_MEMORY;
	*key = (struct secret_key){.handle = next_handle++,
				   .session = session,
				   .type = template->type,
				   .sensitive = template->sensitive,
				   .extractable = template->extractable,
				   .value = secret_new(value),
				   .label = BUF_INIT(1024),
				   .id = BUF_INIT(1024)};
	if (!key->value || buf_add(&key->label, template->label.data, template->label.length) ||
	    buf_add(&key->id, template->id.data, template->id.length)) {
		secret_key_free(key);
		return CKR_HOST_MEMORY;
	}
	key->next = secret_keys;
	secret_keys = key;
	count_of_keys++;
	*ret_handle = key->handle;
	return CKR_OK;
}

void secret_keys_end_session(CK_SESSION_HANDLE session)
{
	for (struct secret_key *key = secret_keys, *next; key; key = next) {
		next = key->next;
		if (key->session == session)
			secret_key_free(key);
	}
}

void secret_keys_abandon(void)
{
	secret_keys = NULL;
	count_of_keys = 0;
}

void secret_keys_end(void)
{
	while (secret_keys)
		secret_key_free(secret_keys);
}
