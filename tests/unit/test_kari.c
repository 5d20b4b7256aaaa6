/* SPDX-License-Identifier: ISC
 *
 * X25519 recipients: what their algorithms say, keys that were derived by other code (Python's cryptography), senders'
 * keys of wrong lengths, and the recipients' order in what is written.
 */
#include "kari.h"

#include "clean_ssl.h"
#include "der.h"
#include "fixture.h"
#include "pki.h"
#include "remote_key.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define INFOS_MAX 65536
#define RECIPIENTS 5

/* No token is asked here. */
int remote_key_error(void)
{
	return 0;
}

static EVP_PKEY *keys[4]; /* EC, RSA, X25519, X25519 */
static X509 *certs[4];

static X509_ALGOR *make_algorithm(const char *scheme, const char *wrap)
{
	X509_ALGOR *algorithm = X509_ALGOR_new(), *inner = X509_ALGOR_new();
	ASN1_STRING *packed = NULL;

	assert_true(X509_ALGOR_set0(inner, OBJ_txt2obj(wrap, 0), V_ASN1_UNDEF, NULL));
	assert_non_null(ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), &packed));
	assert_true(X509_ALGOR_set0(algorithm, OBJ_txt2obj(scheme, 0), V_ASN1_SEQUENCE, packed));
	X509_ALGOR_free(inner);
	return algorithm;
}

static void hex(const uint8_t *bytes, size_t length, char *into)
{
	*into = 0;
	for (size_t i = 0; i < length; i++)
		snprintf(into + 2 * i, 3, "%02x", bytes[i]);
}

static const struct {
	const char *scheme, *wrap, *ukm, *kek;
} known[] = {
	{"1.3.132.1.11.1", "id-aes128-wrap", NULL, "66865a004fb011c34f6cbaa075c7e787"},
	{"1.3.132.1.11.1", "id-aes256-wrap", "abc", "8a3435d36119f881b03a3201743e29a8bf0cf769dadc80f97538b5a60ea099ac"},
	{"1.3.132.1.11.2", "id-aes128-wrap", "abc", "e774be4875a278eeadb1fa126d5ffbe9"},
	{"1.3.132.1.11.3", "id-aes256-wrap", NULL, "c343198598fcba380a508477b0058bf9964bdfe0ccf4ca56cea3dd22d8f27417"},
	{"1.2.840.113549.1.9.16.3.19", "id-aes128-wrap", NULL, "831367b9f101dc26c55599491d4d9093"},
	{"1.2.840.113549.1.9.16.3.19", "id-aes128-wrap", "abc", "7138c78e912d887a905d88b492113ad4"},
	{"1.2.840.113549.1.9.16.3.19", "id-aes256-wrap", NULL,
	 "da699b3e7f8ca14e2e7a27fc2751c5a452638b6a4dc0c7d8165ec960ee93fda2"},
	{"1.2.840.113549.1.9.16.3.20", "id-aes256-wrap", "abc",
	 "aa455264cea47b406c5bda501647c3f26c95483221c8328dc7c4b515aeb41e60"},
	{"1.2.840.113549.1.9.16.3.21", "id-aes128-wrap", "abc", "28d258d0af19584219e86308b4e688f4"},
};

/* What the secret 01, 02 to 20 gives. */
static void derived(void **state)
{
	uint8_t secret[32], kek[EVP_MAX_KEY_LENGTH];
	char text[2 * sizeof kek + 1];

	(void)state;
	for (uint8_t i = 0; i < sizeof secret; i++)
		secret[i] = i + 1;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		CLEAN_ALGORITHM X509_ALGOR *algorithm = make_algorithm(known[i].scheme, known[i].wrap);
		CLEAN_KARI_SCHEME struct kari_scheme scheme;
		ASN1_OCTET_STRING *ukm = known[i].ukm ? ASN1_OCTET_STRING_new() : NULL;

		if (ukm)
			ASN1_OCTET_STRING_set(ukm, (const unsigned char *)known[i].ukm, -1);
		assert_int_equal(kari_read_scheme(algorithm, ukm, &scheme), 0);
		assert_int_equal(scheme.kdf.length, EVP_CIPHER_get_key_length(scheme.wrap));
		assert_true(kdf_derive(&scheme.kdf, (struct view){secret, sizeof secret}, kek));
		hex(kek, scheme.kdf.length, text);
		assert_string_equal(text, known[i].kek);
		ASN1_OCTET_STRING_free(ukm);
	}
}

static void schemes_refused(void **state)
{
	static const struct {
		const char *scheme, *wrap;
	} cases[] = {
		{"1.3.132.1.11.0", "id-aes128-wrap"}, /* SHA-224 */
		{"1.3.132.1.14.1", "id-aes128-wrap"}, /* cofactor */
		{"1.3.132.1.11.1.1", "id-aes128-wrap"},
		{"1.2.840.113549.1.9.16.3.22", "id-aes128-wrap"},
		{"1.2.840.113549.1.9.16.3.19", "id-smime-alg-CMS3DESwrap"},
		{"1.2.840.113549.1.9.16.3.19", "aes-128-cbc"},
	};
	CLEAN_ALGORITHM X509_ALGOR *bare = X509_ALGOR_new();
	CLEAN_KARI_SCHEME struct kari_scheme none;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEAN_ALGORITHM X509_ALGOR *algorithm = make_algorithm(cases[i].scheme, cases[i].wrap);
		CLEAN_KARI_SCHEME struct kari_scheme scheme;

		assert_int_equal(kari_read_scheme(algorithm, NULL, &scheme), ERR_NOT_SUPPORTED);
	}
	assert_int_equal(kari_read_scheme(bare, NULL, &none), ERR_NOT_SUPPORTED);
	X509_ALGOR_set0(bare, OBJ_txt2obj("1.2.840.113549.1.9.16.3.19", 1), V_ASN1_NULL, NULL);
	assert_int_equal(kari_read_scheme(bare, NULL, &none), ERR_NOT_SUPPORTED);
}

static void long_ukm(void **state)
{
	CLEAN_ALGORITHM X509_ALGOR *algorithm = make_algorithm("1.2.840.113549.1.9.16.3.19", "id-aes128-wrap");
	CLEAN_KARI_SCHEME struct kari_scheme scheme;
	static const unsigned char bytes[5000];
	ASN1_OCTET_STRING *ukm = ASN1_OCTET_STRING_new();

	(void)state;
	ASN1_OCTET_STRING_set(ukm, bytes, sizeof bytes);
	assert_int_equal(kari_read_scheme(algorithm, ukm, &scheme), ERR_TOO_LARGE);
	ASN1_OCTET_STRING_free(ukm);
}

/* The message that OpenSSL makes, with the recipients in this order, and its RecipientInfos. */
static struct view make(const int *order, size_t count, struct buf *message)
{
	CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_128_cbc(), CMS_PARTIAL | CMS_DETACHED | CMS_STREAM);
	BIO *chain;
	unsigned char *der = NULL;
	struct view at, whole, inside;
	int length;

	for (size_t i = 0; i < count; i++)
		if (EVP_PKEY_is_a(keys[order[i]], "X25519"))
			assert_int_equal(kari_add(cms, certs[order[i]], 16), 0);
		else
			assert_non_null(CMS_add1_recipient_cert(cms, certs[order[i]], 0));
	chain = CMS_dataInit(cms, BIO_new(BIO_s_null()));
	assert_non_null(chain);
	length = i2d_CMS_ContentInfo(cms, &der);
	assert_int_equal(buf_add(message, der, (size_t)length), 0);
	at = buf_view(message);
	assert_int_equal(der_take(&at, &whole, &inside), 0);
	for (int i = 0; i < 2; i++) /* the content of [0] */
		assert_int_equal(der_take(&inside, &whole, &at), 0);
	assert_int_equal(der_take(&at, &whole, &inside), 0);
	for (int i = 0; i < 2; i++) /* the second of EnvelopedData */
		assert_int_equal(der_take(&inside, &whole, &at), 0);
	OPENSSL_free(der);
	BIO_free_all(chain);
	CMS_ContentInfo_free(cms);
	return at;
}

/* A message with these recipients, as OpenSSL reads it. */
static CMS_ContentInfo *read_infos(struct view infos)
{
	static const uint8_t head[] = {0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07,
				       0x03, 0xa0, 0x80, 0x30, 0x80, 0x02, 0x01, 0x02, 0x31, 0x80};
	static const uint8_t tail[] = {0x00, 0x00, 0x30, 0x12, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07,
				       0x01, 0x30, 0x05, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
	CLEAN_BUF struct buf message = BUF_INIT(2 * INFOS_MAX);
	const unsigned char *at;
	CMS_ContentInfo *cms;

	assert_int_equal(buf_add(&message, head, sizeof head), 0);
	assert_int_equal(buf_add(&message, infos.data, infos.length), 0);
	assert_int_equal(buf_add(&message, tail, sizeof tail), 0);
	at = message.data;
	cms = d2i_CMS_ContentInfo(NULL, &at, (long)message.length);
	ERR_clear_error();
	return cms;
}

static void assert_sorted(struct view infos)
{
	struct view before = {NULL, 0}, whole, inside;

	while (infos.length) {
		assert_int_equal(der_take(&infos, &whole, &inside), 0);
		if (before.data)
			assert_true(memcmp(before.data, whole.data,
					   before.length < whole.length ? before.length : whole.length) <= 0);
		before = whole;
	}
}

static void rewritten(void **state)
{
	static const int orders[][RECIPIENTS] = {{2, 3, 2, 0, 1}, {0, 1, 0, 1, 0}, {1, 2, 3, 3, 2}, {2, 2, 2, 2, 2}};

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		CLEAN_BUF struct buf message = BUF_INIT(INFOS_MAX), infos = BUF_INIT(INFOS_MAX);
		struct view made = make(orders[i], RECIPIENTS, &message);
		CLEAN_CMS CMS_ContentInfo *cms = NULL;
		int montgomery = 0, found = 0;

		assert_int_equal(kari_rewrite(made, &infos), 0);
		assert_sorted(buf_view(&infos));
		cms = read_infos(buf_view(&infos));
		assert_non_null(cms);
		assert_int_equal(sk_CMS_RecipientInfo_num(CMS_get0_RecipientInfos(cms)), RECIPIENTS);
		for (int j = 0; j < RECIPIENTS; j++) {
			CLEAN_PKEY EVP_PKEY *originator =
				kari_originator(sk_CMS_RecipientInfo_value(CMS_get0_RecipientInfos(cms), j));

			montgomery += orders[i][j] >= 2;
			found += originator != NULL;
		}
		assert_int_equal(found, montgomery);
	}
}

static void rewrite_limits(void **state)
{
	static const int order[] = {2, 1, 3};
	CLEAN_BUF struct buf message = BUF_INIT(INFOS_MAX), tight = BUF_INIT(100), none = BUF_INIT(10);
	struct view made = make(order, 3, &message);

	(void)state;
	assert_int_equal(kari_rewrite(made, &tight), ERR_TOO_LARGE);
	assert_int_equal(kari_rewrite((struct view){NULL, 0}, &none), 0);
	assert_int_equal(none.length, 0);
}

/* One byte of the recipient's part changed: of its version, or of the sender's key. */
static void originators(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool is_key;
	} cases[] = {
		{3, 0x03, true},   /* untouched: the version */
		{14, 0x70, false}, /* Ed25519 */
		{17, 0x01, false}, /* a bit is unused */
		{17, 0x07, false},
		{18, 0xff, true}, /* another point */
		{49, 0xff, true},
	};
	static const int order[] = {2};
	CLEAN_BUF struct buf message = BUF_INIT(INFOS_MAX), infos = BUF_INIT(INFOS_MAX);
	struct view made = make(order, 1, &message);

	(void)state;
	assert_int_equal(kari_rewrite(made, &infos), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t *place = infos.data + (infos.data[1] & 0x80 ? 3 : 2) + cases[i].at - 1, kept = *place;
		CLEAN_CMS CMS_ContentInfo *cms = NULL;
		CLEAN_PKEY EVP_PKEY *originator = NULL;

		*place = cases[i].value;
		cms = read_infos(buf_view(&infos));
		*place = kept;
		assert_non_null(cms);
		originator = kari_originator(sk_CMS_RecipientInfo_value(CMS_get0_RecipientInfos(cms), 0));
		if ((originator != NULL) != cases[i].is_key)
			fail_msg("byte %zu", cases[i].at);
	}
}

/* Each secret with it is zero. */
static void small_order(void **state)
{
	static const uint8_t zero[32];
	CLEAN_PKEY EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, zero, sizeof zero);
	X509 *cert = pki_cert(&(struct pki_spec){.subject = "/CN=zero", .key = key, .issuer_key = keys[0]});
	CLEAN_CMS CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_128_cbc(), CMS_PARTIAL | CMS_DETACHED);

	(void)state;
	assert_int_equal(kari_add(cms, cert, 16), ERR_ENCRYPT);
	assert_int_equal(sk_CMS_RecipientInfo_num(CMS_get0_RecipientInfos(cms)), 0);
	ERR_clear_error();
	X509_free(cert);
}

static int prepare(void **state)
{
	static const char *const kinds[] = {"EC", "RSA", "X25519", "X25519"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		keys[i] = pki_key(kinds[i]);
		certs[i] = pki_cert(&(struct pki_spec){.subject = "/CN=x", .key = keys[i], .issuer_key = keys[0]});
	}
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		EVP_PKEY_free(keys[i]);
		X509_free(certs[i]);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derived),     cmocka_unit_test(schemes_refused), cmocka_unit_test(long_ukm),
		cmocka_unit_test(rewritten),   cmocka_unit_test(rewrite_limits),  cmocka_unit_test(originators),
		cmocka_unit_test(small_order),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
