/* SPDX-License-Identifier: ISC
 *
 * C_DeriveKey: the token makes the shared secret, the KDF is run here; and C_UnwrapKey with keys that
 * came of it.
 */
#include "agent.h"
#include "cipher.h"
#include "functions.h"
#include "hash.h"
#include "mechanism.h"
#include "secret_key.h"
#include "session.h"
#include "vendor.h"

/* What a session key may have. */
#define SECRET_BYTES_MAX SECRET_MAX

static CK_RV read_params(const CK_MECHANISM *mechanism, const CK_ECDH1_DERIVE_PARAMS **ret_params)
{
	const CK_ECDH1_DERIVE_PARAMS *params = mechanism->pParameter;

	if (!params || mechanism->ulParameterLen != sizeof *params || !params->pPublicData ||
	    !params->ulPublicDataLen || params->ulPublicDataLen > 1024 ||
	    (params->ulSharedDataLen && !params->pSharedData) || params->ulSharedDataLen > 65536)
		return CKR_MECHANISM_PARAM_INVALID;
	if (params->kdf != CKD_NULL && !hash_of_kdf(params->kdf))
		return CKR_MECHANISM_PARAM_INVALID;
	*ret_params = params;
	return CKR_OK;
}

/* The peer's point may come as it is, or in an OCTET STRING (PKCS#11 2.40 section 2.3.6). */
static struct view peer_point(const CK_ECDH1_DERIVE_PARAMS *params, CK_ULONG size, bool montgomery)
{
	const uint8_t *data = params->pPublicData;
	CK_ULONG length = params->ulPublicDataLen, point = montgomery ? size : 2 * size + 1;
	CK_ULONG header = point < 128 ? 2 : 3;

	if (length == point + header && data[0] == 4 && data[header - 1] == point)
		return (struct view){data + header, point};
	return (struct view){data, length};
}

/* PKCS#11 2.40 section 2.3.6: without a KDF, bytes go from the leading end; a KDF gives what is asked. */
static CK_RV make_value(const CK_ECDH1_DERIVE_PARAMS *params, const struct secret_template *template,
			struct view secret, struct buf *into)
{
	CK_ULONG length = template->length;
	struct view shared = {params->pSharedData, params->ulSharedDataLen};

	if (params->kdf != CKD_NULL) {
		if (!length)
			return CKR_TEMPLATE_INCOMPLETE;
		return module_rv(hash_x963(hash_of_kdf(params->kdf), secret, shared, into, length));
	}
	if (length > secret.length)
		return CKR_TEMPLATE_INCONSISTENT;
	length = length ? length : secret.length;
	return module_rv(buf_add(into, secret.data + secret.length - length, length));
}

static CK_RV check_derive(const struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
			  const struct secret_template *template)
{
	enum side side;
	const struct key *key = keyring_find(base, &side);

	if (!mechanism_find(session->slot, mechanism->mechanism, CKF_DERIVE))
		return CKR_MECHANISM_INVALID;
	if (!key || side != SIDE_PRIVATE || key->slot != session->slot)
		return CKR_KEY_HANDLE_INVALID;
	if (key->type != KEY_EC && key->type != KEY_MONTGOMERY)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!(key->uses & CERT_DERIVE))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (template->length > SECRET_BYTES_MAX ||
	    (template->type == CKK_AES && template->length && !cipher_key_fits(template->length)))
		return CKR_TEMPLATE_INCONSISTENT;
	return CKR_OK;
}

static CK_RV derive(CK_SESSION_HANDLE handle, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
		    const struct secret_template *template, CK_OBJECT_HANDLE *ret_key)
{
	CLEAN_BUF struct buf secret = BUF_SECRET(SECRET_BYTES_MAX), value = BUF_SECRET(SECRET_BYTES_MAX);
	const CK_ECDH1_DERIVE_PARAMS *params = NULL;
	struct agent_request request = {.type = MSG_DERIVE, .key = base, .mechanism = MECHANISM_ECDH};
	enum side side;
	const struct key *key = keyring_find(base, &side);
	size_t size;
	CK_RV rv = read_params(mechanism, &params);

	if (rv != CKR_OK)
		return rv;
	request.data = peer_point(params, keyring_key_size(key), key->type == KEY_MONTGOMERY);
	/* The secret is a coordinate of the point. */
	size = request.data.length % 2 ? request.data.length / 2 : request.data.length;
	rv = agent_ask(&request, &secret);
	if (rv == CKR_OK && secret.length != size)
		rv = CKR_DEVICE_ERROR;
	/* The agent looks whether the point is on the key's curve. */
	if (rv == CKR_MECHANISM_INVALID)
		rv = CKR_MECHANISM_PARAM_INVALID;
	rv = rv == CKR_OK ? make_value(params, template, buf_view(&secret), &value) : rv;
	if (rv == CKR_OK && !session_find(handle))
		rv = CKR_SESSION_CLOSED;
	return rv == CKR_OK ? secret_key_new(handle, template, buf_view(&value), ret_key) : rv;
}

CK_RV p11_derive_key(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
		     CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *ret_key)
{
	struct secret_template template;
	struct session *session;
	CK_RV rv = session_enter(handle, true, &session);

	if (rv != CKR_OK)
		return rv;
	if (!mechanism || !ret_key)
		return module_leave(CKR_ARGUMENTS_BAD);
	rv = secret_template_read(attributes, count, &template);
	rv = rv == CKR_OK ? check_derive(session, mechanism, base, &template) : rv;
	rv = rv == CKR_OK ? derive(handle, mechanism, base, &template, ret_key) : rv;
	return module_leave(rv);
}

static CK_RV unwrap(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with,
		    struct view wrapped, const struct secret_template *template, CK_OBJECT_HANDLE *ret_key)
{
	CLEAN_BUF struct buf value = BUF_SECRET(SECRET_BYTES_MAX);
	const struct secret_key *key = secret_key_find(with);
	int rc;

	if (!mechanism_find(session->slot, mechanism->mechanism, CKF_UNWRAP))
		return CKR_MECHANISM_INVALID;
	if (!key)
		return CKR_UNWRAPPING_KEY_HANDLE_INVALID;
	if (key->type != CKK_AES || !cipher_key_fits(key->value->length))
		return CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT;
	if (mechanism->ulParameterLen && (!mechanism->pParameter || mechanism->ulParameterLen != 8))
		return CKR_MECHANISM_PARAM_INVALID;
	if (wrapped.length > SECRET_BYTES_MAX)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	rc = cipher_unwrap((struct view){key->value->data, key->value->length},
			   mechanism->ulParameterLen ? mechanism->pParameter : NULL, wrapped, &value);
	if (rc)
		return rc == ERR_DECRYPT ? CKR_WRAPPED_KEY_INVALID : module_rv(rc);
	if (template->length && template->length != value.length)
		return CKR_TEMPLATE_INCONSISTENT;
	return secret_key_new(session->handle, template, buf_view(&value), ret_key);
}

CK_RV p11_unwrap_key(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with,
		     unsigned char *wrapped, CK_ULONG length, CK_ATTRIBUTE *attributes, CK_ULONG count,
		     CK_OBJECT_HANDLE *ret_key)
{
	struct secret_template template;
	struct session *session;
	CK_RV rv = session_enter(handle, false, &session);

	if (rv != CKR_OK)
		return rv;
	if (!mechanism || !ret_key || (!wrapped && length))
		return module_leave(CKR_ARGUMENTS_BAD);
	rv = secret_template_read(attributes, count, &template);
	if (rv == CKR_OK)
		rv = unwrap(session, mechanism, with, (struct view){wrapped, length}, &template, ret_key);
	return module_leave(rv);
}
