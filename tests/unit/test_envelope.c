/* SPDX-License-Identifier: ISC
 *
 * Encrypted messages, made by OpenSSL or byte by byte, taken apart: what comes out decrypts to what
 * went in; what is cut anywhere is refused; what has a bit flipped ends.
 */
#include "envelope.h"

#include "clean_ssl.h"
#include "fixture.h"
#include "pki.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_LENGTH 300
#define MESSAGE_MAX 65536

static EVP_PKEY *keys[2];
static X509 *certs[2]; /* RSA, EC: key transport, key agreement */
static struct input input;

/* What a message held. */
struct parsed {
	struct envelope envelope;
	struct buf content;
};

static void parsed_done(struct parsed *parsed)
{
	envelope_done(&parsed->envelope);
	buf_done(&parsed->content);
}
#define CLEAN_PARSED CLEANUP(parsed_done)

/* From begin to end, `size` octets of the content at a time. */
static int parse(int fd, size_t size, struct parsed *parsed)
{
	uint8_t piece[512];
	size_t got = 1;
	int rc;

	parsed->content = BUF_INIT(MESSAGE_MAX);
	input_init(&input, fd);
	rc = envelope_begin(&parsed->envelope, &input);
	while (!rc && got) {
		rc = envelope_read(&parsed->envelope, piece, size, &got);
		rc = rc || !got ? rc : buf_add(&parsed->content, piece, got);
	}
	rc = rc ? rc : envelope_read_end(&parsed->envelope);
	ERR_clear_error();
	return rc;
}

static int parse_bytes(const void *bytes, size_t length)
{
	CLEAN_PARSED struct parsed parsed;
	CLEAN_FD int fd = fixture_file(bytes, length);

	return parse(fd, 512, &parsed);
}

/* An encrypted message to one of the two keys, DER or (streamed) BER with indefinite lengths. */
static void make(const EVP_CIPHER *cipher, int key, bool streamed, const uint8_t *text, struct buf *into)
{
	unsigned int flags = CMS_BINARY | (streamed ? CMS_STREAM : 0);
	STACK_OF(X509) *to = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(text, TEXT_LENGTH), *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms;
	char *bytes;
	long length;

	sk_X509_push(to, certs[key]);
	cms = CMS_encrypt(to, in, cipher, flags);
	assert_non_null(cms);
	assert_int_equal(streamed ? i2d_CMS_bio_stream(out, cms, in, (int)flags) : i2d_CMS_bio(out, cms),
			 1);
	length = BIO_get_mem_data(out, &bytes);
	assert_int_equal(buf_add(into, bytes, (size_t)length), 0);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
	sk_X509_free(to);
}

static const EVP_CIPHER *cipher_of(int index)
{
	return index ? EVP_aes_256_gcm() : EVP_aes_128_cbc();
}

static void fill(uint8_t *text)
{
	for (size_t i = 0; i < TEXT_LENGTH; i++)
		text[i] = (uint8_t)(i * 7);
}

/* Deciphers with the key that OpenSSL finds in the rebuilt message; checks the tag where one is. */
static void assert_decrypts(struct parsed *parsed, int key, const uint8_t *text)
{
	struct envelope *envelope = &parsed->envelope;
	uint8_t out[TEXT_LENGTH + EVP_MAX_BLOCK_LENGTH];
	BIO *empty = BIO_new_mem_buf("", 0);
	CLEAN_BIO BIO *chain = NULL;
	EVP_CIPHER_CTX *cipher = NULL;
	int length = 0, last = 0;

	assert_int_equal(CMS_decrypt_set1_pkey(envelope->cms, keys[key], certs[key]), 1);
	chain = CMS_dataInit(envelope->cms, empty);
	assert_non_null(chain);
	BIO_get_cipher_ctx(BIO_find_type(chain, BIO_TYPE_CIPHER), &cipher);
	assert_int_equal(
		EVP_DecryptUpdate(cipher, out, &length, parsed->content.data, (int)parsed->content.length),
		1);
	if (envelope->authenticated)
		assert_int_equal(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG,
						     (int)envelope->mac_length, envelope->mac),
				 1);
	assert_int_equal(EVP_DecryptFinal_ex(cipher, out + length, &last), 1);
	assert_int_equal(length + last, TEXT_LENGTH);
	assert_memory_equal(out, text, TEXT_LENGTH);
}

static void openssl_messages(void **state)
{
	uint8_t text[TEXT_LENGTH];

	(void)state;
	fill(text);
	for (int i = 0; i < 8; i++) {
		int gcm = i & 1, key = i >> 1 & 1;

		for (size_t size = 1; size <= 512; size *= 8) {
			CLEAN_BUF struct buf message = BUF_INIT(MESSAGE_MAX);
			CLEAN_PARSED struct parsed parsed;
			CLEAN_FD int fd = -1;

			make(cipher_of(gcm), key, i & 4, text, &message);
			fd = size == 8 ? fixture_drip(message.data, message.length, 1)
				       : fixture_file(message.data, message.length);
			assert_int_equal(parse(fd, size, &parsed), 0);
			assert_int_equal(parsed.envelope.authenticated, gcm);
			assert_int_equal(parsed.envelope.mac_length, gcm ? 16 : 0);
			assert_decrypts(&parsed, key, text);
		}
	}
}

static void cut_anywhere_is_refused(void **state)
{
	uint8_t text[TEXT_LENGTH];

	(void)state;
	fill(text);
	for (int i = 0; i < 8; i++) {
		CLEAN_BUF struct buf message = BUF_INIT(MESSAGE_MAX);

		make(cipher_of(i & 1), i >> 1 & 1, i & 4, text, &message);
		for (size_t cut = 0; cut < message.length; cut++) {
			int rc = parse_bytes(message.data, cut);

			assert_int_equal(rc, cut < 12		 ? ERR_NOT_CMS
					     : rc == ERR_NOT_CMS ? ERR_NOT_CMS
								 : ERR_BAD_CMS);
		}
		assert_int_equal(parse_bytes(message.data, message.length), 0);
	}
}

static void flipped_bits_end(void **state)
{
	uint8_t text[TEXT_LENGTH];

	(void)state;
	fill(text);
	for (int i = 0; i < 4; i++) {
		CLEAN_BUF struct buf message = BUF_INIT(MESSAGE_MAX);

		make(cipher_of(i & 1), 1, i & 2, text, &message);
		for (size_t bit = 0; bit < 8 * message.length; bit++) {
			int rc;

			message.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			rc = parse_bytes(message.data, message.length);
			assert_true(!rc || rc == ERR_BAD_CMS || rc == ERR_NOT_CMS || rc == ERR_WRONG_TYPE ||
				    rc == ERR_TOO_LARGE);
			message.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* The parts of a message made by hand, in hexadecimal. */
struct parts {
	const char *type, *version, *originator, *recipients, *algorithm, *content, *attributes, *mac,
		*unauthenticated;
};

#define AUTHENVELOPED "06 0b 2a 86 48 86 f7 0d 01 09 10 01 17"
#define ENVELOPED "06 09 2a 86 48 86 f7 0d 01 07 03"
#define DATA "06 09 2a 86 48 86 f7 0d 01 07 01"
#define GCM "06 09 60 86 48 01 65 03 04 01 06"
#define NONCE "04 0c 00 01 02 03 04 05 06 07 08 09 0a 0b"
#define MAC_12 "04 0c 00 01 02 03 04 05 06 07 08 09 0a 0b"
#define MAC_16 "04 10 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"

static struct parts whole(void)
{
	return (struct parts){.type = AUTHENVELOPED,
			      .version = "02 01 00",
			      .originator = "",
			      .recipients = "31 00",
			      .algorithm = "30 80 " GCM " 30 11 " NONCE " 02 01 10 00 00",
			      .content = "80 03 61 62 63",
			      .attributes = "",
			      .mac = MAC_16,
			      .unauthenticated = ""};
}

static int parse_parts(const struct parts *parts, struct parsed *parsed)
{
	CLEAN_BUF struct buf bytes = BUF_INIT(MESSAGE_MAX);
	CLEAN_FD int fd = -1;
	char text[4096];
	unsigned int byte;
	int used;

	snprintf(text, sizeof text,
		 "30 80 %s a0 80 30 80 %s %s %s 30 80 " DATA " %s %s 00 00 %s %s %s 00 00 00 00 00 00",
		 parts->type, parts->version, parts->originator, parts->recipients, parts->algorithm,
		 parts->content, parts->attributes, parts->mac, parts->unauthenticated);
	for (const char *at = text; sscanf(at, " %2x%n", &byte, &used) == 1; at += used)
		assert_int_equal(buf_add_u8(&bytes, (uint8_t)byte), 0);
	fd = fixture_file(bytes.data, bytes.length);
	return parse(fd, 512, parsed);
}

static void assert_parts(const struct parts *parts, int expected)
{
	CLEAN_PARSED struct parsed parsed;
	int rc = parse_parts(parts, &parsed);

	if (rc != expected)
		fail_msg("%s: %s %s %s %s %s", error_name(rc), parts->algorithm, parts->content,
			 parts->attributes, parts->mac, parts->unauthenticated);
}

static void made_by_hand(void **state)
{
	CLEAN_PARSED struct parsed parsed;
	struct parts parts = whole();

	(void)state;
	assert_int_equal(parse_parts(&parts, &parsed), 0);
	assert_true(parsed.envelope.authenticated);
	assert_int_equal(parsed.envelope.mac_length, 16);
	assert_int_equal(parsed.envelope.mac[15], 15);
	assert_int_equal(parsed.envelope.attributes.length, 0);
	assert_true(view_equal(buf_view(&parsed.content), view_string("abc")));
}

/* RFC 5083 section 2.2: what is authenticated has the tag of a SET OF. */
static void attributes(void **state)
{
	CLEAN_PARSED struct parsed parsed;
	struct parts parts = whole();

	(void)state;
	parts.attributes = "a1 04 30 02 05 00";
	parts.unauthenticated = "a2 04 30 02 05 00";
	assert_int_equal(parse_parts(&parts, &parsed), 0);
	assert_true(view_equal(buf_view(&parsed.envelope.attributes),
			       (struct view){(const uint8_t *)"\x31\x04\x30\x02\x05\x00", 6}));
	parts.attributes = "a2 04 30 02 05 00"; /* in the wrong place */
	assert_parts(&parts, ERR_BAD_CMS);
	parts = whole();
	parts.unauthenticated = "a1 04 30 02 05 00";
	assert_parts(&parts, ERR_BAD_CMS);
	parts.unauthenticated = "a2 00 a2 00";
	assert_parts(&parts, ERR_BAD_CMS);
	parts.unauthenticated = "05 00";
	assert_parts(&parts, ERR_BAD_CMS);
}

static void lengths_of_the_tag(void **state)
{
	static const struct {
		const char *parameters, *mac;
		int expected;
	} cases[] = {
		{"30 11 " NONCE " 02 01 10", MAC_16, 0},
		{"30 11 " NONCE " 02 01 0c", MAC_12, 0},
		{"30 11 " NONCE " 02 01 10", "24 80 " MAC_12 " 04 04 0c 0d 0e 0f 00 00", 0},
		{"30 0e " NONCE, MAC_12, 0}, /* the default */
		{"30 0e " NONCE, MAC_16, ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 10", MAC_12, ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 0c", MAC_16, ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 0d", MAC_12, ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 10", "04 11 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10",
		 ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 10", "24 80 " MAC_16 " 04 01 00 00 00", ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 10", "", ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 10", "04 00", ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 04", "04 04 00 01 02 03", ERR_BAD_CMS}, /* too short to trust */
		{"30 11 " NONCE " 02 01 0b", "04 0b 00 01 02 03 04 05 06 07 08 09 0a", ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 00", "04 00", ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 ff", "04 00", ERR_BAD_CMS},
		{"30 11 " NONCE " 02 01 11", "04 11 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10",
		 ERR_BAD_CMS},
		{"30 19 " NONCE " 02 09 01 00 00 00 00 00 00 00 10", MAC_16, ERR_BAD_CMS},
		{"30 11 " NONCE " 04 01 10", MAC_16, ERR_BAD_CMS},
		{"30 14 " NONCE " 02 01 10 02 01 10", MAC_16, ERR_BAD_CMS},
		{"30 00", MAC_12, ERR_BAD_CMS},
		{"05 00", MAC_12, ERR_BAD_CMS},
		{"", MAC_12, ERR_BAD_CMS},
		{NONCE, MAC_12, ERR_BAD_CMS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct parts parts = whole();
		char algorithm[300];

		snprintf(algorithm, sizeof algorithm, "30 80 " GCM " %s 00 00", cases[i].parameters);
		parts.algorithm = algorithm;
		parts.mac = cases[i].mac;
		assert_parts(&parts, cases[i].expected);
	}
}

static void enveloped_without_tag(void **state)
{
	struct parts parts = whole();

	(void)state;
	parts.type = ENVELOPED;
	parts.algorithm = "30 1d 06 09 60 86 48 01 65 03 04 01 02 04 10 00 01 02 03 04 05 06 07 08 09 0a "
			  "0b 0c 0d 0e 0f";
	parts.mac = "";
	assert_parts(&parts, 0);
	parts.attributes = "a1 04 30 02 05 00"; /* unprotectedAttrs */
	assert_parts(&parts, 0);
	parts.mac = MAC_16;
	assert_parts(&parts, ERR_BAD_CMS);
	parts.mac = "";
	parts.unauthenticated = "a2 04 30 02 05 00";
	assert_parts(&parts, ERR_BAD_CMS);
}

static void other_types(void **state)
{
	static const struct {
		const char *type;
		int expected;
	} cases[] = {
		{"06 09 2a 86 48 86 f7 0d 01 07 02", ERR_WRONG_TYPE}, /* signed-data */
		{DATA, ERR_WRONG_TYPE},
		{"06 01 2a", ERR_WRONG_TYPE},
		{"06 21 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a "
		 "2a 2a 2a 2a 2a "
		 "2a",
		 ERR_NOT_CMS},
		{"02 01 05", ERR_NOT_CMS}, /* a key or a certificate */
		{"30 00", ERR_NOT_CMS},
		{"", ERR_NOT_CMS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct parts parts = whole();

		parts.type = cases[i].type;
		assert_parts(&parts, cases[i].expected);
	}
	assert_int_equal(parse_bytes("", 0), ERR_NOT_CMS);
	assert_int_equal(parse_bytes("From: alice@example.com\n\n", 25), ERR_NOT_CMS);
	assert_int_equal(parse_bytes("-----BEGIN CMS-----\n", 20), ERR_NOT_CMS);
	assert_int_equal(parse_bytes("\x30\x80\x00\x00", 4), ERR_NOT_CMS);
}

static void damaged_parts(void **state)
{
	struct parts parts = whole();

	(void)state;
	parts.originator = "a0 00"; /* fine: originatorInfo */
	assert_parts(&parts, 0);
	parts.originator = "a1 00";
	assert_parts(&parts, ERR_BAD_CMS);
	parts = whole();
	parts.recipients = "30 00";
	assert_parts(&parts, ERR_BAD_CMS);
	parts.recipients = "";
	assert_parts(&parts, ERR_BAD_CMS);
	parts = whole();
	parts.version = "";
	assert_parts(&parts, ERR_BAD_CMS);
	parts = whole();
	parts.content = ""; /* detached content is no use here */
	assert_parts(&parts, ERR_BAD_CMS);
	parts.content = "04 03 61 62 63";
	assert_parts(&parts, ERR_BAD_CMS);
	parts.content = "80 03 61 62 63 05 00";
	assert_parts(&parts, ERR_BAD_CMS);
	parts.content = "a0 80 04 01 61 04 02 62 63 00 00";
	assert_parts(&parts, 0);
	parts.content = "a0 80 02 01 61 00 00";
	assert_parts(&parts, ERR_BAD_CMS);
	parts = whole();
	parts.algorithm = "30 00";
	assert_parts(&parts, ERR_BAD_CMS);
	parts.algorithm = "30 82 10 01 00"; /* longer than any */
	assert_parts(&parts, ERR_TOO_LARGE);
}

static void reading_fails(void **state)
{
	CLEAN_PARSED struct parsed parsed;

	(void)state;
	assert_int_equal(parse(-1, 512, &parsed), ERR_READ);
}

static int set_up(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		keys[i] = pki_key(i ? "EC" : "RSA");
		certs[i] = pki_cert(&(struct pki_spec){.subject = "/CN=x", .key = keys[i]});
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		X509_free(certs[i]);
		EVP_PKEY_free(keys[i]);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_messages),
		cmocka_unit_test(cut_anywhere_is_refused),
		cmocka_unit_test(flipped_bits_end),
		cmocka_unit_test(made_by_hand),
		cmocka_unit_test(attributes),
		cmocka_unit_test(lengths_of_the_tag),
		cmocka_unit_test(enveloped_without_tag),
		cmocka_unit_test(other_types),
		cmocka_unit_test(damaged_parts),
		cmocka_unit_test(reading_fails),
	};

	alarm(300); /* for a parser that never ends */
	return cmocka_run_group_tests_name("envelope", tests, set_up, tear_down);
}
