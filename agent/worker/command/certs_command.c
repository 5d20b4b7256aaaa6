/* SPDX-License-Identifier: ISC
 *
 * CERTS LIST, SHOW, EXPIRING, IMPORT, EXPORT, REMOVE, EXTRACT and ADDRESSES.
 */
#include "certs_command.h"

#include "ask.h"
#include "cert_report.h"
#include "clean_ssl.h"
#include "client.h"
#include "expiry.h"
#include "extract.h"
#include "import.h"
#include "keys.h"
#include "printable.h"
#include "store.h"
#include "trust.h"

#include <ctype.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <string.h>
#include <strings.h>

/* Shorter starts of a fingerprint are no names. */
#define FINGERPRINT_START_MIN 6
#define ROW_MAX (512 * 1024)

enum format { PEM, DER, P7 };

struct options {
	bool json, full, all, signers, addresses;
	enum format format;
	char *name; /* the rest of the line, or NULL */
};

static int parse_options(char *line, struct options *options)
{
	while (*(line += strspn(line, " ")) == '-' && line[1] == '-') {
		const char *word = client_next_word(&line);

		if (!strcmp(word, "--json"))
			options->json = true;
		else if (!strcmp(word, "--all"))
			options->all = true;
		else if (!strcmp(word, "--signers"))
			options->signers = true;
		else if (!strcmp(word, "--addresses"))
			options->addresses = true;
		else if (!strcmp(word, "--pem"))
			options->format = PEM;
		else if (!strcmp(word, "--der"))
			options->format = DER;
		else if (!strcmp(word, "--p7"))
			options->format = P7;
		else
			return ERR_USAGE;
	}
	options->name = *line ? line : NULL;
	return 0;
}

/* What a name is: an address, or the start of a fingerprint, with or without colons. *ret_by is STORE_ALL for
 * anything else. */
static void classify(char *name, enum store_by *ret_by)
{
	size_t digits = 0;

	*ret_by = STORE_ALL;
	if (strchr(name, '@')) {
		*ret_by = STORE_ADDRESS;
		return;
	}
	for (const char *c = name; *c; c++)
		if (isxdigit((unsigned char)*c))
			digits++;
		else if (*c != ':')
			return;
	if (digits < FINGERPRINT_START_MIN)
		return;
	*ret_by = STORE_FINGERPRINT;
	digits = 0;
	for (const char *c = name; *c; c++)
		if (*c != ':')
			name[digits++] = *c;
	name[digits] = 0;
}

struct certs_listing {
	const struct options *options;
	const char *part; /* of subject or address; NULL: all */
	struct buf text;
	unsigned int count;
};

static bool has_part(X509 *cert, const char *part)
{
	CLEAN_BUF struct buf text = BUF_INIT(131072);

	return !cert_subject(cert, &text) && !buf_add_u8(&text, '\n') && !cert_addresses(cert, &text) &&
	       !buf_terminate(&text) && strcasestr((const char *)text.data, part);
}

static int list_row(void *context, struct stored *row)
{
	struct certs_listing *listing = context;
	const struct options *options = listing->options;
	int rc;

	if (listing->part && !has_part(row->cert, listing->part))
		return 0;
	buf_clear(&listing->text);
	rc = !listing->count++ ? 0 : buf_add_format(&listing->text, options->json ? ",\n" : "\n");
	if (!rc)
		rc = options->json ? cert_report_json(&listing->text, row, options->full)
				   : cert_report_text(&listing->text, row, options->full);
	return rc ? rc : client_send_data(listing->text.data, listing->text.length);
}

/* Rows leave as they are made: there may be many. */
static int list(struct options *options)
{
	struct certs_listing listing = {.options = options, .text = BUF_INIT(ROW_MAX)};
	enum store_by by = STORE_ALL;
	int rc = options->json ? client_send_data("[", 1) : 0;

	if (options->name)
		classify(options->name, &by);
	listing.part = by == STORE_ALL ? options->name : NULL;
	rc = rc ? rc : store_each(by, view_string(by == STORE_ALL ? NULL : options->name), list_row, &listing);
	buf_done(&listing.text);
	if (!rc && options->json)
		rc = client_send_data("]\n", 2);
	return rc || listing.count || !options->name ? rc : ERR_NO_CERTIFICATE;
}

static int show(struct options *options)
{
	options->full = true;
	return options->name ? list(options) : ERR_USAGE;
}

static int take_expiring(void *context, bool own, const X509 *cert, int days)
{
	CLEAN_BUF struct buf text = BUF_INIT(ROW_MAX);
	CLEAN_BUF struct buf addresses = BUF_INIT(65536);
	char fingerprint[CERT_FINGERPRINT_SIZE];
	int rc = cert_fingerprint(cert, fingerprint);

	(void)context;
	rc = rc ? rc : cert_addresses((X509 *)(uintptr_t)cert, &addresses);
	for (size_t i = 0; i < addresses.length; i++)
		if (addresses.data[i] == '\n')
			addresses.length = i; /* the first */
	rc = rc ? rc : buf_add_format(&text, "%s\t%d\t%s\t", own ? "own" : "other", days, fingerprint);
	rc = rc ? rc : printable_plain(&text, buf_view(&addresses));
	rc = rc ? rc : buf_add_u8(&text, '\n');
	return rc ? rc : client_send_data(text.data, text.length);
}

static int expiring(struct options *options)
{
	return options->name ? ERR_USAGE : expiry_each(take_expiring, NULL);
}

static int keep_cert(void *context, X509 *cert)
{
	CLEAN_BUF struct buf line = BUF_INIT(256);
	char fingerprint[CERT_FINGERPRINT_SIZE];
	int rc = store_add(cert, STORE_IMPORTED, view_string(NULL));

	(void)context;
	rc = rc ? rc : cert_fingerprint(cert, fingerprint);
	rc = rc ? rc : buf_add_format(&line, "certificate\t%s\n", fingerprint);
	return rc ? rc : client_send_data(line.data, line.length);
}

static int keep_crl(void *context, X509_CRL *crl)
{
	(void)context;
	return store_add_crl(crl);
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

static int import(struct options *options)
{
	static const struct import_sink sink = {keep_cert, keep_crl, get_password, NULL};
	CLEAN_BUF struct buf bytes = BUF_INIT(IMPORT_MAX);
	struct import_count count = {0};
	int rc = options->name || client.input < 0 ? ERR_USAGE : client_tell_terminal();

	if (!rc)
		input_init(&client.in, client.input);
	rc = rc ? rc : import_read(&client.in, &bytes);
	rc = rc ? rc : import_bytes(buf_view(&bytes), &sink, &count);
	/* There may have been private keys in it. */
	OPENSSL_cleanse(bytes.data, bytes.length);
	rc = rc ? rc : send_counts(&count);
	return rc || !count.damaged ? rc : ERR_PARTLY_READ;
}

/* The certificates that the name fits. ERR_NO_CERTIFICATE. */
static int find_named(struct options *options, struct stored **ret_list)
{
	enum store_by by = STORE_ALL;
	int rc;

	if (!options->name)
		return ERR_USAGE;
	classify(options->name, &by);
	if (by == STORE_ALL)
		return ERR_NO_CERTIFICATE;
	rc = store_find(by, view_string(options->name), ret_list);
	return rc || *ret_list ? rc : ERR_NO_CERTIFICATE;
}

static int write_bio(BIO *bio)
{
	char *data = NULL;
	long length = BIO_get_mem_data(bio, &data);
	int rc = length > 0 ? output_write(&client.out, data, (size_t)length) : ERR_NO_MEMORY;

	return rc;
}

static int write_cert(X509 *cert, enum format format)
{
	CLEAN_BIO BIO *bio = BIO_new(BIO_s_mem());
	int ok = bio && (format == DER ? i2d_X509_bio(bio, cert) : PEM_write_bio_X509(bio, cert));

	return ok ? write_bio(bio) : ERR_NO_MEMORY;
}

static int write_row(void *context, struct stored *row)
{
	const enum format *format = context;

	return write_cert(row->cert, *format);
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

static int export(struct options *options)
{
	CLEAN_STORED struct stored *list = NULL;
	int rc = client.output < 0 || (!options->name && options->format != PEM) ? ERR_USAGE : 0;

	if (rc)
		return rc;
	output_init(&client.out, client.output);
	if (options->name) {
		rc = find_named(options, &list);
		if (!rc && options->format == DER && list->next)
			rc = ERR_AMBIGUOUS_CERTIFICATE;
		if (!rc && options->format == P7)
			rc = write_p7(list);
		for (struct stored *row = list; row && !rc && options->format != P7; row = row->next)
			rc = write_row(&options->format, row);
	} else {
		rc = store_each(STORE_ALL, view_string(NULL), write_row, &options->format);
	}
	return rc ? rc : output_flush(&client.out);
}

static int remove_named(struct options *options)
{
	CLEAN_STORED struct stored *list = NULL;
	int rc = find_named(options, &list);

	if (!rc && list->next && !options->all)
		rc = ERR_AMBIGUOUS_CERTIFICATE;
	for (const struct stored *row = list; row && !rc; row = row->next)
		rc = store_remove(row->fingerprint);
	return rc;
}

/* One that was found in a message: itself, or the addresses in it, a line each. */
static int write_extracted(void *context, X509 *cert)
{
	const struct options *options = context;
	CLEAN_BUF struct buf addresses = BUF_INIT(65536), text = BUF_INIT(262144);
	struct view line;
	int rc;

	if (!options->addresses)
		return write_cert(cert, PEM);
	rc = cert_addresses(cert, &addresses);
	line = buf_view(&addresses);
	while (!rc && line.length) {
		const uint8_t *end = memchr(line.data, '\n', line.length);
		size_t length = end ? (size_t)(end - line.data) : line.length;

		rc = printable_plain(&text, (struct view){line.data, length});
		rc = rc ? rc : buf_add_u8(&text, '\n');
		length += end ? 1 : 0;
		line.data += length;
		line.length -= length;
	}
	return rc ? rc : output_write(&client.out, text.data, text.length);
}

static int extract(struct options *options)
{
	const struct trust_request trust = {-1, -1, false};
	int rc = options->name ? ERR_USAGE : client_open_streams();

	if (rc)
		return rc;
	rc = trust_begin(&trust);
	rc = rc ? rc : extract_certificates(&client.in, options->signers, write_extracted, options);
	trust_end();
	return rc ? rc : output_flush(&client.out);
}

static int add_address(struct buf *into, const char *use, const char *address)
{
	int rc = buf_add_format(into, "%s\t", use);

	rc = rc ? rc : printable_plain(into, view_string(address));
	return rc ? rc : buf_add_u8(into, '\n');
}

/* "sign" or "encrypt", and an address, for each address of a certificate. */
static int send_addresses(X509 *cert, unsigned int uses)
{
	CLEAN_BUF struct buf addresses = BUF_INIT(65536), text = BUF_INIT(ROW_MAX);
	char *rest, *address;
	int rc = cert_addresses(cert, &addresses);

	rc = rc ? rc : buf_terminate(&addresses);
	if (rc || cert_check_dates(cert))
		return rc;
	rest = (char *)addresses.data;
	while (!rc && (address = strsep(&rest, "\n"))) {
		if (uses & CERT_USE_SIGN && *address)
			rc = add_address(&text, "sign", address);
		if (!rc && uses & CERT_USE_DECRYPT && *address)
			rc = add_address(&text, "encrypt", address);
	}
	return rc ? rc : client_send_data(text.data, text.length);
}

static int send_stored_addresses(void *context, struct stored *row)
{
	(void)context;
	return send_addresses(row->cert, cert_uses(row->cert) & CERT_USE_DECRYPT);
}

static int send_all_addresses(struct options *options)
{
	int rc = options->name ? ERR_USAGE : keys_refresh(LIST_KNOWN);

	for (struct key *key = rc ? NULL : keys_first(); key && !rc; key = key->next)
		if (!(key->flags & CERT_NO_KEY))
			rc = send_addresses(key->cert, key->uses);
	return rc ? rc : store_each(STORE_ALL, view_string(NULL), send_stored_addresses, NULL);
}

int command_certs(char *line)
{
	static const struct {
		const char *name;
		int (*run)(struct options *options);
	} verbs[] = {{"LIST", list},	 {"SHOW", show},     {"EXPIRING", expiring},
		     {"IMPORT", import}, {"EXPORT", export}, {"REMOVE", remove_named},
		     {"EXTRACT", extract}, {"ADDRESSES", send_all_addresses}};
	struct options options = {0};
	const char *verb = client_next_word(&line);
	int rc = verb ? parse_options(line, &options) : ERR_USAGE;

	for (size_t i = 0; !rc && i < sizeof verbs / sizeof verbs[0]; i++)
		if (!strcmp(verbs[i].name, verb))
			return verbs[i].run(&options);
	return rc ? rc : ERR_USAGE;
}
