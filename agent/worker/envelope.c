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

	if (rc || tag != BER_SEQUENCE || ber_enter(&envelope->ber, BER_SEQUENCE) ||
	    ber_peek(&envelope->ber, &tag) || tag != BER_OID || ber_copy(&envelope->ber, &oid))
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

/* GCMParameters, RFC 5084 section 3.2: SEQUENCE { nonce, aes-ICVlen DEFAULT 12 }. */
static int read_icv_length(struct view der, size_t *ret_length)
{
	const unsigned char *at = der.data;
	CLEAN_ALGORITHM X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)der.length);
	STACK_OF(ASN1_TYPE) *fields;
	const ASN1_OBJECT *oid;
	const void *value;
	int type;
	long length = ENVELOPE_MAC_MIN;

	if (!algorithm)
		return ERR_BAD_CMS;
	X509_ALGOR_get0(&oid, &type, &value, algorithm);
	if (type != V_ASN1_SEQUENCE)
		return ERR_BAD_CMS;
	at = ASN1_STRING_get0_data(value);
	fields = d2i_ASN1_SEQUENCE_ANY(NULL, &at, ASN1_STRING_length(value));
	if (sk_ASN1_TYPE_num(fields) == 2 && sk_ASN1_TYPE_value(fields, 1)->type == V_ASN1_INTEGER)
		length = ASN1_INTEGER_get(sk_ASN1_TYPE_value(fields, 1)->value.integer);
	else if (sk_ASN1_TYPE_num(fields) != 1)
		length = -1;
	sk_ASN1_TYPE_pop_free(fields, ASN1_TYPE_free);
	if (length < ENVELOPE_MAC_MIN || length > ENVELOPE_MAC_MAX)
		return ERR_BAD_CMS;
	*ret_length = (size_t)length;
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
	rc = rc ? rc : buf_add(prefix, algorithm.data, algorithm.length);
	rc = rc ? rc : buf_add(prefix, "\0\0", 2);
	if (!rc && envelope->authenticated) {
		rc = read_icv_length(buf_view(&algorithm), &envelope->mac_expected);
		rc = rc ? rc : buf_add(prefix, "\x04\x10" "0123456789abcdef", 18);
	}
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
