/* SPDX-License-Identifier: ISC
 *
 * Sessions, attributes and searches.
 */
#include "session.h"

#include "log.h"

#include <string.h>

int session_open(struct module *module, struct session *ret_session)
{
	CK_FUNCTION_LIST *p11 = p11_kit_module_load(module->path, P11_KIT_MODULE_UNMANAGED);
	CK_SESSION_HANDLE handle;
	int rc;

	if (!p11)
		return ERR_MODULE;
	rc = session_error("C_OpenSession",
			   p11->C_OpenSession(PKCS11_get_slotid_from_slot(module->slot),
					      CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &handle));
	if (!rc)
		*ret_session = (struct session){p11, handle};
	return rc;
}

void session_close(struct session *session)
{
	if (session->p11)
		session->p11->C_CloseSession(session->handle);
	session->p11 = NULL;
}

int session_error(const char *call, CK_RV rv)
{
	if (rv == CKR_OK)
		return 0;
	log_error("%s: %s", call, p11_kit_strerror(rv));
	return module_error_of(rv);
}

int session_read(const struct session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		 struct buf *into)
{
	CK_ATTRIBUTE attribute = {type, NULL, 0};
	CK_RV rv = session->p11->C_GetAttributeValue(session->handle, object, &attribute, 1);
	int rc;

	if (rv != CKR_OK || attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION || !attribute.ulValueLen)
		return rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE
			       ? 0
			       : session_error("C_GetAttributeValue", rv);
	rc = buf_reserve(into, attribute.ulValueLen);
	if (rc)
		return rc;
	attribute.pValue = into->data + into->length;
	rv = session->p11->C_GetAttributeValue(session->handle, object, &attribute, 1);
	if (rv != CKR_OK || attribute.ulValueLen > into->capacity - into->length)
		return rv == CKR_OK ? ERR_TOKEN : session_error("C_GetAttributeValue", rv);
	into->length += attribute.ulValueLen;
	return 0;
}

CK_ULONG session_read_number(const struct session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
	CK_ATTRIBUTE attribute = {type, &value, sizeof value};
	CK_RV rv = session->p11->C_GetAttributeValue(session->handle, object, &attribute, 1);

	return rv == CKR_OK && attribute.ulValueLen == sizeof value ? value : CK_UNAVAILABLE_INFORMATION;
}

bool session_read_bool(const struct session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE attribute = {type, &value, sizeof value};

	return session->p11->C_GetAttributeValue(session->handle, object, &attribute, 1) == CKR_OK &&
	       attribute.ulValueLen == sizeof value && value;
}

int session_find(const struct session *session, CK_OBJECT_CLASS class, struct view id, CK_OBJECT_HANDLE *found,
		 CK_ULONG most, CK_ULONG *ret_count)
{
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
				   {CKA_ID, (void *)(uintptr_t)id.data, id.length}};
	CK_ULONG length = 0, got = 1;
	CK_RV rv = session->p11->C_FindObjectsInit(session->handle, template, id.length ? 2 : 1);

	if (rv != CKR_OK)
		return session_error("C_FindObjectsInit", rv);
	while (rv == CKR_OK && got && length < most) {
		got = 0;
		rv = session->p11->C_FindObjects(session->handle, found + length, most - length, &got);
		length += rv == CKR_OK && got <= most - length ? got : 0;
	}
	session->p11->C_FindObjectsFinal(session->handle);
	*ret_count = length;
	return session_error("C_FindObjects", rv);
}
