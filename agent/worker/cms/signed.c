/* SPDX-License-Identifier: ISC
 *
 * Takes a signed message apart as it streams by. OpenSSL gets it rebuilt without its content, with
 * indefinite lengths, and not before its sets were counted.
 */
#include "signed.h"

#include "clean_ssl.h"

#include <string.h>

static const uint8_t oid_signed[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};

static int read_type(struct signed_data *data)
{
	CLEAN_BUF struct buf oid = BUF_INIT(32);
	uint8_t tag;
	int rc = ber_enter(&data->ber, BER_SEQUENCE);

	rc = rc ? rc : ber_peek(&data->ber, &tag);
	if (!rc && tag != BER_OID)
		rc = ERR_NOT_CMS;
	rc = rc ? rc : ber_copy(&data->ber, &oid);
	if (rc)
		return rc == ERR_BAD_CMS || rc == ERR_TOO_LARGE ? ERR_NOT_CMS : rc;
	if (!view_equal(buf_view(&oid), (struct view){oid_signed, sizeof oid_signed}))
		return ERR_WRONG_TYPE;
	rc = buf_add(&data->prefix, "\x30\x80", 2);
	rc = rc ? rc : buf_add(&data->prefix, oid.data, oid.length);
	return rc ? rc : buf_add(&data->prefix, "\xa0\x80\x30\x80", 4);
}

static int add_digest(struct signed_data *data, const struct buf *der)
{
	const unsigned char *at = der->data;
	CLEAN_ALGORITHM X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)der->length);
	const ASN1_OBJECT *oid;

	if (!algorithm)
		return ERR_BAD_CMS;
	if (data->digest_count == SIGNED_DIGESTS_MAX)
		return ERR_TOO_LARGE;
	X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
	data->digests[data->digest_count++] = OBJ_obj2nid(oid);
	return 0;
}

static int read_digests(struct signed_data *data)
{
	uint8_t tag = 0;
	int rc = ber_enter(&data->ber, BER_SET);

	rc = rc ? rc : buf_add(&data->prefix, "\x31\x80", 2);
	while (!rc) {
		CLEAN_BUF struct buf der = BUF_INIT(4096);

		rc = ber_peek(&data->ber, &tag);
		if (rc || tag == BER_END)
			break;
		rc = ber_copy(&data->ber, &der);
		rc = rc ? rc : add_digest(data, &der);
		rc = rc ? rc : buf_add(&data->prefix, der.data, der.length);
	}
	rc = rc ? rc : ber_leave(&data->ber);
	return rc ? rc : buf_add(&data->prefix, "\0", 2);
}

static int read_content_type(struct signed_data *data)
{
	CLEAN_BUF struct buf oid = BUF_INIT(1024);
	int rc = ber_copy(&data->ber, &oid);

	data->is_data = !rc && view_equal(buf_view(&oid), (struct view){oid_data, sizeof oid_data});
	return rc ? rc : buf_add(&data->prefix, oid.data, oid.length);
}

/* EncapsulatedContentInfo, up to the octets. */
static int read_content_info(struct signed_data *data)
{
	uint8_t tag;
	int rc = ber_enter(&data->ber, BER_SEQUENCE);

	rc = rc ? rc : buf_add(&data->prefix, "\x30\x80", 2);
	rc = rc ? rc : read_content_type(data);
	rc = rc ? rc : buf_add(&data->prefix, "\0", 2);
	rc = rc ? rc : ber_peek(&data->ber, &tag);
	if (rc)
		return rc;
	data->detached = tag == BER_END;
	if (data->detached)
		return ber_leave(&data->ber);
	rc = ber_enter(&data->ber, BER_CONTEXT_0);
	rc = rc ? rc : ber_peek(&data->ber, &tag);
	if (!rc && (tag & ~BER_CONSTRUCTED) != BER_OCTET_STRING)
		return ERR_NOT_SUPPORTED;
	return rc ? rc : ber_octets_begin(&data->ber, BER_OCTET_STRING);
}

int signed_begin(struct signed_data *data, struct input *input)
{
	int rc;

	memset(data, 0, sizeof *data);
	data->prefix = BUF_INIT(SIGNED_MAX);
	ber_init(&data->ber, input);
	rc = read_type(data);
	rc = rc ? rc : ber_enter(&data->ber, BER_CONTEXT_0);
	rc = rc ? rc : ber_enter(&data->ber, BER_SEQUENCE);
	rc = rc ? rc : ber_copy(&data->ber, &data->prefix); /* version */
	rc = rc ? rc : read_digests(data);
	return rc ? rc : read_content_info(data);
}

int signed_read(struct signed_data *data, void *into, size_t size, size_t *ret_length)
{
	return ber_octets_read(&data->ber, into, size, ret_length);
}

/* A set of at most `max` elements. */
static int copy_set(struct signed_data *data, uint8_t tag, unsigned int max)
{
	const uint8_t head[] = {tag, 0x80};
	unsigned int count = 0;
	uint8_t next = 0;
	int rc = ber_enter(&data->ber, tag);

	rc = rc ? rc : buf_add(&data->prefix, head, sizeof head);
	while (!rc) {
		rc = ber_peek(&data->ber, &next);
		if (rc || next == BER_END)
			break;
		rc = count++ < max ? ber_copy(&data->ber, &data->prefix) : ERR_TOO_LARGE;
	}
	rc = rc ? rc : ber_leave(&data->ber);
	return rc ? rc : buf_add(&data->prefix, "\0", 2);
}

static int copy_optional(struct signed_data *data, uint8_t tag, unsigned int max)
{
	uint8_t next;
	int rc = ber_peek(&data->ber, &next);

	return rc || next != tag ? rc : copy_set(data, tag, max);
}

int signed_read_end(struct signed_data *data)
{
	struct ber *ber = &data->ber;
	const unsigned char *at;
	int rc = 0;

	if (!data->detached) {
		rc = ber_leave(ber); /* [0] */
		rc = rc ? rc : ber_leave(ber);
	}
	rc = rc ? rc : copy_optional(data, BER_CONTEXT_0, SIGNED_CERTIFICATES_MAX);
	rc = rc ? rc : copy_optional(data, BER_CONTEXT_1, SIGNED_LISTS_MAX);
	rc = rc ? rc : copy_set(data, BER_SET, SIGNED_SIGNERS_MAX);
	for (int level = 0; level < 3 && !rc; level++)
		rc = ber_leave(ber); /* SignedData, [0], ContentInfo */
	rc = rc ? rc : buf_add(&data->prefix, "\0\0\0\0\0", 6);
	if (rc)
		return rc;
	at = data->prefix.data;
	data->cms = d2i_CMS_ContentInfo(NULL, &at, (long)data->prefix.length);
	buf_done(&data->prefix);
	return data->cms ? 0 : ERR_BAD_CMS;
}

void signed_done(struct signed_data *data)
{
	CMS_ContentInfo_free(data->cms);
	buf_done(&data->prefix);
	data->cms = NULL;
}

/* ContentInfo's header and object identifier are in the first bytes, whatever its length. */
int signed_look(struct input *input, enum signed_kind *ret_kind)
{
	static const struct {
		enum signed_kind kind;
		uint8_t length, oid[13];
	} table[] = {
		{SIGNED_DATA, 11, {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2}},
		{SIGNED_ENVELOPED, 11, {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3}},
		{SIGNED_ENVELOPED, 13, {6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 23}},
		{SIGNED_COMPRESSED, 13, {6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 9}},
	};
	struct view bytes;
	size_t head;
	int rc = input_peek(input, 32, &bytes);

	if (rc)
		return rc;
	*ret_kind = SIGNED_NO_CMS;
	if (bytes.length < 16 || bytes.data[0] != BER_SEQUENCE)
		return 0;
	head = bytes.data[1] <= 0x80 ? 2 : 2 + (size_t)(bytes.data[1] & 0x7f);
	if (head + 13 > bytes.length || bytes.data[head] != BER_OID)
		return 0;
	*ret_kind = SIGNED_OTHER;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (!memcmp(bytes.data + head, table[i].oid, table[i].length))
			*ret_kind = table[i].kind;
	return 0;
}
