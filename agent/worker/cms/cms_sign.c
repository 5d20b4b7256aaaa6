/* SPDX-License-Identifier: ISC
 *
 * SignedData. OpenSSL makes the signer's part, always as a detached signature; an opaque message is
 * that with the content put in its place, so that content of any size streams through.
 */
#include "cms_sign.h"

#include "capabilities.h"
#include "clean_ssl.h"
#include "der.h"
#include "remote_key.h"

#include <openssl/ess.h>
#include <openssl/rsa.h>
#include <string.h>

/* Opaque content up to this size is held, so that its message can be DER. */
#define HOLD_MAX (1024 * 1024)
/* Certificates, attributes and signature of one signer. */
#define SIGNED_DATA_MAX (1024 * 1024)
#define CHUNK 65536

static const char *default_digest(EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519"))
		return "sha512"; /* RFC 8419 section 2.3 */
	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 384)
		return "sha512";
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 256 ? "sha384" : "sha256";
}

int cms_sign_digest(const struct key *key, const struct sign_options *options, const EVP_MD **ret_md)
{
	EVP_PKEY *public_key = X509_get0_pubkey(key->cert);
	const char *name = options->digest ? options->digest : default_digest(public_key);

	if (strcmp(name, "sha256") && strcmp(name, "sha384") && strcmp(name, "sha512"))
		return ERR_NOT_SUPPORTED;
	if (EVP_PKEY_is_a(public_key, "ED25519") && strcmp(name, "sha512"))
		return ERR_NOT_SUPPORTED;
	*ret_md = EVP_get_digestbyname(name);
	return *ret_md ? 0 : ERR_NOT_SUPPORTED;
}

/* What this agent reads. */
static int add_capabilities(CMS_SignerInfo *info, const struct sign_options *options)
{
	struct view der = capabilities_own(!options->no_gcm);

	return der.length && CMS_signed_add1_attr_by_NID(info, NID_SMIMECapabilities, V_ASN1_SEQUENCE, der.data,
							 (int)der.length);
}

/* RFC 5035: which certificate was meant. */
static int add_signing_certificate(CMS_SignerInfo *info, struct key *key)
{
	if (!key->ess_cert.length) {
		ESS_SIGNING_CERT_V2 *ess = OSSL_ESS_signing_cert_v2_new_init(EVP_sha256(), key->cert, NULL, 0);
		unsigned char *der = NULL;
		int length = ess ? i2d_ESS_SIGNING_CERT_V2(ess, &der) : 0;
		int rc = length > 0 ? buf_add(&key->ess_cert, der, (size_t)length) : ERR_SIGN;

		ESS_SIGNING_CERT_V2_free(ess);
		OPENSSL_free(der);
		if (rc)
			return 0;
	}
	return CMS_signed_add1_attr_by_NID(info, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE,
					   key->ess_cert.data, (int)key->ess_cert.length);
}

static int set_pss(CMS_SignerInfo *info)
{
	EVP_PKEY_CTX *ctx = CMS_SignerInfo_get0_pkey_ctx(info);

	return ctx && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

/* OpenSSL 3.0's CMS leaves the signature algorithm of EdDSA open. */
static int set_ed25519(CMS_SignerInfo *info)
{
	X509_ALGOR *algorithm;

	CMS_SignerInfo_get0_algs(info, NULL, NULL, NULL, &algorithm);
	return X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ED25519), V_ASN1_UNDEF, NULL);
}

static int add_signer(CMS_ContentInfo *cms, struct key *key, const EVP_MD *md,
		      const struct sign_options *options)
{
	EVP_PKEY *remote = keys_remote(key);
	STACK_OF(X509) *chain = keys_chain(key);
	bool rsa = remote && EVP_PKEY_is_a(remote, "RSA");
	unsigned int flags = CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP | (options->pss ? CMS_KEY_PARAM : 0) |
			     (options->certs == SIGN_CERTS_NONE ? CMS_NOCERTS : 0);
	CMS_SignerInfo *info;

	if (!remote || (options->pss && !rsa))
		return ERR_NOT_SUPPORTED;
	info = CMS_add1_signer(cms, key->cert, remote, md, flags);
	if (!info || !add_capabilities(info, options) || !add_signing_certificate(info, key))
		return ERR_SIGN;
	if ((options->pss && !set_pss(info)) || (EVP_PKEY_is_a(remote, "ED25519") && !set_ed25519(info)))
		return ERR_SIGN;
	for (int i = 0; i < sk_X509_num(chain) && (!options->certs || i + 1 < options->certs); i++)
		if (!CMS_add1_cert(cms, sk_X509_value(chain, i)))
			return ERR_SIGN;
	return 0;
}

int cms_signer_begin(struct cms_signer *signer, struct key *key, const struct sign_options *options)
{
	const EVP_MD *md;
	BIO *sink;
	int rc = cms_sign_digest(key, options, &md);

	*signer = (struct cms_signer){NULL, NULL};
	if (rc)
		return rc;
	remote_key_clear();
	signer->cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_DETACHED | CMS_BINARY | CMS_STREAM);
	if (!signer->cms)
		return ERR_SIGN;
	rc = add_signer(signer->cms, key, md, options);
	if (rc)
		return rc;
	sink = BIO_new(BIO_s_null());
	signer->digesting = sink ? CMS_dataInit(signer->cms, sink) : NULL;
	if (!signer->digesting)
		BIO_free(sink);
	return signer->digesting ? 0 : ERR_SIGN;
}

int cms_signer_update(struct cms_signer *signer, const void *data, size_t length)
{
	return !length || BIO_write(signer->digesting, data, (int)length) == (int)length ? 0 : ERR_SIGN;
}

int cms_signer_finish(struct cms_signer *signer, struct buf *into)
{
	unsigned char *der = NULL;
	int length, rc;

	if (CMS_dataFinal(signer->cms, signer->digesting) != 1)
		return remote_key_error() ? remote_key_error() : ERR_SIGN;
	length = i2d_CMS_ContentInfo(signer->cms, &der);
	rc = length > 0 ? buf_add(into, der, (size_t)length) : ERR_SIGN;
	OPENSSL_free(der);
	return rc;
}

void cms_signer_done(struct cms_signer *signer)
{
	BIO_free_all(signer->digesting);
	CMS_ContentInfo_free(signer->cms);
	*signer = (struct cms_signer){NULL, NULL};
}

/* The parts of a detached SignedData that an opaque one is made of. */
struct parts {
	struct view before; /* version and digestAlgorithms */
	struct view after;  /* certificates, crls, signerInfos */
};

static int split(struct view der, struct parts *ret_parts)
{
	struct view whole, info, signed_data, rest, inside;
	int rc = der_take(&der, &whole, &info); /* ContentInfo */

	rc = rc ? rc : der_take(&info, &whole, &inside);	   /* id-signedData */
	rc = rc ? rc : der_take(&info, &whole, &inside);	   /* [0] */
	rc = rc ? rc : der_take(&inside, &whole, &signed_data); /* SignedData */
	if (rc)
		return rc;
	rest = signed_data;
	rc = der_take(&rest, &whole, &inside);	     /* version */
	rc = rc ? rc : der_take(&rest, &whole, &inside); /* digestAlgorithms */
	ret_parts->before = (struct view){signed_data.data, signed_data.length - rest.length};
	rc = rc ? rc : der_take(&rest, &whole, &inside); /* encapContentInfo */
	ret_parts->after = rest;
	return rc;
}

static const uint8_t oid_signed_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};

/* DER, with every length known. */
static int write_der(struct output *output, const struct parts *parts, struct view content)
{
	CLEAN_BUF struct buf head = BUF_INIT(SIGNED_DATA_MAX);
	size_t octets = der_element_size(content.length);
	size_t encap = sizeof oid_data + der_element_size(octets);
	size_t signed_data = parts->before.length + der_element_size(encap) + parts->after.length;
	size_t explicit = der_element_size(signed_data);
	int rc = der_add_header(&head, 0x30, sizeof oid_signed_data + der_element_size(explicit));

	rc = rc ? rc : buf_add(&head, oid_signed_data, sizeof oid_signed_data);
	rc = rc ? rc : der_add_header(&head, 0xa0, explicit);
	rc = rc ? rc : der_add_header(&head, 0x30, signed_data);
	rc = rc ? rc : buf_add(&head, parts->before.data, parts->before.length);
	rc = rc ? rc : der_add_header(&head, 0x30, encap);
	rc = rc ? rc : buf_add(&head, oid_data, sizeof oid_data);
	rc = rc ? rc : der_add_header(&head, 0xa0, octets);
	rc = rc ? rc : der_add_header(&head, 0x04, content.length);
	rc = rc ? rc : output_write(output, head.data, head.length);
	rc = rc ? rc : output_write(output, content.data, content.length);
	return rc ? rc : output_write(output, parts->after.data, parts->after.length);
}

/* The part of an indefinite-length message that goes before the content. RFC 5652 section 5.1:
 * version 1 for id-data with an issuerAndSerialNumber. */
static int write_head(struct output *output, const EVP_MD *md)
{
	static const uint8_t version[] = {0x02, 0x01, 0x01};
	CLEAN_BUF struct buf head = BUF_INIT(1024);
	CLEAN_ALGORITHM X509_ALGOR *algorithm = X509_ALGOR_new();
	unsigned char *der = NULL;
	int length, rc;

	if (!algorithm)
		return ERR_NO_MEMORY;
	X509_ALGOR_set_md(algorithm, md);
	length = i2d_X509_ALGOR(algorithm, &der);
	rc = length > 0 ? buf_add(&head, "\x30\x80", 2) : ERR_SIGN;
	rc = rc ? rc : buf_add(&head, oid_signed_data, sizeof oid_signed_data);
	rc = rc ? rc : buf_add(&head, "\xa0\x80\x30\x80", 4);
	rc = rc ? rc : buf_add(&head, version, sizeof version);
	rc = rc ? rc : der_add_header(&head, 0x31, (size_t)length);
	rc = rc ? rc : buf_add(&head, der, (size_t)length);
	rc = rc ? rc : buf_add(&head, "\x30\x80", 2);
	rc = rc ? rc : buf_add(&head, oid_data, sizeof oid_data);
	rc = rc ? rc : buf_add(&head, "\xa0\x80\x24\x80", 4);
	OPENSSL_free(der);
	return rc ? rc : output_write(output, head.data, head.length);
}

/* Content that is too large to hold: its segments go out as they come. */
static int stream_opaque(cms_content next, void *context, struct view held, struct output *output,
			 struct cms_signer *signer, const EVP_MD *md)
{
	CLEAN_BUF struct buf chunk = BUF_INIT(CHUNK);
	CLEAN_BUF struct buf der = BUF_INIT(SIGNED_DATA_MAX);
	struct parts parts;
	size_t got = 0;
	int rc = buf_reserve(&chunk, CHUNK);

	rc = rc ? rc : write_head(output, md);
	rc = rc ? rc : der_write_segment(output, held.data, held.length);
	do {
		rc = rc ? rc : next(context, chunk.data, CHUNK, &got);
		if (rc || !got)
			break;
		rc = cms_signer_update(signer, chunk.data, got);
		rc = rc ? rc : der_write_segment(output, chunk.data, got);
	} while (!rc);
	rc = rc ? rc : cms_signer_finish(signer, &der);
	rc = rc ? rc : split(buf_view(&der), &parts);
	rc = rc ? rc : output_write(output, "\0\0\0\0\0", 6); /* ends of 24, a0 and 30 */
	rc = rc ? rc : output_write(output, parts.after.data, parts.after.length);
	return rc ? rc : output_write(output, "\0\0\0\0\0", 6); /* of 30, a0 and 30 */
}

int cms_sign_opaque(cms_content next, void *context, struct output *output, struct key *key,
		    const struct sign_options *options)
{
	CLEAN_SIGNER struct cms_signer signer = {NULL, NULL};
	CLEAN_BUF struct buf held = BUF_INIT(HOLD_MAX + CHUNK);
	CLEAN_BUF struct buf der = BUF_INIT(SIGNED_DATA_MAX);
	struct parts parts;
	const EVP_MD *md;
	size_t got = 1;
	int rc = cms_sign_digest(key, options, &md);

	rc = rc ? rc : cms_signer_begin(&signer, key, options);
	while (!rc && got && held.length < HOLD_MAX) {
		rc = buf_reserve(&held, CHUNK);
		rc = rc ? rc : next(context, held.data + held.length, CHUNK, &got);
		rc = rc ? rc : cms_signer_update(&signer, held.data + held.length, got);
		if (!rc)
			held.length += got;
	}
	if (rc)
		return rc;
	if (got)
		return stream_opaque(next, context, buf_view(&held), output, &signer, md);
	rc = cms_signer_finish(&signer, &der);
	rc = rc ? rc : split(buf_view(&der), &parts);
	return rc ? rc : write_der(output, &parts, buf_view(&held));
}

static int read_input(void *context, void *into, size_t size, size_t *ret_length)
{
	return input_read(context, into, size, ret_length);
}

static int sign_detached(struct input *input, struct output *output, struct key *key,
			 const struct sign_options *options)
{
	CLEAN_SIGNER struct cms_signer signer = {NULL, NULL};
	CLEAN_BUF struct buf chunk = BUF_INIT(CHUNK);
	CLEAN_BUF struct buf der = BUF_INIT(SIGNED_DATA_MAX);
	size_t got = 1;
	int rc = buf_reserve(&chunk, CHUNK);

	rc = rc ? rc : cms_signer_begin(&signer, key, options);
	while (!rc && got) {
		rc = input_read(input, chunk.data, CHUNK, &got);
		rc = rc ? rc : cms_signer_update(&signer, chunk.data, got);
	}
	rc = rc ? rc : cms_signer_finish(&signer, &der);
	return rc ? rc : output_write(output, der.data, der.length);
}

int cms_sign(struct input *input, struct output *output, struct key *key,
	     const struct sign_options *options)
{
	return options->detached ? sign_detached(input, output, key, options)
				 : cms_sign_opaque(read_input, input, output, key, options);
}
