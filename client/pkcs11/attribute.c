/* SPDX-License-Identifier: ISC
 *
 * Private keys here need no login of the program's and no PIN: the agent asks for that. So
 * CKA_PRIVATE and CKA_ALWAYS_AUTHENTICATE are false whatever the token says, or each program would ask.
 */
#include "attribute.h"

#include "vendor.h"

static CK_RV give_view(struct attribute *attribute, struct view value)
{
	attribute->value = value;
	return CKR_OK;
}

static CK_RV give_buf(struct attribute *attribute, const struct buf *value)
{
	return give_view(attribute, buf_view(value));
}

static CK_RV give_number(struct attribute *attribute, CK_ULONG number)
{
	attribute->number = number;
	return give_view(attribute, (struct view){(const uint8_t *)&attribute->number, sizeof attribute->number});
}

static CK_RV give_bool(struct attribute *attribute, bool truth)
{
	attribute->truth = truth ? CK_TRUE : CK_FALSE;
	return give_view(attribute, (struct view){&attribute->truth, sizeof attribute->truth});
}

static CK_RV give_nothing(struct attribute *attribute)
{
	return give_view(attribute, (struct view){NULL, 0});
}

static CK_RV of_cert(const struct key *key, CK_ATTRIBUTE_TYPE type, struct attribute *attribute)
{
	switch (type) {
	case CKA_CERTIFICATE_TYPE:
		return give_number(attribute, CKC_X_509);
	case CKA_CERTIFICATE_CATEGORY: /* unspecified */
	case CKA_JAVA_MIDP_SECURITY_DOMAIN:
		return give_number(attribute, 0);
	case CKA_VALUE:
		return give_buf(attribute, &key->der);
	case CKA_ISSUER:
		return give_buf(attribute, &key->issuer);
	case CKA_SERIAL_NUMBER:
		return give_buf(attribute, &key->serial);
	case CKA_TRUSTED:
		return give_bool(attribute, false);
	case CKA_URL:
		return give_nothing(attribute);
	}
	return CKR_ATTRIBUTE_TYPE_INVALID;
}

static CK_ULONG key_type(enum key_type type)
{
	switch (type) {
	case KEY_RSA:
		return CKK_RSA;
	case KEY_EC:
		return CKK_EC;
	case KEY_EDWARDS:
		return CKK_EC_EDWARDS;
	case KEY_MONTGOMERY:
		return CKK_EC_MONTGOMERY;
	case KEY_OTHER:
		break;
	}
	return CK_UNAVAILABLE_INFORMATION;
}

static CK_RV of_rsa(const struct key *key, CK_ATTRIBUTE_TYPE type, struct attribute *attribute)
{
	switch (type) {
	case CKA_MODULUS:
		return give_buf(attribute, &key->parameters);
	case CKA_MODULUS_BITS:
		return give_number(attribute, 8 * keyring_key_size(key));
	case CKA_PUBLIC_EXPONENT:
		return give_buf(attribute, &key->public_value);
	}
	return CKR_ATTRIBUTE_TYPE_INVALID;
}

static CK_RV of_ec(const struct key *key, CK_ATTRIBUTE_TYPE type, struct attribute *attribute)
{
	if (type == CKA_EC_PARAMS)
		return give_buf(attribute, &key->parameters);
	return type == CKA_EC_POINT ? give_buf(attribute, &key->public_value) : CKR_ATTRIBUTE_TYPE_INVALID;
}

/* What public and private keys have both. */
static CK_RV of_key(const struct key *key, CK_ATTRIBUTE_TYPE type, struct attribute *attribute)
{
	switch (type) {
	case CKA_KEY_TYPE:
		return give_number(attribute, key_type(key->type));
	case CKA_LOCAL:
		return give_bool(attribute, false); /* not known */
	case CKA_KEY_GEN_MECHANISM:
		return give_number(attribute, CK_UNAVAILABLE_INFORMATION);
	}
	return key->type == KEY_RSA ? of_rsa(key, type, attribute) : of_ec(key, type, attribute);
}

static CK_RV of_public(const struct key *key, CK_ATTRIBUTE_TYPE type, struct attribute *attribute)
{
	switch (type) {
	case CKA_VERIFY:
		return give_bool(attribute, key->uses & CERT_SIGN);
	case CKA_ENCRYPT:
		return give_bool(attribute, key->uses & CERT_DECRYPT);
	case CKA_DERIVE:
		return give_bool(attribute, key->uses & CERT_DERIVE);
	case CKA_VERIFY_RECOVER:
	case CKA_WRAP:
	case CKA_TRUSTED:
		return give_bool(attribute, false);
	}
	return of_key(key, type, attribute);
}

static CK_RV of_private(const struct key *key, CK_ATTRIBUTE_TYPE type, struct attribute *attribute)
{
	switch (type) {
	case CKA_SIGN:
		return give_bool(attribute, key->uses & CERT_SIGN);
	case CKA_DECRYPT:
		return give_bool(attribute, key->uses & CERT_DECRYPT);
	case CKA_DERIVE:
		return give_bool(attribute, key->uses & CERT_DERIVE);
	case CKA_SENSITIVE:
		return give_bool(attribute, true);
	case CKA_EXTRACTABLE:
	case CKA_ALWAYS_SENSITIVE: /* not known; the next one too */
	case CKA_NEVER_EXTRACTABLE:
	case CKA_SIGN_RECOVER:
	case CKA_UNWRAP:
	case CKA_WRAP_WITH_TRUSTED:
	case CKA_ALWAYS_AUTHENTICATE:
		return give_bool(attribute, false);
	case CKA_VALUE:
	case CKA_PRIVATE_EXPONENT:
	case CKA_PRIME_1:
	case CKA_PRIME_2:
	case CKA_EXPONENT_1:
	case CKA_EXPONENT_2:
	case CKA_COEFFICIENT:
		return CKR_ATTRIBUTE_SENSITIVE;
	}
	return of_key(key, type, attribute);
}

CK_RV attribute_of_key(const struct key *key, enum side side, CK_ATTRIBUTE_TYPE type,
		       struct attribute *ret_attribute)
{
	static const CK_ULONG classes[] = {
		[SIDE_CERT] = CKO_CERTIFICATE, [SIDE_PUBLIC] = CKO_PUBLIC_KEY, [SIDE_PRIVATE] = CKO_PRIVATE_KEY};

	switch (type) {
	case CKA_CLASS:
		return give_number(ret_attribute, classes[side]);
	case CKA_TOKEN:
		return give_bool(ret_attribute, true);
	case CKA_PRIVATE:
	case CKA_MODIFIABLE:
	case CKA_COPYABLE:
	case CKA_DESTROYABLE:
		return give_bool(ret_attribute, false);
	case CKA_LABEL:
		return give_buf(ret_attribute, &key->label);
	case CKA_ID:
		return give_buf(ret_attribute, &key->id);
	case CKA_SUBJECT:
		return give_buf(ret_attribute, &key->subject);
	case CKA_START_DATE: /* the certificate has its own */
	case CKA_END_DATE:
		return give_nothing(ret_attribute);
	}
	if (side == SIDE_CERT)
		return of_cert(key, type, ret_attribute);
	return side == SIDE_PUBLIC ? of_public(key, type, ret_attribute) : of_private(key, type, ret_attribute);
}

CK_RV attribute_of_secret(const struct secret_key *key, CK_ATTRIBUTE_TYPE type, struct attribute *ret_attribute)
{
	switch (type) {
	case CKA_CLASS:
		return give_number(ret_attribute, CKO_SECRET_KEY);
	case CKA_KEY_TYPE:
		return give_number(ret_attribute, key->type);
	case CKA_VALUE_LEN:
		return give_number(ret_attribute, key->value->length);
	case CKA_VALUE:
		if (key->sensitive || !key->extractable)
			return CKR_ATTRIBUTE_SENSITIVE;
		return give_view(ret_attribute, (struct view){key->value->data, key->value->length});
	case CKA_LABEL:
		return give_buf(ret_attribute, &key->label);
	case CKA_ID:
		return give_buf(ret_attribute, &key->id);
	case CKA_SENSITIVE:
		return give_bool(ret_attribute, key->sensitive);
	case CKA_EXTRACTABLE:
		return give_bool(ret_attribute, key->extractable);
	case CKA_DECRYPT:
	case CKA_UNWRAP:
	case CKA_DESTROYABLE:
		return give_bool(ret_attribute, true);
	case CKA_TOKEN:
	case CKA_PRIVATE:
	case CKA_MODIFIABLE:
	case CKA_COPYABLE:
	case CKA_ENCRYPT:
	case CKA_SIGN:
	case CKA_VERIFY:
	case CKA_WRAP:
	case CKA_DERIVE:
	case CKA_LOCAL:
	case CKA_ALWAYS_SENSITIVE:
	case CKA_NEVER_EXTRACTABLE:
		return give_bool(ret_attribute, false);
	}
	return CKR_ATTRIBUTE_TYPE_INVALID;
}
