/* SPDX-License-Identifier: ISC
 *
 * The report as text and JSON. Every name in it is the message's word.
 */
#include "verify_report.h"

#include "printable.h"

#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

static const struct {
	unsigned int note;
	const char *name, *text;
} notes[] = {
	{LAYER_UNSIGNED_TEXT, "unsigned-text", "text around the signed part is not signed, and most mail programs do not show it"},
	{LAYER_EXTRA_PARTS, "extra-parts", "parts beside the signed part are not signed"},
	{LAYER_AMONG_PARTS, "among-parts", "parts beside the encrypted one were not encrypted"},
	{LAYER_AMONG_HTML, "among-html", "HTML beside an encrypted part may give its text away: do not show them together"},
	{LAYER_UNAUTHENTICATED, "unauthenticated", "the cipher does not notice alterations"},
	{LAYER_SENDER_DIFFERS, "sender-differs", "the Sender field is not the signer's address"},
	{LAYER_NO_ADDRESS, "no-address", "the signer's certificate has no mail address: compare its name with the sender's"},
	{LAYER_ELSEWHERE, "elsewhere", "a part of it is kept elsewhere, and is not signed"},
	{LAYER_HEADER_PROTECTED, "header-protected", "the header is protected"},
	{LAYER_HEADER_DIFFERS, "header-differs", "header fields outside are not the protected ones"},
};

#define NOTES (sizeof notes / sizeof notes[0])

static const char *const kinds[] = {"signed", "encrypted", "forwarded"};

static const char *overall(const struct layer_list *layers)
{
	switch (layer_list_verdict(layers)) {
	case 0:
		return "good";
	case ERR_BAD_SIGNATURE:
		return "bad";
	case ERR_SIGNATURE_BUT:
		return "good-but";
	case ERR_PARTLY_SIGNED:
		return "partly-signed";
	case ERR_NOT_SIGNED:
		return "not-signed";
	}
	return "cannot-tell";
}

static const char *digest_name(int nid)
{
	const char *name = OBJ_nid2ln(nid);

	return nid == NID_undef || !name ? "unknown" : name;
}

static int add_name(X509 *cert, bool issuer, struct buf *into)
{
	return issuer ? cert_issuer(cert, into) : cert_subject(cert, into);
}

static int add_plain_name(struct buf *into, X509 *cert, bool issuer)
{
	CLEAN_BUF struct buf name = BUF_INIT(65536);
	int rc = add_name(cert, issuer, &name);

	return rc ? rc : printable_plain(into, buf_view(&name));
}

static int add_plain_addresses(struct buf *into, X509 *cert)
{
	CLEAN_BUF struct buf list = BUF_INIT(65536);
	int rc = cert_addresses(cert, &list);

	buf_join_lines(&list, ' ');
	return rc ? rc : printable_plain(into, buf_view(&list));
}

static int add_reasons_text(struct buf *into, unsigned int reasons)
{
	int rc = 0;

	for (unsigned int i = 0; i < REASON_LIMIT && !rc; i++)
		if (reasons & 1u << i)
			rc = buf_add_format(into, "    %s (%s)\n", reason_text(i), reason_name(i));
	return rc;
}

static int add_signature_text(struct buf *into, const struct signature *signature)
{
	static const char *const verdicts[] = {"good", "good but", "cannot tell", "BAD"};
	enum verdict verdict = reason_verdict(signature->reasons);
	char time[TIME_TEXT_SIZE] = "at no given time";
	int rc = buf_add_format(into, "  %s: ", verdicts[verdict]);

	if (signature->signed_at)
		time_text(signature->signed_at, TIME_RFC3339, time);
	if (!rc && signature->cert) {
		rc = add_plain_addresses(into, signature->cert);
		rc = rc ? rc : buf_add_format(into, "\n    ");
		rc = rc ? rc : add_plain_name(into, signature->cert, false);
		rc = rc ? rc : buf_add_format(into, "\n    issued by ");
		rc = rc ? rc : add_plain_name(into, signature->cert, true);
	}
	rc = rc ? rc : buf_add_format(into, "%ssigned %s with %s\n", signature->cert ? "\n    " : "", time,
				      digest_name(signature->digest));
	rc = rc ? rc : add_reasons_text(into, signature->reasons);
	if (!rc && signature->culprit) {
		rc = buf_add_format(into, "    it is about: ");
		rc = rc ? rc : add_plain_name(into, signature->culprit, false);
		rc = rc ? rc : buf_add_u8(into, '\n');
	}
	return rc;
}

static int add_covers_text(struct buf *into, const struct layer *layer)
{
	int rc = 0;

	if (layer->whole)
		return buf_add_format(into, ", the whole message");
	if (*layer->path)
		rc = buf_add_format(into, ", part %s", layer->path);
	if (!rc && layer->inside)
		rc = buf_add_format(into, ", inside layer %u", layer->inside->number);
	return rc ? rc : buf_add_format(into, ": not the whole message");
}

static int add_notes_text(struct buf *into, const struct layer *layer)
{
	int rc = 0;

	for (size_t i = 0; i < NOTES && !rc; i++)
		if (layer->notes & notes[i].note)
			rc = buf_add_format(into, "  note: %s\n", notes[i].text);
	if (!rc && layer->differing.length) {
		rc = buf_add_format(into, "  fields: ");
		rc = rc ? rc : printable_plain(into, buf_view(&layer->differing));
		rc = rc ? rc : buf_add_u8(into, '\n');
	}
	return rc;
}

static int add_layer_text(struct buf *into, const struct layer *layer)
{
	int rc = buf_add_format(into, "layer %u: %s", layer->number, kinds[layer->kind]);

	if (!rc && layer->cipher)
		rc = buf_add_format(into, " (%s)", OBJ_nid2ln(layer->cipher));
	rc = rc ? rc : add_covers_text(into, layer);
	rc = rc ? rc : buf_add_u8(into, '\n');
	if (!rc && layer->error)
		rc = buf_add_format(into, "  cannot be read: %s\n", error_text(layer->error));
	if (!rc && layer->reasons) {
		rc = buf_add_format(into, "  %s:\n", reason_verdict(layer->reasons) == VERDICT_BAD ? "BAD" : "cannot tell");
		rc = rc ? rc : add_reasons_text(into, layer->reasons);
	}
	for (const struct signature *s = layer->signatures; s && !rc; s = s->next)
		rc = add_signature_text(into, s);
	return rc ? rc : add_notes_text(into, layer);
}

int verify_report_text(struct buf *into, const struct layer_list *layers)
{
	int verdict = layer_list_verdict(layers), rc = 0;

	for (const struct layer *layer = layers->first; layer && !rc; layer = layer->next)
		rc = add_layer_text(into, layer);
	return rc ? rc
		  : buf_add_format(into, "%s: %s\n", overall(layers),
				   verdict ? error_text(verdict) : "every signature is good, and covers the whole message");
}

static int add_reasons_json(struct buf *into, unsigned int reasons)
{
	bool first = true;
	int rc = buf_add_format(into, ",\"reasons\":[");

	for (unsigned int i = 0; i < REASON_LIMIT && !rc; i++) {
		if (!(reasons & 1u << i))
			continue;
		rc = buf_add_format(into, "%s{\"name\":\"%s\",\"text\":", first ? "" : ",", reason_name(i));
		rc = rc ? rc : printable_json(into, view_string(reason_text(i)));
		rc = rc ? rc : buf_add_u8(into, '}');
		first = false;
	}
	return rc ? rc : buf_add_u8(into, ']');
}

static int add_json_name(struct buf *into, const char *key, X509 *cert, bool issuer)
{
	CLEAN_BUF struct buf name = BUF_INIT(65536);
	int rc = add_name(cert, issuer, &name);

	return rc ? rc : printable_field(into, key, buf_view(&name));
}

static int add_certificate_json(struct buf *into, X509 *cert)
{
	CLEAN_BUF struct buf addresses = BUF_INIT(65536);
	char fingerprint[CERT_FINGERPRINT_SIZE], before[TIME_TEXT_SIZE], after[TIME_TEXT_SIZE];
	int rc = cert_fingerprint(cert, fingerprint);

	cert_time(X509_get0_notBefore(cert), TIME_RFC3339, before);
	cert_time(X509_get0_notAfter(cert), TIME_RFC3339, after);
	rc = rc ? rc : cert_addresses(cert, &addresses);
	rc = rc ? rc : printable_text_field(into, "fingerprint", fingerprint);
	rc = rc ? rc : add_json_name(into, "subject", cert, false);
	rc = rc ? rc : add_json_name(into, "issuer", cert, true);
	rc = rc ? rc : printable_lines_field(into, "addresses", buf_view(&addresses));
	rc = rc ? rc : printable_text_field(into, "not_before", before);
	return rc ? rc : printable_text_field(into, "not_after", after);
}

static int add_signature_json(struct buf *into, const struct signature *signature)
{
	char time[TIME_TEXT_SIZE];
	int rc = buf_add_format(into, "{\"verdict\":\"%s\"",
				reason_verdict_name(reason_verdict(signature->reasons)));

	rc = rc ? rc : add_reasons_json(into, signature->reasons);
	rc = rc ? rc : printable_text_field(into, "digest", digest_name(signature->digest));
	if (!rc && signature->signed_at) {
		time_text(signature->signed_at, TIME_RFC3339, time);
		rc = printable_text_field(into, "signed_at", time);
	}
	if (!rc && signature->cert)
		rc = add_certificate_json(into, signature->cert);
	if (!rc && signature->culprit)
		rc = add_json_name(into, "about", signature->culprit, false);
	return rc ? rc : buf_add_u8(into, '}');
}

static int add_notes_json(struct buf *into, const struct layer *layer)
{
	bool first = true;
	int rc = buf_add_format(into, ",\"notes\":[");

	for (size_t i = 0; i < NOTES && !rc; i++) {
		if (!(layer->notes & notes[i].note))
			continue;
		rc = buf_add_format(into, "%s\"%s\"", first ? "" : ",", notes[i].name);
		first = false;
	}
	rc = rc ? rc : buf_add_u8(into, ']');
	return rc ? rc : printable_lines_field(into, "differing_fields", buf_view(&layer->differing));
}

static int add_layer_json(struct buf *into, const struct layer *layer)
{
	int rc = buf_add_format(into, "{\"layer\":%u,\"kind\":\"%s\",\"inside\":%u,\"whole\":%s,\"part\":\"%s\"",
				layer->number, kinds[layer->kind], layer->inside ? layer->inside->number : 0,
				layer->whole ? "true" : "false", layer->path);

	if (!rc && layer->kind == LAYER_SIGNED)
		rc = buf_add_format(into, ",\"form\":\"%s\"", layer->detached ? "detached" : "opaque");
	if (!rc && layer->cipher)
		rc = printable_text_field(into, "cipher", OBJ_nid2ln(layer->cipher));
	if (!rc && layer->error)
		rc = buf_add_format(into, ",\"error\":\"%s\"", error_name(layer->error));
	rc = rc ? rc : add_reasons_json(into, layer->reasons);
	rc = rc ? rc : buf_add_format(into, ",\"signatures\":[");
	for (const struct signature *s = layer->signatures; s && !rc; s = s->next) {
		rc = s == layer->signatures ? 0 : buf_add_u8(into, ',');
		rc = rc ? rc : add_signature_json(into, s);
	}
	rc = rc ? rc : buf_add_u8(into, ']');
	rc = rc ? rc : add_notes_json(into, layer);
	return rc ? rc : buf_add_u8(into, '}');
}

int verify_report_json(struct buf *into, const struct layer_list *layers)
{
	int rc = buf_add_format(into, "{\"verdict\":\"%s\",\"layers\":[", overall(layers));

	for (const struct layer *layer = layers->first; layer && !rc; layer = layer->next) {
		rc = layer == layers->first ? 0 : buf_add_u8(into, ',');
		rc = rc ? rc : add_layer_json(into, layer);
	}
	return rc ? rc : buf_add_format(into, "]}\n");
}
