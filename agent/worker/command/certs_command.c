/* SPDX-License-Identifier: ISC
 *
 * CERTS LIST, SHOW, EXPIRING, IMPORT, EXPORT, REMOVE, EXTRACT and ADDRESSES.
 */
#include "certs_command.h"

#include "ask.h"
#include "cert_report.h"
#include "clean_ssl.h"
#include "client.h"
#include "command_words.h"
#include "expiry.h"
#include "extract.h"
#include "import_request.h"
#include "keys.h"
#include "list_request.h"
#include "printable.h"
#include "store.h"
#include "trust.h"

#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#define ROW_MAX (512 * 1024)

struct certs_list {
	bool json, full;
	struct buf text;
	unsigned int count;
};

static int list_row(void *context, const struct list_row *row)
{
	struct certs_list *list = context;
	int rc;

	buf_clear(&list->text);
	rc = !list->count++ ? 0 : buf_add_format(&list->text, list->json ? ",\n" : "\n");
	if (!rc)
		rc = list->json ? cert_report_json(&list->text, row->stored, list->full)
				: cert_report_text(&list->text, row->stored, list->full);
	return rc ? rc : client_send_data(list->text.data, list->text.length);
}

/* Rows leave as they are made: there may be many. */
static int send_list(const struct certs_words *words)
{
	struct certs_list list = {.json = words->json, .full = words->verb == CERTS_SHOW, .text = BUF_INIT(ROW_MAX)};
	const struct list_request request = {.stored = true, .names = &words->name, .count = words->named ? 1 : 0};
	int rc = list.json ? client_send_data("[", 1) : 0;

	rc = rc ? rc : list_request_run(&request, list_row, &list);
	buf_done(&list.text);
	if (!rc && list.json)
		rc = client_send_data("]\n", 2);
	return rc || list.count || !words->named ? rc : ERR_NO_CERTIFICATE;
}

static int take_expiring(void *context, bool own, const X509 *cert, int days)
{
	CLEAN_BUF struct buf text = BUF_INIT(ROW_MAX);
	CLEAN_BUF struct buf addresses = BUF_INIT(65536);
	struct view lines, first = {NULL, 0};
	char fingerprint[CERT_FINGERPRINT_SIZE];
	int rc = cert_fingerprint(cert, fingerprint);

	(void)context;
	rc = rc ? rc : cert_addresses((X509 *)(uintptr_t)cert, &addresses);
	lines = buf_view(&addresses);
	(void)view_line(&lines, &first);
	rc = rc ? rc : buf_add_format(&text, "%s\t%d\t%s\t", own ? "own" : "other", days, fingerprint);
	rc = rc ? rc : printable_plain(&text, first);
	rc = rc ? rc : buf_add_u8(&text, '\n');
	return rc ? rc : client_send_data(text.data, text.length);
}

static int send_expiring(const struct certs_words *words)
{
	(void)words;
	return expiry_each(take_expiring, NULL);
}

static int send_outcome(void *context, const X509 *cert, enum import_outcome outcome)
{
	CLEAN_BUF struct buf line = BUF_INIT(256);
	char fingerprint[CERT_FINGERPRINT_SIZE];
	int rc = outcome == IMPORT_REFUSED ? ERR_TOO_LARGE : cert_fingerprint(cert, fingerprint);

	(void)context;
	rc = rc ? rc : buf_add_format(&line, "certificate\t%s\n", fingerprint);
	return rc ? rc : client_send_data(line.data, line.length);
}

static int get_password(void *context, unsigned int tries, struct buf *into)
{
	int rc;

	(void)context;
	if (tries && client.pin >= 0)
		return ERR_PASSWORD_WRONG;
	rc = ask_password(tries, client.pin, into);
	return rc == ERR_PIN_NEEDED ? ERR_PASSWORD_NEEDED : rc;
}

static int send_counts(const struct import_count *count)
{
	CLEAN_BUF struct buf text = BUF_INIT(512);
	int rc = buf_add_format(&text, "certificates\t%u\ncrls\t%u\nkeys\t%u\ndamaged\t%u\nelsewhere\t%u\n",
				count->certificates, count->crls, count->keys, count->damaged, count->elsewhere);

	return rc ? rc : client_send_data(text.data, text.length);
}

static int import_file(const struct certs_words *words)
{
	const struct import_request request = {
		.input = &client.in, .outcome = send_outcome, .password = get_password};
	struct import_count count = {0};
	int rc = client.input < 0 ? ERR_USAGE : client_tell_terminal();

	(void)words;
	if (rc)
		return rc;
	input_init(&client.in, client.input);
	rc = import_request_run(&request, &count);
	rc = rc ? rc : send_counts(&count);
	return rc || !count.damaged ? rc : ERR_PARTLY_READ;
}

/* The certificates that the name fits: a part of a name is not enough. ERR_NO_CERTIFICATE. */
static int find_named(const struct cert_name *name, struct stored **ret_list)
{
	enum store_by by = cert_name_store_by(name);
	int rc = by == STORE_ALL ? ERR_NO_CERTIFICATE : store_find(by, view_string(name->text), ret_list);

	return rc || *ret_list ? rc : ERR_NO_CERTIFICATE;
}

static int write_bio(BIO *bio)
{
	char *data = NULL;
	long length = BIO_get_mem_data(bio, &data);
	int rc = length > 0 ? output_write(&client.out, data, (size_t)length) : ERR_NO_MEMORY;

	return rc;
}

static int write_cert(X509 *cert, enum certs_format format)
{
	CLEAN_BIO BIO *bio = BIO_new(BIO_s_mem());
	int ok = bio && (format == CERTS_DER ? i2d_X509_bio(bio, cert) : PEM_write_bio_X509(bio, cert));

	return ok ? write_bio(bio) : ERR_NO_MEMORY;
}

static int write_row(void *context, const struct list_row *row)
{
	(void)context;
	return write_cert(row->cert, CERTS_PEM);
}

static int write_p7(const struct stored *list)
{
	CLEAN_BIO BIO *bio = BIO_new(BIO_s_mem());
	PKCS7 *p7 = PKCS7_new();
	int ok = bio && p7 && PKCS7_set_type(p7, NID_pkcs7_signed) && PKCS7_content_new(p7, NID_pkcs7_data) &&
		 PKCS7_set_detached(p7, 1);

	for (; list && ok; list = list->next)
		ok = PKCS7_add_certificate(p7, list->cert);
	ok = ok && i2d_PKCS7_bio(bio, p7);
	PKCS7_free(p7);
	return ok ? write_bio(bio) : ERR_NO_MEMORY;
}

static int write_named(const struct certs_words *words)
{
	CLEAN_STORED struct stored *list = NULL;
	int rc = find_named(&words->name, &list);

	if (!rc && words->format == CERTS_DER && list->next)
		rc = ERR_AMBIGUOUS_CERTIFICATE;
	if (rc || words->format == CERTS_P7)
		return rc ? rc : write_p7(list);
	for (struct stored *row = list; row && !rc; row = row->next)
		rc = write_cert(row->cert, words->format);
	return rc;
}

static int export_certs(const struct certs_words *words)
{
	static const struct list_request all = {.stored = true};
	int rc;

	if (client.output < 0)
		return ERR_USAGE;
	output_init(&client.out, client.output);
	rc = words->named ? write_named(words) : list_request_run(&all, write_row, NULL);
	return rc ? rc : output_flush(&client.out);
}

static int remove_named(const struct certs_words *words)
{
	CLEAN_STORED struct stored *list = NULL;
	int rc = find_named(&words->name, &list);

	if (!rc && list->next && !words->all)
		rc = ERR_AMBIGUOUS_CERTIFICATE;
	for (const struct stored *row = list; row && !rc; row = row->next)
		rc = store_remove(row->fingerprint);
	return rc;
}

/* One that was found in a message: itself, or the addresses in it, a line each. */
static int write_extracted(void *context, X509 *cert)
{
	const struct certs_words *words = context;
	CLEAN_BUF struct buf addresses = BUF_INIT(65536), text = BUF_INIT(262144);
	struct view rest, line;
	int rc;

	if (!words->addresses)
		return write_cert(cert, CERTS_PEM);
	rc = cert_addresses(cert, &addresses);
	rest = buf_view(&addresses);
	while (!rc && view_line(&rest, &line)) {
		rc = printable_plain(&text, line);
		rc = rc ? rc : buf_add_u8(&text, '\n');
	}
	return rc ? rc : output_write(&client.out, text.data, text.length);
}

static int extract_certs(const struct certs_words *words)
{
	const struct trust_request trust = {-1, -1, false};
	int rc = client_open_streams();

	if (rc)
		return rc;
	rc = trust_begin(&trust);
	rc = rc ? rc : extract_certificates(&client.in, words->signers, write_extracted, (void *)(uintptr_t)words);
	trust_end();
	return rc ? rc : output_flush(&client.out);
}

static int add_address(struct buf *into, const char *use, struct view address)
{
	int rc = buf_add_format(into, "%s\t", use);

	rc = rc ? rc : printable_plain(into, address);
	return rc ? rc : buf_add_u8(into, '\n');
}

/* "sign" or "encrypt", and an address, for each address of a certificate. */
static int send_addresses(X509 *cert, unsigned int uses)
{
	CLEAN_BUF struct buf addresses = BUF_INIT(65536), text = BUF_INIT(ROW_MAX);
	struct view rest, address;
	int rc = cert_addresses(cert, &addresses);

	if (rc || cert_check_dates(cert))
		return rc;
	rest = buf_view(&addresses);
	while (!rc && view_line(&rest, &address)) {
		if (uses & CERT_USE_SIGN && address.length)
			rc = add_address(&text, "sign", address);
		if (!rc && uses & CERT_USE_DECRYPT && address.length)
			rc = add_address(&text, "encrypt", address);
	}
	return rc ? rc : client_send_data(text.data, text.length);
}

static int send_stored_addresses(void *context, struct stored *row)
{
	(void)context;
	return send_addresses(row->cert, cert_uses(row->cert) & CERT_USE_DECRYPT);
}

static int send_all_addresses(const struct certs_words *words)
{
	int rc = keys_refresh(LIST_KNOWN);

	(void)words;
	for (struct key *key = rc ? NULL : keys_first(); key && !rc; key = key->next)
		if (!(key->flags & CERT_NO_KEY))
			rc = send_addresses(key->cert, key->uses);
	return rc ? rc : store_each(STORE_ALL, view_string(NULL), send_stored_addresses, NULL);
}

int command_certs(char *line)
{
	static int (*const verbs[])(const struct certs_words *words) = {
		[CERTS_LIST] = send_list,	   [CERTS_SHOW] = send_list,	   [CERTS_EXPIRING] = send_expiring,
		[CERTS_IMPORT] = import_file,	   [CERTS_EXPORT] = export_certs, [CERTS_REMOVE] = remove_named,
		[CERTS_EXTRACT] = extract_certs, [CERTS_ADDRESSES] = send_all_addresses};
	struct certs_words words = {0};
	int rc = command_words_certs(line, &words);

	return rc ? rc : verbs[words.verb](&words);
}
