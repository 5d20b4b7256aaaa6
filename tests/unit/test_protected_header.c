/* SPDX-License-Identifier: ISC
 *
 * Protected headers beside those that stand outside, and senders beside signers.
 */
#include "protected_header.h"

#include "fixture.h"
#include "pki.h"

#include <string.h>

static struct layer layer;

/* Compares; what differs, with blanks between. */
static const char *differing(const char *payload, const char *outer)
{
	static char names[1000];

	buf_done(&layer.differing);
	layer = (struct layer){.differing = BUF_INIT(1000)};
	assert_int_equal(header_compare(&layer, view_string(payload), view_string(outer)), 0);
	memcpy(names, layer.differing.data ? (const char *)layer.differing.data : "", layer.differing.length);
	names[layer.differing.length] = 0;
	for (char *at = names; *at; at++)
		*at = *at == '\n' ? ' ' : *at;
	return names;
}

static void clear_headers(void **state)
{
	static const char payload[] = "Subject: a\n  b\nFrom: x@y\nContent-Type: text/plain; hp=\"clear\"\n";

	(void)state;
	assert_string_equal(differing(payload, "From:  x@y\nsubject: a b\nReceived: z\n"), "");
	assert_int_equal(layer.notes, LAYER_HEADER_PROTECTED);
	assert_string_equal(differing(payload, "From: x@y\nSubject: ab\n"), "Subject");
	assert_int_equal(layer.notes, LAYER_HEADER_PROTECTED | LAYER_HEADER_DIFFERS);
	assert_string_equal(differing(payload, "Subject: A b\n"), "Subject From");
	assert_string_equal(differing("Subject: a\nContent-Type: text/plain\n", "Subject: b\n"), "");
	assert_int_equal(layer.notes, 0);
}

static void hidden_headers(void **state)
{
	static const char payload[] = "Subject: secret\nKeywords: k\nHP-Outer: Subject: [...]\nHP-Outer: From: x@y\nFrom: x@y\n"
				      "Content-Type: text/plain; hp=\"cipher\"\n";

	(void)state;
	assert_string_equal(differing(payload, "Subject: [...]\nFrom: x@y\n"), "");
	/* A program that decrypted it shows what was protected. */
	assert_string_equal(differing(payload, "Subject: secret\nFrom: x@y\nKeywords: k\n"), "");
	assert_string_equal(differing(payload, "Subject: other\nFrom: x@y\nKeywords: l\n"), "Subject Keywords");
	assert_string_equal(differing(payload, "From: x@y\n"), "Subject");
}

/* What was added outside is shown as if it were the signer's. */
static void added_headers(void **state)
{
	static const char clear[] = "From: x@y\nSubject: a\nContent-Type: text/plain; hp=\"clear\"\n";
	static const char cipher[] = "From: x@y\nHP-Outer: From: x@y\nHP-Outer: Subject: [...]\n"
				     "Content-Type: text/plain; hp=\"cipher\"\n";

	(void)state;
	assert_string_equal(differing(clear, "From: x@y\nSubject: a\nReply-To: m@z\n"), "Reply-To");
	assert_int_equal(layer.notes, LAYER_HEADER_PROTECTED | LAYER_HEADER_DIFFERS);
	assert_string_equal(differing(clear, "From: x@y\nSubject: a\nto: m\nCC: m\nDate: d\nfollowup-to: m\n"),
			    "To Cc Date Followup-To");
	assert_string_equal(differing(clear, "From: x@y\nSubject: a\nSubject: b\n"), "Subject");
	assert_string_equal(differing(clear, "From: x@y\nSubject: a\nFrom: x@y\n"), "From");
	assert_string_equal(differing(clear, "From: x@y\nSubject: a\nReceived: z\nList-Id: l\nSender: s\nResent-To: r\n"), "");
	assert_string_equal(differing(cipher, "From: x@y\nSubject: [...]\n"), "");
	assert_string_equal(differing(cipher, "From: x@y\nSubject: pay\n"), "Subject");
	assert_string_equal(differing(cipher, "From: x@y\nSubject: [...]\nSubject: [...]\nReply-To: m\n"), "Subject Reply-To");
}

/* Tens of thousands of fields are looked through in no time. */
static void many_fields(void **state)
{
	CLEAN_BUF struct buf payload = BUF_INIT(MIME_HEADER_MAX), outer = BUF_INIT(MIME_HEADER_MAX);

	(void)state;
	while (!buf_add_format(&outer, "To:\n"))
		;
	assert_int_equal(buf_add_format(&payload, "Content-Type: text/plain; hp=\"cipher\"\n"), 0);
	while (!buf_add_format(&payload, payload.length < MIME_HEADER_MAX * 9 / 10 ? "HP-Outer:To:\n" : "To:\n"))
		;
	buf_done(&layer.differing);
	layer = (struct layer){.differing = BUF_INIT(1000)};
	assert_int_equal(header_compare(&layer, buf_view(&payload), buf_view(&outer)), 0);
	assert_true(layer.notes & LAYER_HEADER_DIFFERS);
	buf_done(&layer.differing);
}

/* Nobody has one sender outside, who is judged, and shows another. */
static void hidden_senders(void **state)
{
	static const char payload[] = "From: Alice <a@b>\nHP-Outer: From: x@y\nContent-Type: text/plain; hp=\"cipher\"\n";
	static const char nameless[] = "From: Alice <a@b>\nHP-Outer: From: a@b\nContent-Type: text/plain; hp=\"cipher\"\n";
	static const char sender[] = "From: a@b\nSender: c@d\nContent-Type: text/plain; hp=\"cipher\"\n";

	(void)state;
	assert_string_equal(differing(payload, "From: x@y\n"), "From");
	assert_string_equal(differing(payload, "Received: x\n"), "From");
	assert_string_equal(differing("From: a@b\nContent-Type: text/plain; hp=\"cipher\"\n", "Received: x\n"), "From");
	assert_string_equal(differing(sender, "From: a@b\n"), "Sender");
	assert_string_equal(differing(nameless, "From: a@b\n"), "");
	assert_string_equal(differing(nameless, "From: a@b, x@y\n"), "From");
}

static unsigned int judged(const char *outer, const char *names)
{
	struct pki_spec spec = {.subject = "/CN=x", .key = pki_key("EC"), .extensions = {{"subjectAltName", names}}};
	struct signature signature = {.cert = pki_cert(&spec)};

	layer.notes = 0;
	layer.signatures = &signature;
	header_judge_sender(&layer, view_string(outer));
	layer.signatures = NULL;
	X509_free(signature.cert);
	EVP_PKEY_free(spec.key);
	return signature.reasons;
}

static void senders(void **state)
{
	static const char alice[] = "email:alice@example.org";

	(void)state;
	assert_int_equal(judged("From: Alice <alice@example.org>\n", alice), 0);
	assert_int_equal(judged("Subject: a header without a sender\n", alice), 0);
	assert_int_equal(judged("From: bob@example.org\n", alice), REASON_NOT_FROM);
	assert_int_equal(judged("From: nobody\n", alice), REASON_NOT_FROM);
	assert_int_equal(judged("From: alice@example.org, bob@example.org\n", alice), REASON_NOT_FROM);
	assert_int_equal(judged("From: alice@example.org\nFrom: bob@example.org\n", alice), REASON_NOT_FROM);
	assert_int_equal(judged("From: bob@example.org\nSender: alice@example.org\n", alice), REASON_NOT_FROM);
	assert_int_equal(judged("From: alice@example.org\nSender: list@example.com\n", alice), 0);
	assert_int_equal(layer.notes, LAYER_SENDER_DIFFERS);
	assert_int_equal(judged("From: alice@example.org\n", "DNS:example.org"), 0);
	assert_int_equal(layer.notes, LAYER_NO_ADDRESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clear_headers),
		cmocka_unit_test(hidden_headers),
		cmocka_unit_test(added_headers),
		cmocka_unit_test(many_fields),
		cmocka_unit_test(hidden_senders),
		cmocka_unit_test(senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
