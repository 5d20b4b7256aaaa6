/* SPDX-License-Identifier: ISC
 *
 * Takes an encrypted message apart as it streams by. OpenSSL gets a message rebuilt without the
 * content, with indefinite lengths, so that no length has to be computed.
 */
#include "envelope.h"

#include "clean_ssl.h"

#include <openssl/asn1.h>
#include <string.h>

#define OID_MAX 32
/* Attributes of a message, and what else may follow the content. */
#define TAIL_MAX (256 * 1024)

static const uint8_t oid_enveloped[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03};
static const uint8_t oid_authenveloped[] = {0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7,
					    0x0d, 0x01, 0x09, 0x10, 0x01, 0x17};

static int read_type(struct envelope *envelope, struct buf *prefix)
{
	CLEAN_BUF struct buf oid = BUF_INIT(OID_MAX);
	uint8_t tag;
	int rc = ber_peek(&envelope->ber, &tag);

	rc = rc ? rc : ber_enter(&envelope->ber, BER_SEQUENCE);
	rc = rc ? rc : ber_peek(&envelope->ber, &tag);
	if (!rc && tag != BER_OID)
		rc = ERR_NOT_CMS;
	rc = rc ? rc : ber_copy(&envelope->ber, &oid);
	if (rc)
		return rc == ERR_READ ? rc : ERR_NOT_CMS;
	envelope->authenticated =
		view_equal(buf_view(&oid), (struct view){oid_authenveloped, sizeof oid_authenveloped});
	if (!envelope->authenticated &&
	    !view_equal(buf_view(&oid), (struct view){oid_enveloped, sizeof oid_enveloped}))
		return ERR_WRONG_TYPE;
	rc = buf_add(prefix, "\x30\x80", 2);
	rc = rc ? rc : buf_add(prefix, oid.data, oid.length);
	return rc ? rc : buf_add(prefix, "\xa0\x80\x30\x80", 4);
}

/* version, originatorInfo, recipientInfos. */
static int read_recipients(struct envelope *envelope, struct buf *prefix)
{
	struct ber *ber = &envelope->ber;
	uint8_t tag;
	int rc = ber_enter(ber, BER_CONTEXT_0);

	rc = rc ? rc : ber_enter(ber, BER_SEQUENCE);
	rc = rc ? rc : ber_copy(ber, prefix);
	rc = rc ? rc : ber_peek(ber, &tag);
	if (!rc && tag == BER_CONTEXT_0)
		rc = ber_copy(ber, prefix);
	rc = rc ? rc : ber_peek(ber, &tag);
	if (!rc && tag != BER_SET)
		rc = ERR_BAD_CMS;
	return rc ? rc : ber_copy(ber, prefix);
}

/* The same with the default spelled out, which OpenSSL does not know. */
static int add_default(const ASN1_OBJECT *oid, const ASN1_TYPE *nonce, struct buf *prefix)
{
	unsigned char *oid_der = NULL, *nonce_der = NULL;
	int oid_length = i2d_ASN1_OBJECT(oid, &oid_der);
	int nonce_length = i2d_ASN1_TYPE((ASN1_TYPE *)(uintptr_t)nonce, &nonce_der);
	int rc = oid_length > 0 && nonce_length > 0 ? 0 : ERR_BAD_CMS;

	rc = rc ? rc : buf_add(prefix, "\x30\x80", 2);
	rc = rc ? rc : buf_add(prefix, oid_der, (size_t)oid_length);
	rc = rc ? rc : buf_add(prefix, "\x30\x80", 2);
	rc = rc ? rc : buf_add(prefix, nonce_der, (size_t)nonce_length);
	rc = rc ? rc : buf_add(prefix, "\x02\x01\x0c\0\0\0\0", 7);
	OPENSSL_free(oid_der);
	OPENSSL_free(nonce_der);
	return rc;
}

static size_t octets(const ASN1_TYPE *field)
{
	return field->type == V_ASN1_OCTET_STRING ? (size_t)ASN1_STRING_length(field->value.octet_string) : 0;
}

/* GCMParameters, RFC 5084 section 3.2: SEQUENCE { nonce, aes-ICVlen DEFAULT 12 }. */
static int add_gcm(struct view der, struct buf *prefix, struct envelope *envelope)
{
	const unsigned char *at = der.data;
	CLEAN_ALGORITHM X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)der.length);
	STACK_OF(ASN1_TYPE) *fields;
	const ASN1_OBJECT *oid;
	const void *value;
	int type, rc;
	long length = -1;

	if (!algorithm)
		return ERR_BAD_CMS;
	X509_ALGOR_get0(&oid, &type, &value, algorithm);
	if (type != V_ASN1_SEQUENCE)
		return ERR_BAD_CMS;
	at = ASN1_STRING_get0_data(value);
	fields = d2i_ASN1_SEQUENCE_ANY(NULL, &at, ASN1_STRING_length(value));
	if (sk_ASN1_TYPE_num(fields) >= 1)
		envelope->iv_length = octets(sk_ASN1_TYPE_value(fields, 0));
	if (sk_ASN1_TYPE_num(fields) == 2 && sk_ASN1_TYPE_value(fields, 1)->type == V_ASN1_INTEGER)
		length = ASN1_INTEGER_get(sk_ASN1_TYPE_value(fields, 1)->value.integer);
	else if (sk_ASN1_TYPE_num(fields) == 1)
		length = ENVELOPE_MAC_MIN;
	rc = length < ENVELOPE_MAC_MIN || length > ENVELOPE_MAC_MAX ? ERR_BAD_CMS : 0;
	if (!rc && sk_ASN1_TYPE_num(fields) == 1)
		rc = add_default(oid, sk_ASN1_TYPE_value(fields, 0), prefix);
	else if (!rc)
		rc = buf_add(prefix, der.data, der.length);
	sk_ASN1_TYPE_pop_free(fields, ASN1_TYPE_free);
	if (!rc)
		envelope->mac_expected = (size_t)length;
	return rc;
}

static int read_cipher(struct view der, struct envelope *envelope)
{
	const unsigned char *at = der.data;
	CLEAN_ALGORITHM X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)der.length);
	const ASN1_OBJECT *oid;
	const void *value;
	int type;

	if (!algorithm)
		return ERR_BAD_CMS;
	X509_ALGOR_get0(&oid, &type, &value, algorithm);
	envelope->cipher = OBJ_obj2nid(oid);
	if (type == V_ASN1_OCTET_STRING)
		envelope->iv_length = (size_t)ASN1_STRING_length(value);
	return 0;
}

/* contentType and contentEncryptionAlgorithm, up to the octets. */
static int read_content_info(struct envelope *envelope, struct buf *prefix)
{
	CLEAN_BUF struct buf algorithm = BUF_INIT(4096);
	struct ber *ber = &envelope->ber;
	int rc = ber_enter(ber, BER_SEQUENCE);

	rc = rc ? rc : buf_add(prefix, "\x30\x80", 2);
	rc = rc ? rc : ber_copy(ber, prefix);
	rc = rc ? rc : ber_copy(ber, &algorithm);
	rc = rc ? rc : read_cipher(buf_view(&algorithm), envelope);
	if (!rc && envelope->authenticated)
		rc = add_gcm(buf_view(&algorithm), prefix, envelope);
	else if (!rc)
		rc = buf_add(prefix, algorithm.data, algorithm.length);
	/* Of no content, rather than detached: CMS_decrypt looks for some. */
	rc = rc ? rc : buf_add(prefix, "\x80\0\0\0", 4);
	if (!rc && envelope->authenticated)
		rc = buf_add(prefix, "\x04\x10" "0123456789abcdef", 18);
	rc = rc ? rc : buf_add(prefix, "\0\0\0\0\0", 6);
	return rc ? rc : ber_octets_begin(ber, 0x80);
}

int envelope_begin(struct envelope *envelope, struct input *input)
{
	CLEAN_BUF struct buf prefix = BUF_INIT(ENVELOPE_MAX);
	const unsigned char *at;
	int rc;

	memset(envelope, 0, sizeof *envelope);
	envelope->attributes = BUF_INIT(TAIL_MAX);
	ber_init(&envelope->ber, input);
	rc = read_type(envelope, &prefix);
	rc = rc ? rc : read_recipients(envelope, &prefix);
	rc = rc ? rc : read_content_info(envelope, &prefix);
	if (rc)
		return rc;
	at = prefix.data;
	envelope->cms = d2i_CMS_ContentInfo(NULL, &at, (long)prefix.length);
	return envelope->cms ? 0 : ERR_BAD_CMS;
}

int envelope_read(struct envelope *envelope, void *into, size_t size, size_t *ret_length)
{
	return ber_octets_read(&envelope->ber, into, size, ret_length);
}

static int read_mac(struct envelope *envelope)
{
	size_t got = 0;
	int rc = ber_octets_begin(&envelope->ber, BER_OCTET_STRING);

	envelope->mac_length = 0;
	do {
		uint8_t byte[ENVELOPE_MAC_MAX];

		rc = rc ? rc : ber_octets_read(&envelope->ber, byte, sizeof byte, &got);
		if (rc)
			return rc;
		if (envelope->mac_length + got > envelope->mac_expected)
			return ERR_BAD_CMS;
		memcpy(envelope->mac + envelope->mac_length, byte, got);
		envelope->mac_length += got;
	} while (got);
	return envelope->mac_length == envelope->mac_expected ? 0 : ERR_BAD_CMS;
}

/* An optional [n], skipped or kept. */
static int take_optional(struct envelope *envelope, uint8_t wanted, struct buf *into)
{
	uint8_t tag;
	int rc = ber_peek(&envelope->ber, &tag);

	return rc || tag != wanted ? rc : ber_copy(&envelope->ber, into);
}

int envelope_read_end(struct envelope *envelope)
{
	CLEAN_BUF struct buf ignored = BUF_INIT(TAIL_MAX);
	struct ber *ber = &envelope->ber;
	int rc = 0;

	if (!envelope->authenticated) {
		rc = ber_leave(ber);
		rc = rc ? rc : take_optional(envelope, BER_CONTEXT_1, &ignored);
	} else {
		buf_clear(&envelope->attributes);
		rc = ber_leave(ber);
		rc = rc ? rc : take_optional(envelope, BER_CONTEXT_1, &envelope->attributes);
		rc = rc ? rc : read_mac(envelope);
		rc = rc ? rc : take_optional(envelope, BER_CONTEXT_2, &ignored);
		/* RFC 5083 section 2.2: authenticated as SET OF, not as [1]. */
		if (!rc && envelope->attributes.length)
			envelope->attributes.data[0] = BER_SET;
	}
	rc = rc ? rc : ber_leave(ber); /* (Auth)EnvelopedData */
	rc = rc ? rc : ber_leave(ber); /* [0] */
	return rc ? rc : ber_leave(ber);
}

void envelope_done(struct envelope *envelope)
{
	CMS_ContentInfo_free(envelope->cms);
	buf_done(&envelope->attributes);
	envelope->cms = NULL;
}
