/* SPDX-License-Identifier: ISC
 *
 * What signing and decrypting have in common.
 */
#include "operation.h"

#include <stdlib.h>
#include <string.h>

struct operation *operation_new(void)
{
	struct operation *operation = calloc(1, sizeof *operation);

	if (!operation)
		return NULL;
	operation->label = BUF_INIT(512);
	operation->data = BUF_INIT(OPERATION_DATA_MAX);
	operation->result = BUF_SECRET(OPERATION_DATA_MAX);
	return operation;
}

void operation_free(struct operation *operation)
{
	if (!operation)
		return;
	buf_done(&operation->label);
	buf_done(&operation->data);
	buf_done(&operation->result);
	hash_free(operation->hashing);
	cipher_free(operation->cipher);
	secret_free(operation->pin);
	free(operation);
}

CK_RV operation_set_pin(struct operation *operation, struct view pin)
{
	struct secret *secret = pin.length && pin.length <= SECRET_MAX ? secret_new(pin) : NULL;

	if (pin.length && !secret)
		return pin.length > SECRET_MAX ? CKR_PIN_LEN_RANGE : CKR_HOST_MEMORY;
	secret_free(operation->pin);
	operation->pin = secret;
	return CKR_OK;
}

CK_RV operation_set_pss(struct operation *operation, const CK_MECHANISM *mechanism)
{
	const CK_RSA_PKCS_PSS_PARAMS *params = mechanism->pParameter;

	if (!params || mechanism->ulParameterLen != sizeof *params)
		return CKR_MECHANISM_PARAM_INVALID;
	operation->request.hash = hash_of_mechanism(params->hashAlg);
	operation->request.mgf = hash_of_mgf(params->mgf);
	operation->request.salt = params->sLen;
	if (!operation->request.hash || !operation->request.mgf || params->sLen > 512)
		return CKR_MECHANISM_PARAM_INVALID;
	return operation->digest && operation->digest != operation->request.hash ? CKR_MECHANISM_PARAM_INVALID
										 : CKR_OK;
}

CK_RV operation_set_oaep(struct operation *operation, const CK_MECHANISM *mechanism)
{
	const CK_RSA_PKCS_OAEP_PARAMS *params = mechanism->pParameter;

	if (!params || mechanism->ulParameterLen != sizeof *params)
		return CKR_MECHANISM_PARAM_INVALID;
	operation->request.hash = hash_of_mechanism(params->hashAlg);
	operation->request.mgf = hash_of_mgf(params->mgf);
	if (!operation->request.hash || !operation->request.mgf || params->source > CKZ_DATA_SPECIFIED ||
	    (params->ulSourceDataLen && !params->pSourceData) || params->ulSourceDataLen > 400)
		return CKR_MECHANISM_PARAM_INVALID;
	return module_rv(buf_add(&operation->label, params->pSourceData, params->ulSourceDataLen));
}

CK_RV operation_update(struct operation *operation, const void *data, CK_ULONG length)
{
	operation->updated = true;
	if (!operation->hashing)
		return module_rv(buf_add(&operation->data, data, length));
	hash_update(operation->hashing, data, length);
	return CKR_OK;
}

CK_RV operation_ask(struct operation *operation, struct buf *into)
{
	struct agent_request request = operation->request;

	request.label = buf_view(&operation->label);
	request.data = buf_view(&operation->data);
	request.pin = operation->pin;
	return agent_ask(&request, into);
}

CK_RV operation_give(const struct buf *result, unsigned char *into, CK_ULONG *length)
{
	CK_ULONG room = into ? *length : 0; /* which a caller that asks need not set */

	*length = result->length;
	if (!into)
		return CKR_OK;
	if (room < result->length)
		return CKR_BUFFER_TOO_SMALL;
	if (result->length)
		memcpy(into, result->data, result->length);
	return CKR_OK;
}
