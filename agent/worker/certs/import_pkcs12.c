/* SPDX-License-Identifier: ISC
 *
 * PKCS#12 (RFC 7292): certificates and CRLs out of its bags. Bags of keys are counted, never opened.
 */
#include "import.h"

#include "clean_ssl.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>

/* What a password is put through; files have 1 to 1,000,000. More is somebody's time. */
#ifndef IMPORT_ITERATIONS_MAX
#define IMPORT_ITERATIONS_MAX 5000000
#endif
#define ENCRYPTED_MAX 8
#define DEPTH_MAX 4
#define PASSWORD_MAX 1024
#define TRIES_MAX 3

struct pkcs12_work {
	const struct import_sink *sink;
	struct import_count *count;
	PKCS12 *p12;
	const char *password; /* NULL, or a C string of: */
	int length;
	unsigned int encrypted; /* parts that were decrypted */
};

static int take_bags(struct pkcs12_work *work, const STACK_OF(PKCS12_SAFEBAG) *bags, unsigned int depth);

static int take_cert_bag(struct pkcs12_work *work, const PKCS12_SAFEBAG *bag)
{
	X509 *cert = PKCS12_SAFEBAG_get1_cert(bag);
	int rc = cert ? work->sink->cert(work->sink->context, cert) : 0;

	work->count->certificates += cert && !rc;
	work->count->damaged += !cert;
	X509_free(cert);
	return rc;
}

static int take_crl_bag(struct pkcs12_work *work, const PKCS12_SAFEBAG *bag)
{
	X509_CRL *crl = PKCS12_SAFEBAG_get1_crl(bag);
	int rc = crl && work->sink->crl ? work->sink->crl(work->sink->context, crl) : 0;

	work->count->crls += crl && !rc;
	work->count->damaged += !crl;
	X509_CRL_free(crl);
	return rc;
}

static int take_bag(struct pkcs12_work *work, const PKCS12_SAFEBAG *bag, unsigned int depth)
{
	switch (PKCS12_SAFEBAG_get_nid(bag)) {
	case NID_certBag:
		return take_cert_bag(work, bag);
	case NID_crlBag:
		return take_crl_bag(work, bag);
	case NID_safeContentsBag:
		return take_bags(work, PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
	case NID_keyBag:
	case NID_pkcs8ShroudedKeyBag:
		work->count->keys++;
		return 0;
	}
	return 0;
}

static int take_bags(struct pkcs12_work *work, const STACK_OF(PKCS12_SAFEBAG) *bags, unsigned int depth)
{
	int rc = depth > DEPTH_MAX ? ERR_TOO_LARGE : 0;

	for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && !rc; i++)
		rc = take_bag(work, sk_PKCS12_SAFEBAG_value(bags, i), depth);
	return rc;
}

static bool is_rc2(int nid)
{
	return nid == NID_pbe_WithSHA1And40BitRC2_CBC || nid == NID_pbe_WithSHA1And128BitRC2_CBC ||
	       nid == NID_rc2_cbc || nid == NID_rc2_40_cbc || nid == NID_rc2_64_cbc;
}

static const void *parameter(const X509_ALGOR *algorithm, const ASN1_ITEM *item)
{
	int type;
	const void *value;

	X509_ALGOR_get0(NULL, &type, &value, algorithm);
	return type == V_ASN1_SEQUENCE ? ASN1_item_unpack(value, item) : NULL;
}

static int check_iterations(const ASN1_INTEGER *iterations)
{
	int64_t number;

	if (!iterations || !ASN1_INTEGER_get_int64(&number, iterations) || number > IMPORT_ITERATIONS_MAX)
		return ERR_TOO_LARGE;
	return 0;
}

static int check_pbes2(const PBE2PARAM *scheme)
{
	const ASN1_OBJECT *function, *cipher;
	PBKDF2PARAM *derivation;
	int rc;

	X509_ALGOR_get0(&cipher, NULL, NULL, scheme->encryption);
	X509_ALGOR_get0(&function, NULL, NULL, scheme->keyfunc);
	if (is_rc2(OBJ_obj2nid(cipher)))
		return ERR_OLD_PKCS12;
	if (OBJ_obj2nid(function) != NID_id_pbkdf2)
		return ERR_NOT_SUPPORTED;
	derivation = (PBKDF2PARAM *)(uintptr_t)parameter(scheme->keyfunc, ASN1_ITEM_rptr(PBKDF2PARAM));
	rc = derivation ? check_iterations(derivation->iter) : ERR_NOT_SUPPORTED;
	PBKDF2PARAM_free(derivation);
	return rc;
}

/* Whether it can be decrypted, and without too much work. */
static int check_algorithm(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	int nid, rc = ERR_NOT_SUPPORTED;

	X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	nid = OBJ_obj2nid(object);
	if (is_rc2(nid))
		return ERR_OLD_PKCS12;
	if (nid == NID_pbes2) {
		PBE2PARAM *scheme = (PBE2PARAM *)(uintptr_t)parameter(algorithm, ASN1_ITEM_rptr(PBE2PARAM));

		rc = scheme ? check_pbes2(scheme) : rc;
		PBE2PARAM_free(scheme);
	} else {
		PBEPARAM *scheme = (PBEPARAM *)(uintptr_t)parameter(algorithm, ASN1_ITEM_rptr(PBEPARAM));

		rc = scheme ? check_iterations(scheme->iter) : rc;
		PBEPARAM_free(scheme);
	}
	return rc;
}

static int take_encrypted(struct pkcs12_work *work, PKCS7 *part)
{
	STACK_OF(PKCS12_SAFEBAG) *bags;
	int rc;

	if (++work->encrypted > ENCRYPTED_MAX)
		return ERR_TOO_LARGE;
	bags = PKCS12_unpack_p7encdata(part, work->password, work->length);
	rc = bags ? take_bags(work, bags, 0) : ERR_PASSWORD_WRONG;
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return rc;
}

static int take_plain(struct pkcs12_work *work, PKCS7 *part)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = PKCS12_unpack_p7data(part);
	int rc = bags ? take_bags(work, bags, 0) : ERR_NOT_CERTIFICATE;

	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return rc;
}

static int take_parts(struct pkcs12_work *work)
{
	STACK_OF(PKCS7) *parts = PKCS12_unpack_authsafes(work->p12);
	int rc = parts ? 0 : ERR_NOT_CERTIFICATE;

	for (int i = 0; i < sk_PKCS7_num(parts) && !rc; i++) {
		PKCS7 *part = sk_PKCS7_value(parts, i);

		if (PKCS7_type_is_data(part))
			rc = take_plain(work, part);
		else if (PKCS7_type_is_encrypted(part))
			rc = take_encrypted(work, part);
		else
			rc = ERR_NOT_SUPPORTED; /* encrypted to a public key */
	}
	sk_PKCS7_pop_free(parts, PKCS7_free);
	return rc;
}

static int check_part(const PKCS7 *part)
{
	return part->d.encrypted && part->d.encrypted->enc_data
		       ? check_algorithm(part->d.encrypted->enc_data->algorithm)
		       : ERR_NOT_CERTIFICATE;
}

/* Whether any part of it is encrypted, which of those with nothing but certificates many are not; and
 * whether it can be decrypted, before a person is asked for a password. */
static int inspect(PKCS12 *p12, bool *ret_encrypted)
{
	STACK_OF(PKCS7) *parts = PKCS12_unpack_authsafes(p12);
	int rc = parts ? 0 : ERR_NOT_CERTIFICATE;

	*ret_encrypted = false;
	for (int i = 0; i < sk_PKCS7_num(parts) && !rc; i++) {
		const PKCS7 *part = sk_PKCS7_value(parts, i);

		if (PKCS7_type_is_encrypted(part)) {
			*ret_encrypted = true;
			rc = check_part(part);
		}
	}
	sk_PKCS7_pop_free(parts, PKCS7_free);
	return rc;
}

static int check_mac(PKCS12 *p12)
{
	const ASN1_INTEGER *iterations;

	if (!PKCS12_mac_present(p12))
		return 0;
	PKCS12_get0_mac(NULL, NULL, NULL, &iterations, p12);
	return iterations ? check_iterations(iterations) : 0;
}

/* With this password, which a MAC tells to be right before anything is taken out. */
static int try_password(struct pkcs12_work *work, const char *password, int length)
{
	if (PKCS12_mac_present(work->p12) && !PKCS12_verify_mac(work->p12, password, length))
		return ERR_PASSWORD_WRONG;
	work->password = password;
	work->length = length;
	return take_parts(work);
}

static int ask_and_try(struct pkcs12_work *work)
{
	int rc = ERR_PASSWORD_WRONG;

	for (unsigned int tries = 0; tries < TRIES_MAX && rc == ERR_PASSWORD_WRONG; tries++) {
		CLEAN_BUF struct buf password = BUF_SECRET(PASSWORD_MAX);
		int asked = work->sink->password ? work->sink->password(work->sink->context, tries, &password)
						 : ERR_PASSWORD_NEEDED;

		asked = asked ? asked : buf_terminate(&password);
		if (asked)
			return asked;
		rc = try_password(work, (const char *)password.data, (int)password.length);
	}
	return rc;
}

/* Without one, with an empty one, with the person's. */
static int open_pkcs12(struct pkcs12_work *work)
{
	bool encrypted;
	int rc = inspect(work->p12, &encrypted);

	rc = rc ? rc : check_mac(work->p12);
	if (rc)
		return rc;
	if (!encrypted)
		return take_parts(work);
	rc = try_password(work, NULL, 0);
	rc = rc == ERR_PASSWORD_WRONG ? try_password(work, "", 0) : rc;
	return rc == ERR_PASSWORD_WRONG ? ask_and_try(work) : rc;
}

int import_pkcs12(struct view *bytes, const struct import_sink *sink, struct import_count *count)
{
	const unsigned char *at = bytes->data;
	struct pkcs12_work work = {.sink = sink, .count = count};
	int rc = ERR_NOT_CERTIFICATE;

	work.p12 = d2i_PKCS12(NULL, &at, (long)bytes->length);
	if (work.p12) {
		*bytes = (struct view){at, bytes->length - (size_t)(at - bytes->data)};
		rc = open_pkcs12(&work);
	}
	PKCS12_free(work.p12);
	return rc;
}
