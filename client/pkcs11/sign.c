/* SPDX-License-Identifier: ISC
 *
 * C_SignInit, C_Sign, C_SignUpdate, C_SignFinal.
 */
#include "functions.h"
#include "mechanism.h"
#include "operation.h"
#include "session.h"

#include <string.h>

/* PKCS#1 v1.5 padding takes this of the modulus (RFC 8017 section 9.2). */
#define PKCS1_OVERHEAD 11

static CK_RV check_key(const struct session *session, CK_OBJECT_HANDLE handle,
		       const struct mechanism_row *mechanism, struct key **ret_key)
{
	enum side side;
	struct key *key = keyring_find(handle, &side);

	if (!key || side != SIDE_PRIVATE || key->slot != session->slot)
		return CKR_KEY_HANDLE_INVALID;
	if (key->type != mechanism->key)
		return CKR_KEY_TYPE_INCONSISTENT;
	*ret_key = key;
	return key->uses & CERT_SIGN ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED;
}

static CK_RV set_mechanism(struct operation *operation, const struct mechanism_row *row,
			   const CK_MECHANISM *mechanism)
{
	operation->request.type = MSG_SIGN;
	operation->request.mechanism = row->mechanism;
	operation->digest = row->digest;
	if (row->digest && !(operation->hashing = hash_new(row->digest)))
		return CKR_HOST_MEMORY;
	if (row->mechanism == MECHANISM_RSA_PSS)
		return operation_set_pss(operation, mechanism);
	/* EdDSA's parameter is for its variants with a prehash or a context. */
	return mechanism->ulParameterLen ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
}

static CK_RV sign_init(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle)
{
	const struct mechanism_row *row = mechanism_find(session->slot, mechanism->mechanism, CKF_SIGN);
	struct operation *operation;
	struct key *key;
	CK_RV rv = session->sign ? CKR_OPERATION_ACTIVE : row ? CKR_OK : CKR_MECHANISM_INVALID;

	rv = rv == CKR_OK ? check_key(session, handle, row, &key) : rv;
	if (rv != CKR_OK)
		return rv;
	operation = operation_new();
	if (!operation)
		return CKR_HOST_MEMORY;
	operation->request.key = handle;
	operation->result_size = key->type == KEY_RSA ? keyring_key_size(key) : 2 * keyring_key_size(key);
	rv = set_mechanism(operation, row, mechanism);
	if (rv == CKR_OK)
		session->sign = operation;
	else
		operation_free(operation);
	return rv;
}

CK_RV p11_sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, true, &session);

	if (rv != CKR_OK)
		return rv;
	if (!mechanism) {
		/* PKCS#11 3.0: gives up what was begun. */
		operation_free(TAKE(session->sign));
		return module_leave(CKR_OK);
	}
	return module_leave(sign_init(session, mechanism, key));
}

/* What the token is to sign: the digest of what came, or that itself. */
static CK_RV finish_data(struct operation *operation)
{
	uint8_t digest[HASH_BYTES_MAX];
	int rc;

	if (operation->hashing) {
		hash_final(operation->hashing, digest);
		buf_clear(&operation->data);
		if (operation->request.mechanism == MECHANISM_RSA_PKCS1)
			rc = hash_digest_info(operation->digest, digest, &operation->data);
		else
			rc = buf_add(&operation->data, digest, hash_size(operation->digest));
		if (rc)
			return CKR_HOST_MEMORY;
	}
	if (operation->request.mechanism == MECHANISM_RSA_PKCS1 &&
	    operation->data.length + PKCS1_OVERHEAD > operation->result_size)
		return CKR_DATA_LEN_RANGE;
	if (operation->request.mechanism == MECHANISM_RSA_PSS &&
	    operation->data.length != hash_size(operation->request.hash))
		return CKR_DATA_LEN_RANGE;
	return CKR_OK;
}

/* RFC 8017 section 8: a signature is as long as the modulus; some tokens leave leading zeros out. */
static CK_RV give(const struct operation *operation, const struct buf *signature, unsigned char *into,
		  CK_ULONG *length)
{
	enum mechanism mechanism = operation->request.mechanism;
	bool rsa = mechanism == MECHANISM_RSA_PKCS1 || mechanism == MECHANISM_RSA_PSS;
	CK_ULONG size = rsa ? operation->result_size : signature->length;

	if (!signature->length || signature->length > size || size > *length)
		return CKR_DEVICE_ERROR;
	memset(into, 0, size - signature->length);
	memcpy(into + size - signature->length, signature->data, signature->length);
	*length = size;
	return CKR_OK;
}

/* Ends what was begun, but where the caller asks for the size, or has too little room. */
static CK_RV finish(CK_SESSION_HANDLE handle, struct operation *operation, unsigned char *into, CK_ULONG *length)
{
	CLEAN_BUF struct buf signature = BUF_INIT(OPERATION_DATA_MAX);
	CK_RV rv;

	if (!into || *length < operation->result_size) {
		rv = into ? CKR_BUFFER_TOO_SMALL : CKR_OK;
		*length = operation->result_size;
		session_put_back(handle, false, operation);
		return rv;
	}
	rv = finish_data(operation);
	rv = rv == CKR_OK ? operation_ask(operation, &signature) : rv;
	rv = rv == CKR_OK ? give(operation, &signature, into, length) : rv;
	operation_free(operation);
	return rv;
}

CK_RV p11_sign(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_length, unsigned char *signature,
	       CK_ULONG *length)
{
	struct operation *operation;
	CK_RV rv = session_take(handle, false, &operation);

	if (rv != CKR_OK)
		return rv;
	if (operation->updated)
		rv = CKR_OPERATION_ACTIVE;
	else if ((!data && data_length) || !length)
		rv = CKR_ARGUMENTS_BAD;
	else if (signature && *length >= operation->result_size)
		rv = operation_update(operation, data, data_length);
	if (rv == CKR_OK)
		return module_leave(finish(handle, operation, signature, length));
	operation_free(operation);
	return module_leave(rv);
}

CK_RV p11_sign_update(CK_SESSION_HANDLE handle, unsigned char *part, CK_ULONG length)
{
	struct operation *operation;
	CK_RV rv = session_take(handle, false, &operation);

	if (rv != CKR_OK)
		return rv;
	rv = !part && length ? CKR_ARGUMENTS_BAD : operation_update(operation, part, length);
	if (rv == CKR_OK)
		session_put_back(handle, false, operation);
	else
		operation_free(operation);
	return module_leave(rv);
}

CK_RV p11_sign_final(CK_SESSION_HANDLE handle, unsigned char *signature, CK_ULONG *length)
{
	struct operation *operation;
	CK_RV rv = session_take(handle, false, &operation);

	if (rv != CKR_OK)
		return rv;
	if (!length) {
		operation_free(operation);
		return module_leave(CKR_ARGUMENTS_BAD);
	}
	return module_leave(finish(handle, operation, signature, length));
}
