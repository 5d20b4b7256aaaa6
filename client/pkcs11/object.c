/* SPDX-License-Identifier: ISC
 *
 * Finding objects and reading their attributes, from memory; and refusing to change any.
 */
#include "agent.h"
#include "attribute.h"
#include "functions.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

/* Of the objects on the session's token. */
static CK_RV read_attribute(const struct session *session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type,
			    struct attribute *ret_attribute)
{
	const struct secret_key *secret = secret_key_find(handle);
	enum side side;
	const struct key *key = secret ? NULL : keyring_find(handle, &side);

	if (secret)
		return attribute_of_secret(secret, type, ret_attribute);
	return key && key->slot == session->slot ? attribute_of_key(key, side, type, ret_attribute) : CKR_OBJECT_HANDLE_INVALID;
}

static bool fits(const struct session *session, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *template, CK_ULONG count)
{
	for (CK_ULONG i = 0; i < count; i++) {
		struct view wanted = {template[i].pValue, template[i].ulValueLen};
		struct attribute attribute;

		if (read_attribute(session, handle, template[i].type, &attribute) != CKR_OK ||
		    !view_equal(attribute.value, wanted))
			return false;
	}
	return true;
}

static CK_RV add_found(struct search *search, size_t *room, CK_OBJECT_HANDLE handle)
{
	if (search->count == *room) {
		size_t more = *room ? 2 * *room : 16;
		CK_OBJECT_HANDLE *found = realloc(search->found, more * sizeof *found);

		if (!found)
			return CKR_HOST_MEMORY;
		search->found = found;
		*room = more;
	}
	search->found[search->count++] = handle;
	return CKR_OK;
}

static CK_RV find_all(struct session *session, const CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct search *search = &session->search;
	CK_RV rv = CKR_OK;
	size_t room = 0;

	for (const struct key *key = keyring_keys(); key && rv == CKR_OK; key = key->next)
		for (enum side side = SIDE_CERT; side <= SIDE_PRIVATE && rv == CKR_OK; side++)
			if (key->slot == session->slot && keyring_has(key, side) &&
			    fits(session, keyring_handle(key, side), template, count))
				rv = add_found(search, &room, keyring_handle(key, side));
	for (const struct secret_key *key = secret_keys_first(); key && rv == CKR_OK; key = key->next) {
		const struct session *owner = session_find(key->session);

		if (owner && owner->slot == session->slot && fits(session, key->handle, template, count))
			rv = add_found(search, &room, key->handle);
	}
	if (rv != CKR_OK)
		search_end(search);
	return rv;
}

static CK_RV check_template(const CK_ATTRIBUTE *template, CK_ULONG count)
{
	if (!template && count)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; i < count; i++)
		if (!template[i].pValue && template[i].ulValueLen)
			return CKR_ATTRIBUTE_VALUE_INVALID;
	return CKR_OK;
}

CK_RV p11_find_objects_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct session *session;
	CK_RV rv = session_enter(handle, true, &session);

	if (rv != CKR_OK)
		return rv;
	rv = check_template(template, count);
	if (rv != CKR_OK)
		return module_leave(rv);
	if (session->search.going_on)
		return module_leave(CKR_OPERATION_ACTIVE);
	if (!session->slot->present)
		return module_leave(CKR_DEVICE_REMOVED);
	rv = find_all(session, template, count);
	session->search.going_on = rv == CKR_OK;
	return module_leave(rv);
}

CK_RV p11_find_objects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *into, CK_ULONG most, CK_ULONG *ret_count)
{
	struct session *session;
	struct search *search;
	size_t count;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	if (!ret_count || (!into && most))
		return module_leave(CKR_ARGUMENTS_BAD);
	search = &session->search;
	if (!search->going_on)
		return module_leave(CKR_OPERATION_NOT_INITIALIZED);
	count = search->count - search->at < most ? search->count - search->at : most;
	if (count)
		memcpy(into, search->found + search->at, count * sizeof *into);
	search->at += count;
	*ret_count = count;
	return module_leave(CKR_OK);
}

CK_RV p11_find_objects_final(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	rv = session->search.going_on ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
	search_end(&session->search);
	return module_leave(rv);
}

static CK_RV fill(CK_ATTRIBUTE *into, CK_RV rv, struct view value)
{
	CK_ULONG room = into->ulValueLen;

	if (rv != CKR_OK) {
		into->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return rv;
	}
	into->ulValueLen = value.length;
	if (!into->pValue)
		return CKR_OK;
	if (room < value.length) {
		into->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (value.length)
		memcpy(into->pValue, value.data, value.length);
	return CKR_OK;
}

/* Each attribute is answered for itself; the call, with the last thing that was wrong. */
CK_RV p11_get_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
			      CK_ULONG count)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	if (!template || !count)
		return module_leave(CKR_ARGUMENTS_BAD);
	for (CK_ULONG i = 0; i < count; i++) {
		struct attribute attribute = {.value = {NULL, 0}};
		CK_RV one = read_attribute(session, object, template[i].type, &attribute);

		if (one == CKR_OBJECT_HANDLE_INVALID)
			return module_leave(one);
		one = fill(&template[i], one, attribute.value);
		rv = one == CKR_OK ? rv : one;
	}
	return module_leave(rv);
}

CK_RV p11_get_object_size(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ULONG *ret_size)
{
	struct session *session;
	struct attribute attribute;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	rv = ret_size ? read_attribute(session, object, CKA_CLASS, &attribute) : CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		*ret_size = CK_UNAVAILABLE_INFORMATION;
	return module_leave(rv);
}

static CK_RV destroy(CK_OBJECT_HANDLE object)
{
	struct secret_key *secret = secret_key_find(object);
	enum side side;

	if (secret) {
		secret_key_free(secret);
		return CKR_OK;
	}
	return keyring_find(object, &side) ? CKR_TOKEN_WRITE_PROTECTED : CKR_OBJECT_HANDLE_INVALID;
}

CK_RV p11_destroy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	return rv == CKR_OK ? module_leave(destroy(object)) : rv;
}

/* What would change an object, or make one on the token. */
static CK_RV refuse(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	return rv == CKR_OK ? module_leave(CKR_TOKEN_WRITE_PROTECTED) : rv;
}

/* NSS puts the content key of a message where its private key was, once it has decrypted it. */
CK_RV p11_create_object(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
	struct secret_template secret;
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	if (!object)
		return module_leave(CKR_ARGUMENTS_BAD);
	rv = secret_template_read(template, count, &secret);
	if (rv == CKR_OK && !(secret.has_class && secret.has_type && secret.value.length))
		rv = CKR_TEMPLATE_INCOMPLETE;
	return module_leave(rv == CKR_OK ? secret_key_new(handle, &secret, secret.value, object) : rv);
}

CK_RV p11_copy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count,
		      CK_OBJECT_HANDLE *copy)
{
	(void)object;
	(void)template;
	(void)count;
	(void)copy;
	return refuse(handle);
}

CK_RV p11_set_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
			      CK_ULONG count)
{
	(void)object;
	(void)template;
	(void)count;
	return refuse(handle);
}

CK_RV p11_generate_key(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *template, CK_ULONG count,
		       CK_OBJECT_HANDLE *key)
{
	(void)mechanism;
	(void)template;
	(void)count;
	(void)key;
	return refuse(handle);
}

CK_RV p11_generate_key_pair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template,
			    CK_ULONG public_count, CK_ATTRIBUTE *private_template, CK_ULONG private_count,
			    CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	(void)mechanism;
	(void)public_template;
	(void)public_count;
	(void)private_template;
	(void)private_count;
	(void)public_key;
	(void)private_key;
	return refuse(handle);
}
