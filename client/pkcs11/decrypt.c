/* SPDX-License-Identifier: ISC
 *
 * C_DecryptInit, C_Decrypt, C_DecryptUpdate, C_DecryptFinal: RSA by the agent, AES in this process.
 */
#include "functions.h"
#include "mechanism.h"
#include "operation.h"
#include "secret_key.h"
#include "session.h"

#include <string.h>

static CK_RV init_rsa(const struct session *session, struct operation *operation,
		      const struct mechanism_row *row, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle)
{
	enum side side;
	struct key *key = keyring_find(handle, &side);

	if (!key || side != SIDE_PRIVATE || key->slot != session->slot)
		return CKR_KEY_HANDLE_INVALID;
	if (key->type != row->key)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!(key->uses & CERT_DECRYPT))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	operation->request.type = MSG_DECRYPT;
	operation->request.key = handle;
	operation->request.mechanism = row->mechanism;
	operation->result_size = keyring_key_size(key);
	if (row->mechanism == MECHANISM_RSA_OAEP)
		return operation_set_oaep(operation, mechanism);
	return mechanism->ulParameterLen ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
}

static CK_RV init_aes(struct operation *operation, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle)
{
	const struct secret_key *key = secret_key_find(handle);

	if (!key)
		return CKR_KEY_HANDLE_INVALID;
	if (key->type != CKK_AES || !cipher_key_fits(key->value->length))
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!mechanism->pParameter || mechanism->ulParameterLen != CIPHER_BLOCK)
		return CKR_MECHANISM_PARAM_INVALID;
	operation->cipher = cipher_new((struct view){key->value->data, key->value->length},
				       mechanism->pParameter, mechanism->mechanism == CKM_AES_CBC_PAD);
	return operation->cipher ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV decrypt_init(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle)
{
	const struct mechanism_row *row = mechanism_find(session->slot, mechanism->mechanism, CKF_DECRYPT);
	struct operation *operation;
	CK_RV rv;

	if (session->decrypt)
		return CKR_OPERATION_ACTIVE;
	if (!row)
		return CKR_MECHANISM_INVALID;
	operation = operation_new();
	if (!operation)
		return CKR_HOST_MEMORY;
	rv = row->key == KEY_RSA ? init_rsa(session, operation, row, mechanism, handle)
				 : init_aes(operation, mechanism, handle);
	if (rv == CKR_OK)
		session->decrypt = operation;
	else
		operation_free(operation);
	return rv;
}

CK_RV p11_decrypt_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, true, &session);

	if (rv != CKR_OK)
		return rv;
	if (!mechanism) {
		operation_free(TAKE(session->decrypt));
		return module_leave(CKR_OK);
	}
	return module_leave(decrypt_init(session, mechanism, key));
}

/* The agent decrypts once; a caller that had too little room has the result when it comes again. */
static CK_RV finish_rsa(struct operation *operation, unsigned char *into, CK_ULONG *length)
{
	CK_RV rv = CKR_OK;

	if (!into && !operation->done) {
		*length = operation->result_size;
		return CKR_OK;
	}
	if (!operation->done && operation->data.length != operation->result_size)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (!operation->done)
		rv = operation_ask(operation, &operation->result);
	if (rv == CKR_OK && operation->result.length > operation->result_size)
		rv = CKR_DEVICE_ERROR; /* more than the program was told it may be */
	operation->done = rv == CKR_OK;
	return rv == CKR_OK ? operation_give(&operation->result, into, length) : rv;
}

static CK_RV update_aes(struct cipher *cipher, const unsigned char *data, CK_ULONG data_length,
			unsigned char *into, CK_ULONG *length)
{
	CK_ULONG room = *length;

	*length = cipher_room(cipher, data_length);
	if (!into)
		return CKR_OK;
	if (room < *length)
		return CKR_BUFFER_TOO_SMALL;
	cipher_update(cipher, data, data_length, into);
	return CKR_OK;
}

static CK_RV finish_aes(struct operation *operation, unsigned char *into, CK_ULONG *length)
{
	uint8_t last[CIPHER_BLOCK];
	size_t last_length = 0;
	CK_RV rv = CKR_OK;

	if (!into && !operation->done) {
		*length = CIPHER_BLOCK; /* at most: what it is, only the end tells */
		return CKR_OK;
	}
	if (!operation->done) {
		int rc = cipher_final(operation->cipher, last, &last_length);

		rv = rc ? module_rv(rc) : module_rv(buf_add(&operation->result, last, last_length));
		operation->done = rv == CKR_OK;
		secret_wipe(last, sizeof last);
	}
	return rv == CKR_OK ? operation_give(&operation->result, into, length) : rv;
}

/* The whole in one call: what the update gives, then the end. */
static CK_RV decrypt_aes(struct operation *operation, const unsigned char *data, CK_ULONG data_length,
			 unsigned char *into, CK_ULONG *length)
{
	CK_ULONG room = *length, first = *length, rest;
	CK_RV rv;

	if (data_length % CIPHER_BLOCK)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (!into || room < data_length) {
		*length = data_length;
		return into ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	rv = update_aes(operation->cipher, data, data_length, into, &first);
	if (rv != CKR_OK)
		return rv;
	rest = room - first;
	rv = finish_aes(operation, into + first, &rest);
	*length = first + rest;
	return rv;
}

/* PKCS#11 2.40 section 5.2: asking for the size, and too little room, do not end what was begun. */
static CK_RV put_back_or_end(CK_SESSION_HANDLE handle, struct operation *operation, bool asked, CK_RV rv)
{
	if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && asked))
		session_put_back(handle, true, operation);
	else
		operation_free(operation);
	return rv;
}

CK_RV p11_decrypt(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_length, unsigned char *into,
		  CK_ULONG *length)
{
	struct operation *operation;
	CK_RV rv = session_take(handle, true, &operation);

	if (rv != CKR_OK)
		return rv;
	if (operation->updated)
		rv = CKR_OPERATION_ACTIVE;
	else if ((!data && data_length) || !length)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && operation->cipher) {
		rv = decrypt_aes(operation, data, data_length, into, length);
	} else if (rv == CKR_OK) {
		buf_clear(&operation->data);
		rv = module_rv(buf_add(&operation->data, data, data_length));
		rv = rv == CKR_OK ? finish_rsa(operation, into, length) : rv;
	}
	return module_leave(put_back_or_end(handle, operation, !into, rv));
}

CK_RV p11_decrypt_update(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_length,
			 unsigned char *into, CK_ULONG *length)
{
	struct operation *operation;
	CK_RV rv = session_take(handle, true, &operation);

	if (rv != CKR_OK)
		return rv;
	if ((!data && data_length) || !length)
		rv = CKR_ARGUMENTS_BAD;
	else if (operation->cipher)
		rv = update_aes(operation->cipher, data, data_length, into, length);
	else if (!into)
		*length = 0;
	else
		rv = operation_update(operation, data, data_length);
	if (rv == CKR_OK && into && !operation->cipher)
		*length = 0;
	operation->updated = operation->updated || into;
	return module_leave(put_back_or_end(handle, operation, true, rv));
}

CK_RV p11_decrypt_final(CK_SESSION_HANDLE handle, unsigned char *into, CK_ULONG *length)
{
	struct operation *operation;
	CK_RV rv = session_take(handle, true, &operation);

	if (rv != CKR_OK)
		return rv;
	if (!length)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = operation->cipher ? finish_aes(operation, into, length) : finish_rsa(operation, into, length);
	return module_leave(put_back_or_end(handle, operation, !into, rv));
}
