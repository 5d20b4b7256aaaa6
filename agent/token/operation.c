/* SPDX-License-Identifier: ISC
 *
 * Sign, decrypt and derive on a borrowed session. Where a token offers raw RSA, padding is left to
 * the asker: a module's own unpadding answers differently for bad padding (SoftHSM: GENERAL_ERROR,
 * which then cannot be told from a failure of the token), and many know only part of OAEP.
 */
#include "operation.h"

#include "module.h"
#include "secret.h"

#include <string.h>

union parameter {
	CK_RSA_PKCS_PSS_PARAMS pss;
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	CK_ECDH1_DERIVE_PARAMS ecdh;
};

static const struct {
	CK_MECHANISM_TYPE mechanism;
	CK_RSA_PKCS_MGF_TYPE mgf;
} hashes[HASH_LIMIT] = {
	[HASH_SHA1] = {CKM_SHA_1, CKG_MGF1_SHA1},
	[HASH_SHA224] = {CKM_SHA224, CKG_MGF1_SHA224},
	[HASH_SHA256] = {CKM_SHA256, CKG_MGF1_SHA256},
	[HASH_SHA384] = {CKM_SHA384, CKG_MGF1_SHA384},
	[HASH_SHA512] = {CKM_SHA512, CKG_MGF1_SHA512},
};

typedef CK_RV (*operation)(const struct key *key, const struct msg_key_op *request,
			   CK_MECHANISM *mechanism, CK_SESSION_HANDLE session,
			   struct operation_result *result);

/* A key with CKA_ALWAYS_AUTHENTICATE takes its PIN between Init and the operation. */
static CK_RV context_login(CK_SESSION_HANDLE session, const struct key *key, struct view pin,
			   struct operation_result *result)
{
	CK_RV rv;

	if (!(key->flags & CERT_ALWAYS_AUTH))
		return CKR_OK;
	rv = module->C_Login(session, CKU_CONTEXT_SPECIFIC, (unsigned char *)(uintptr_t)pin.data, pin.length);
	/* The token was logged in (run_operation looked): OpenSC says this of a wrong PIN, and, as others do, of a
	 * card that was reset since. */
	if (rv == CKR_USER_NOT_LOGGED_IN)
		result->form = FORM_UNCLEAR;
	return rv == CKR_USER_NOT_LOGGED_IN ? CKR_PIN_INCORRECT : rv;
}

static CK_RV do_sign(const struct key *key, const struct msg_key_op *request,
		     CK_MECHANISM *mechanism, CK_SESSION_HANDLE session,
		     struct operation_result *result)
{
	CK_RV rv = module->C_SignInit(session, mechanism, key->handle);

	rv = rv == CKR_OK ? context_login(session, key, request->pin, result) : rv;
	if (rv != CKR_OK)
		return rv;
	result->length = sizeof result->data;
	return module->C_Sign(session, (unsigned char *)(uintptr_t)request->data.data,
			      request->data.length, result->data, &result->length);
}

static CK_RV do_decrypt(const struct key *key, const struct msg_key_op *request,
			CK_MECHANISM *mechanism, CK_SESSION_HANDLE session,
			struct operation_result *result)
{
	CK_RV rv = module->C_DecryptInit(session, mechanism, key->handle);

	rv = rv == CKR_OK ? context_login(session, key, request->pin, result) : rv;
	if (rv != CKR_OK)
		return rv;
	result->length = sizeof result->data;
	return module->C_Decrypt(session, (unsigned char *)(uintptr_t)request->data.data,
				 request->data.length, result->data, &result->length);
}

static CK_RV read_secret(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
			 struct operation_result *result)
{
	CK_ATTRIBUTE value = {CKA_VALUE, result->data, sizeof result->data};
	CK_RV rv = module->C_GetAttributeValue(session, object, &value, 1);

	if (rv == CKR_OK)
		result->length = value.ulValueLen;
	return rv;
}

static CK_RV do_derive(const struct key *key, const struct msg_key_op *request,
		       CK_MECHANISM *mechanism, CK_SESSION_HANDLE session,
		       struct operation_result *result)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	/* An uncompressed point is 04, x, y; an X25519 one is 32 bytes. The secret is one coordinate. */
	CK_ULONG length = request->data.length % 2 ? (request->data.length - 1) / 2 : request->data.length;
	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
		{CKA_TOKEN, &no, sizeof no},	     {CKA_SENSITIVE, &no, sizeof no},
		{CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_VALUE_LEN, &length, sizeof length},
	};
	CK_OBJECT_HANDLE secret;
	CK_RV rv = module->C_DeriveKey(session, mechanism, key->handle, template,
				       sizeof template / sizeof template[0], &secret);

	if (rv != CKR_OK)
		return rv;
	rv = read_secret(session, secret, result);
	module->C_DestroyObject(session, secret);
	return rv;
}

static int run_once(operation run, struct token *token, const struct key *key,
		    const struct msg_key_op *request, CK_MECHANISM *mechanism,
		    struct operation_result *result)
{
	CK_SESSION_HANDLE session;
	int rc = session_borrow(&token->pool, &session);

	if (rc)
		return rc;
	/* A PIN goes to no other card. */
	if ((key->flags & CERT_ALWAYS_AUTH) && !session_is_ours(&token->pool, session))
		result->rv = CKR_SESSION_HANDLE_INVALID;
	else
		result->rv = run(key, request, mechanism, session, result);
	if (module_session_lost(result->rv))
		session_noted_loss();
	/* After a failure the session may still be in the operation: only a new one is surely clean. */
	session_return(&token->pool, session, result->rv == CKR_OK);
	if (result->rv == CKR_OK && result->length > sizeof result->data)
		return ERR_TOKEN;
	return module_error(result->rv);
}

/* Before a PIN is sent for one use. A login that was lost meanwhile comes first, with the PIN unsent. */
static int check_use(struct token *token, const struct msg_key_op *request)
{
	if (!request->pin.length && !(token->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH))
		return ERR_PIN_NEEDED;
	if ((token->info.flags & CKF_LOGIN_REQUIRED) && !session_logged_in(&token->pool))
		return ERR_NOT_LOGGED_IN;
	return objects_check_tries(token, request->last_try);
}

static int run_operation(operation run, struct token *token, const struct key *key,
			 const struct msg_key_op *request, CK_MECHANISM *mechanism,
			 struct operation_result *result)
{
	int rc;

	rc = key->flags & CERT_ALWAYS_AUTH ? check_use(token, request) : 0;
	if (rc)
		return rc;
	rc = run_once(run, token, key, request, mechanism, result);
	/* Every idle session of the pool may be lost; what follows them is a new one. */
	for (unsigned int i = 0; rc && module_session_lost(result->rv) && i < SESSION_POOL_MAX; i++)
		rc = run_once(run, token, key, request, mechanism, result);
	return rc;
}

/* Nothing else than what the mechanism is for. */
static bool is_pss_block(const struct token *token, struct view block)
{
	return !(token->mechanisms & TOKEN_RSA_PSS) && (token->mechanisms & TOKEN_RSA_RAW) && block.length &&
	       block.data[block.length - 1] == 0xbc;
}

static int sign_mechanism(const struct token *token, const struct msg_key_op *request,
			  CK_MECHANISM *ret_mechanism, union parameter *parameter)
{
	switch (request->mechanism) {
	case MECHANISM_RSA_PKCS1:
		ret_mechanism->mechanism = CKM_RSA_PKCS;
		return 0;
	case MECHANISM_ECDSA:
		ret_mechanism->mechanism = CKM_ECDSA;
		return 0;
	case MECHANISM_EDDSA:
		ret_mechanism->mechanism = CKM_EDDSA;
		return 0;
	case MECHANISM_RSA_PSS_BLOCK:
		ret_mechanism->mechanism = CKM_RSA_X_509;
		return is_pss_block(token, request->data) ? 0 : ERR_MECHANISM;
	case MECHANISM_RSA_PSS:
		if (!(token->mechanisms & TOKEN_RSA_PSS) || request->hash >= HASH_LIMIT ||
		    request->mgf >= HASH_LIMIT)
			return ERR_MECHANISM;
		parameter->pss = (CK_RSA_PKCS_PSS_PARAMS){hashes[request->hash].mechanism,
							  hashes[request->mgf].mgf, request->salt};
		*ret_mechanism = (CK_MECHANISM){CKM_RSA_PKCS_PSS, &parameter->pss, sizeof parameter->pss};
		return 0;
	}
	return ERR_MECHANISM;
}

int operation_sign(struct token *token, const struct key *key, const struct msg_key_op *request,
		   struct operation_result *result)
{
	CK_MECHANISM mechanism = {0};
	union parameter parameter;
	int rc = sign_mechanism(token, request, &mechanism, &parameter);

	return rc ? rc : run_operation(do_sign, token, key, request, &mechanism, result);
}

static int decrypt_padded(struct token *token, const struct key *key,
			  const struct msg_key_op *request, struct operation_result *result)
{
	CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
	union parameter parameter;
	int rc;

	result->form = FORM_KEY;
	if (request->mechanism == MECHANISM_RSA_OAEP) {
		if (!(token->mechanisms & TOKEN_RSA_OAEP) || request->hash >= HASH_LIMIT ||
		    request->mgf >= HASH_LIMIT)
			return ERR_MECHANISM;
		parameter.oaep = (CK_RSA_PKCS_OAEP_PARAMS){
			hashes[request->hash].mechanism, hashes[request->mgf].mgf, CKZ_DATA_SPECIFIED,
			(void *)(uintptr_t)(request->label.length ? request->label.data : NULL),
			request->label.length};
		mechanism = (CK_MECHANISM){CKM_RSA_PKCS_OAEP, &parameter.oaep, sizeof parameter.oaep};
	} else if (request->mechanism != MECHANISM_RSA_PKCS1) {
		return ERR_MECHANISM;
	}
	rc = run_operation(do_decrypt, token, key, request, &mechanism, result);
	/* SoftHSM and others answer bad padding with these, and failures of their own, too. */
	if (result->rv == CKR_GENERAL_ERROR || result->rv == CKR_FUNCTION_FAILED)
		result->form = FORM_UNCLEAR;
	return rc;
}

int operation_decrypt(struct token *token, const struct key *key,
		      const struct msg_key_op *request, struct operation_result *result)
{
	CK_MECHANISM raw = {CKM_RSA_X_509, NULL, 0};
	int rc;

	if (!(token->mechanisms & TOKEN_RSA_RAW))
		return decrypt_padded(token, key, request, result);
	result->form = FORM_RSA_BLOCK;
	rc = run_operation(do_decrypt, token, key, request, &raw, result);
	/* Listed, but not for this key or not for decrypting. */
	return rc == ERR_MECHANISM || rc == ERR_KEY_UNUSABLE
		       ? decrypt_padded(token, key, request, result)
		       : rc;
}

/* PKCS#11 leaves open whether the point is raw or in an OCTET STRING: modules want the one or the
 * other. A point of 128 bytes or more (P-521) takes a two-byte length. */
static size_t wrap_point(struct view point, uint8_t *into)
{
	size_t at = 0;

	into[at++] = 0x04;
	if (point.length >= 128)
		into[at++] = 0x81;
	into[at++] = (uint8_t)point.length;
	memcpy(into + at, point.data, point.length);
	return at + point.length;
}

/* One at a time, until its secret is read: a module may have the next one's in the same place. */
static int run_derive(struct token *token, const struct key *key, const struct msg_key_op *request,
		      CK_MECHANISM *mechanism, struct operation_result *result)
{
	int rc;

	pthread_mutex_lock(&token->derive_lock);
	rc = run_operation(do_derive, token, key, request, mechanism, result);
	pthread_mutex_unlock(&token->derive_lock);
	return rc;
}

int operation_derive(struct token *token, const struct key *key, const struct msg_key_op *request,
		     struct operation_result *result)
{
	uint8_t wrapped[260];
	CK_ECDH1_DERIVE_PARAMS parameter = {.kdf = CKD_NULL,
					    .ulPublicDataLen = request->data.length,
					    .pPublicData =
						    (unsigned char *)(uintptr_t)request->data.data};
	CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &parameter, sizeof parameter};
	int rc;

	if (!request->data.length || request->data.length > 255)
		return ERR_MECHANISM;
	rc = run_derive(token, key, request, &mechanism, result);
	if (rc != ERR_MECHANISM && rc != ERR_DECRYPT)
		return rc;
	parameter.ulPublicDataLen = wrap_point(request->data, wrapped);
	parameter.pPublicData = wrapped;
	return run_derive(token, key, request, &mechanism, result);
}
