/* SPDX-License-Identifier: ISC
 *
 * gpgsm's status lines (GnuPG's doc/DETAILS), for programs that know it.
 */
#include "verify_status.h"

#include "printable.h"

#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_LENGTH 900

/* The numbers that OpenPGP has for algorithms, which gpgsm took over. */
static int key_algorithm(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	return key && EVP_PKEY_is_a(key, "EC") ? 19 : key && EVP_PKEY_is_a(key, "ED25519") ? 22 : 1;
}

static int digest_algorithm(int nid)
{
	switch (nid) {
	case NID_md5:
		return 1;
	case NID_sha1:
		return 2;
	case NID_sha256:
		return 8;
	case NID_sha384:
		return 9;
	case NID_sha512:
		return 10;
	case NID_sha224:
		return 11;
	}
	return 0;
}

/* Fingerprint and subject. */
static int send_signer(status_line take, const char *keyword, X509 *cert)
{
	CLEAN_BUF struct buf line = BUF_INIT(65536 + 64);
	CLEAN_BUF struct buf name = BUF_INIT(65536);
	char sha1[CERT_SHA1_SIZE];
	int rc = cert_sha1(cert, sha1);

	rc = rc ? rc : buf_add_format(&line, "%s ", sha1);
	rc = rc ? rc : cert_subject(cert, &name);
	if (!rc && name.length > LINE_MAX_LENGTH - line.length)
		name.length = LINE_MAX_LENGTH - line.length;
	rc = rc ? rc : printable_plain(&line, buf_view(&name));
	rc = rc ? rc : buf_terminate(&line);
	return rc ? rc : take(keyword, (const char *)line.data);
}

static int send_valid(status_line take, const struct signature *signature)
{
	CLEAN_BUF struct buf line = BUF_INIT(1024);
	char date[TIME_TEXT_SIZE] = "0000-00-00", time[TIME_TEXT_SIZE] = "0", sha1[CERT_SHA1_SIZE];
	int rc = cert_sha1(signature->cert, sha1);

	if (signature->signed_at) {
		time_text(signature->signed_at, TIME_DATE, date);
		time_text(signature->signed_at, TIME_GNUPG, time);
	}
	rc = rc ? rc : buf_add_format(&line, "%s %s %s 0 0 0 %d %d 00", sha1, date, time, key_algorithm(signature->cert),
				      digest_algorithm(signature->digest));
	rc = rc ? rc : buf_terminate(&line);
	return rc ? rc : take("VALIDSIG", (const char *)line.data);
}

static const char *trust_keyword(unsigned int reasons)
{
	const unsigned int unknown = REASON_UNTRUSTED | REASON_NO_CRL | REASON_OLD_CRL;

	return !reasons ? "TRUST_FULLY" : reasons & ~unknown ? "TRUST_NEVER" : "TRUST_UNDEFINED";
}

/* What is no signature of that content by that key, or could be anybody's, is bad to such programs. */
static int send_signature(status_line take, const struct layer *layer, const struct signature *signature)
{
	const unsigned int expired = REASON_EXPIRED | REASON_EXPIRED_AT_SIGNING;
	unsigned int reasons = signature->reasons | layer->reasons;
	char line[128];
	int rc = take("NEWSIG", "");

	if (rc)
		return rc;
	if (!signature->cert || reason_verdict(reasons) == VERDICT_CANNOT) {
		snprintf(line, sizeof line, "0000000000000000 1 %d 00 0 %d", digest_algorithm(signature->digest),
			 signature->cert ? 4 : 9);
		return take("ERRSIG", line);
	}
	if (reasons & REASON_WEAK_DIGEST || (reason_verdict(reasons) == VERDICT_BAD && !(reasons & REASON_REVOKED)))
		return send_signer(take, "BADSIG", signature->cert);
	rc = send_signer(take, reasons & REASON_REVOKED ? "REVKEYSIG" : reasons & expired ? "EXPKEYSIG" : "GOODSIG",
			 signature->cert);
	rc = rc ? rc : send_valid(take, signature);
	return rc ? rc : take(trust_keyword(reasons), reasons ? "0" : "0 shell");
}

int verify_status_tell(const struct layer_list *layers, status_line take)
{
	int rc = 0;

	for (const struct layer *layer = layers->first; layer && !rc; layer = layer->next)
		for (const struct signature *s = layer->signatures; s && !rc; s = s->next)
			rc = send_signature(take, layer, s);
	return rc;
}
