/* SPDX-License-Identifier: ISC
 *
 * From a stored certificate to words. What is in it is its maker's word: all of it is escaped.
 */
#include "cert_report.h"

#include "expiry.h"
#include "printable.h"
#include "trust.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define CAPABILITIES_MAX 100

struct facts {
	struct buf addresses, subject, issuer, capabilities, trust;
	char before[TIME_TEXT_SIZE], after[TIME_TEXT_SIZE], first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];
	char type[32], serial[128], warning[64];
	const char *uses, *state, *source;
};

static void facts_done(struct facts *facts)
{
	buf_done(&facts->addresses);
	buf_done(&facts->subject);
	buf_done(&facts->issuer);
	buf_done(&facts->capabilities);
	buf_done(&facts->trust);
}

static const char *source_name(enum store_source source)
{
	static const char *const names[STORE_SOURCE_LIMIT] = {"", "chain", "signed-mail", "imported"};

	return source < STORE_SOURCE_LIMIT ? names[source] : "";
}

static const char *uses_lines(X509 *cert)
{
	static const char *const lines[] = {"", "sign", "decrypt", "sign\ndecrypt"};

	return X509_check_ca(cert) ? "issue" : lines[cert_uses(cert) & 3];
}

static const char *state_name(const X509 *cert)
{
	if (!cert_has_begun(cert))
		return "not-yet";
	return cert_has_ended(cert) ? "expired" : "valid";
}

/* Names of algorithms, one a line; what has no name, as its numbers. */
static int capability_lines(struct view der, struct buf *into)
{
	const unsigned char *at = der.data;
	X509_ALGORS *list = der.length ? d2i_X509_ALGORS(NULL, &at, (long)der.length) : NULL;
	int rc = 0;

	for (int i = 0; i < sk_X509_ALGOR_num(list) && i < CAPABILITIES_MAX && !rc; i++) {
		const ASN1_OBJECT *object;
		char name[100];

		X509_ALGOR_get0(&object, NULL, NULL, sk_X509_ALGOR_value(list, i));
		OBJ_obj2txt(name, sizeof name, object, 0);
		rc = buf_add_format(into, "%s%s", into->length ? "\n" : "", name);
	}
	sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
	return rc;
}

static int trust_lines(X509 *cert, struct buf *into)
{
	CLEAN_TRUST struct trust_result result = {0};
	unsigned int uses = cert_uses(cert);
	enum cert_use use = uses & CERT_USE_DECRYPT ? CERT_USE_DECRYPT : CERT_USE_SIGN;
	int rc = trust_check(cert, NULL, NULL, use, 0, &result);

	if (!rc && !result.reasons)
		return buf_add_format(into, "trusted");
	for (unsigned int i = 0; i < REASON_LIMIT && !rc; i++)
		if (result.reasons & 1u << i)
			rc = buf_add_format(into, "%s%s", into->length ? "\n" : "", reason_text(i));
	return rc;
}

static void serial_digits(const X509 *cert, char *into, size_t size)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);

	*into = 0;
	for (int i = 0; i < ASN1_STRING_length(serial) && (size_t)i * 2 + 3 <= size; i++)
		snprintf(into + 2 * i, 3, "%02x", ASN1_STRING_get0_data(serial)[i]);
}

static int facts_fill(struct facts *facts, const struct stored *row, bool full)
{
	int days, rc;

	*facts = (struct facts){.source = source_name(row->source), .uses = uses_lines(row->cert),
				.state = state_name(row->cert)};
	facts->addresses = facts->subject = facts->issuer = facts->capabilities = facts->trust = BUF_INIT(65536);
	cert_key_type(row->cert, facts->type, sizeof facts->type);
	cert_time(X509_get0_notBefore(row->cert), TIME_RFC3339, facts->before);
	cert_time(X509_get0_notAfter(row->cert), TIME_RFC3339, facts->after);
	time_text(row->first_seen, TIME_RFC3339, facts->first);
	time_text(row->last_seen, TIME_RFC3339, facts->last);
	serial_digits(row->cert, facts->serial, sizeof facts->serial);
	if (expiry_is_soon(row->cert, &days))
		snprintf(facts->warning, sizeof facts->warning, "ends in %d day%s", days, days == 1 ? "" : "s");
	rc = cert_addresses(row->cert, &facts->addresses);
	rc = rc ? rc : cert_subject(row->cert, &facts->subject);
	rc = rc ? rc : cert_issuer(row->cert, &facts->issuer);
	rc = rc ? rc : capability_lines(buf_view(&row->capabilities), &facts->capabilities);
	return rc || !full ? rc : trust_lines(row->cert, &facts->trust);
}

int cert_report_json(struct buf *into, const struct stored *row, bool full)
{
	CLEANUP(facts_done) struct facts facts;
	int rc = facts_fill(&facts, row, full);

	rc = rc ? rc : buf_add_u8(into, '{');
	rc = rc ? rc : printable_text_field(into, "fingerprint", row->fingerprint);
	rc = rc ? rc : printable_lines_field(into, "addresses", buf_view(&facts.addresses));
	rc = rc ? rc : printable_field(into, "subject", buf_view(&facts.subject));
	rc = rc ? rc : printable_field(into, "issuer", buf_view(&facts.issuer));
	rc = rc ? rc : printable_text_field(into, "serial", facts.serial);
	rc = rc ? rc : printable_text_field(into, "type", facts.type);
	rc = rc ? rc : printable_lines_field(into, "uses", view_string(facts.uses));
	rc = rc ? rc : printable_text_field(into, "not_before", facts.before);
	rc = rc ? rc : printable_text_field(into, "not_after", facts.after);
	rc = rc ? rc : printable_text_field(into, "state", facts.state);
	if (*facts.warning)
		rc = rc ? rc : printable_text_field(into, "warning", facts.warning);
	rc = rc ? rc : printable_text_field(into, "source", facts.source);
	rc = rc ? rc : printable_text_field(into, "first_seen", facts.first);
	rc = rc ? rc : printable_text_field(into, "last_seen", facts.last);
	rc = rc ? rc : printable_lines_field(into, "capabilities", buf_view(&facts.capabilities));
	if (full)
		rc = rc ? rc : printable_lines_field(into, "trust", buf_view(&facts.trust));
	return rc ? rc : buf_add_u8(into, '}');
}

static struct view joined(struct buf *lines)
{
	buf_join_lines(lines, ',');
	return buf_view(lines);
}

static int add_full_text(struct buf *into, struct facts *facts)
{
	int rc = printable_line(into, "serial", view_string(facts->serial));

	rc = rc ? rc : printable_line(into, "not before", view_string(facts->before));
	rc = rc ? rc : printable_line(into, "first seen", view_string(facts->first));
	rc = rc ? rc : printable_line(into, "reads", joined(&facts->capabilities));
	return rc ? rc : printable_line(into, "trust", joined(&facts->trust));
}

int cert_report_text(struct buf *into, const struct stored *row, bool full)
{
	CLEANUP(facts_done) struct facts facts;
	int rc = facts_fill(&facts, row, full);
	const char *uses = strchr(facts.uses, '\n') ? "sign, decrypt" : facts.uses;

	rc = rc ? rc : buf_add_format(into, "%s\n", row->fingerprint);
	rc = rc ? rc : printable_line(into, "addresses", joined(&facts.addresses));
	rc = rc ? rc : printable_line(into, "subject", buf_view(&facts.subject));
	rc = rc ? rc : printable_line(into, "issuer", buf_view(&facts.issuer));
	rc = rc ? rc : printable_line(into, "type", view_string(facts.type));
	rc = rc ? rc : printable_line(into, "uses", view_string(uses));
	rc = rc ? rc : printable_line(into, "not after", view_string(facts.after));
	rc = rc ? rc : printable_line(into, "state", view_string(facts.state));
	if (*facts.warning)
		rc = rc ? rc : printable_line(into, "warning", view_string(facts.warning));
	rc = rc ? rc : printable_line(into, "source", view_string(facts.source));
	rc = rc ? rc : printable_line(into, "last seen", view_string(facts.last));
	return rc || !full ? rc : add_full_text(into, &facts);
}
