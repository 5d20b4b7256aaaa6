/* SPDX-License-Identifier: ISC
 *
 * Which addresses are the same mailbox, and whether one is a certificate's.
 */
#include "mailbox.h"

#include "fixture.h"
#include "pki.h"

#include <string.h>

static void same_mailboxes(void **state)
{
	(void)state;
	assert_true(mailbox_equal("alice@example.org", "ALICE@Example.ORG"));
	assert_true(mailbox_equal("a@xn--bcher-kva.example", "a@bücher.example"));
	assert_true(mailbox_equal("a@XN--BCHER-KVA.example", "a@bücher.EXAMPLE"));
	assert_true(mailbox_equal("a@xn--fiqs8s", "a@中国"));
	/* RFC 3492 section 7.1 (A) and (L) */
	assert_true(mailbox_equal("a@xn--egbpdaj6bu4bxfgehfvwxn", "a@ليهمابتكلموشعربي؟"));
	assert_true(mailbox_equal("a@xn--3B-ww4c5e180e575a65lsy2b", "a@3年b組金八先生"));
}

static void others(void **state)
{
	char longest[600];

	(void)state;
	assert_false(mailbox_equal("alice@example.org", "alice@example.org.example.net"));
	assert_false(mailbox_equal("alice@example.org", "аlice@example.org")); /* Cyrillic */
	assert_false(mailbox_equal("alice@example.org", "alice@exаmple.org"));
	assert_false(mailbox_equal("a@bucher.example", "a@bücher.example"));
	assert_false(mailbox_equal("xn--bcher-kva@example.org", "bücher@example.org")); /* not a domain */
	assert_false(mailbox_equal("a@xn--bcher-kv!.example", "a@bücher.example"));
	assert_false(mailbox_equal("a@xn--example-.org", "a@example.org"));
	assert_false(mailbox_equal("a@example.xn--org-", "a@example.org"));
	assert_false(mailbox_equal("a@xn--99999999999.example", "a@bücher.example"));
	assert_false(mailbox_equal("alice", "alice"));
	assert_false(mailbox_equal("", ""));
	memset(longest, 'a', sizeof longest);
	longest[3] = '@';
	longest[sizeof longest - 1] = 0;
	assert_false(mailbox_equal(longest, longest));
}

static X509 *make(const char *subject, const char *names)
{
	struct pki_spec spec = {.subject = subject, .key = pki_key("EC"), .extensions = {{"subjectAltName", names}}};
	X509 *cert;

	if (!names)
		spec.extensions[0][0] = NULL;
	cert = pki_cert(&spec);
	EVP_PKEY_free(spec.key);
	return cert;
}

static void check(const char *subject, const char *names, const char *address, bool is, bool any)
{
	X509 *cert = make(subject, names);

	assert_int_equal(mailbox_in_cert(cert, address), is);
	assert_int_equal(mailbox_any_in_cert(cert), any);
	X509_free(cert);
}

static void of_certificates(void **state)
{
	(void)state;
	check("/CN=x", "email:alice@example.org", "Alice@example.org", true, true);
	check("/CN=x/emailAddress=alice@example.org", NULL, "alice@example.org", true, true);
	check("/CN=alice@example.org", NULL, "alice@example.org", false, false);
	check("/CN=x", "DNS:example.org", "alice@example.org", false, false);
	check("/CN=x", "email:bob@example.org,email:alice@example.org", "alice@example.org", true, true);
	check("/CN=x", "otherName:1.3.6.1.5.5.7.8.9;UTF8:alice@xn--bcher-kva.example", "alice@bücher.example", true, true);
	check("/CN=x", "otherName:1.3.6.1.5.5.7.8.9;UTF8:x", "x", false, true);
	/* "alice@example.org", NUL, ".example.net": nobody's address, and not as if there were none */
	check("/CN=x",
	      "DER:30:1f:81:1d:61:6c:69:63:65:40:65:78:61:6d:70:6c:65:2e:6f:72:67:00:2e:65:78:61:6d:70:6c:65:2e:6e:65",
	      "alice@example.org", false, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_mailboxes),
		cmocka_unit_test(others),
		cmocka_unit_test(of_certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
