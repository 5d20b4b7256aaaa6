/* SPDX-License-Identifier: ISC
 *
 * gpgsm's commands on certificates: lists, import, export and removal. They are those of the tokens and of the
 * store.
 */
#include "gpgsm_command.h"

#include "client.h"
#include "gpgsm_list.h"
#include "gpgsm_state.h"
#include "import.h"
#include "store.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

/* Of one certificate's lines. */
#define ROW_MAX (256 * 1024)

/* The names on a LISTKEYS or EXPORT line; options before them are gpgsm's debugging aids. */
static int parse_names(char *line, struct gpgsm_name names[GPGSM_NAMES_MAX], unsigned int *ret_count)
{
	unsigned int count = 0;
	bool options = true;
	char *word;
	int rc = 0;

	while (!rc && (word = client_next_word(&line))) {
		if (options && !strncmp(word, "--", 2)) {
			options = word[2];
			continue;
		}
		options = false;
		gpgsm_unescape(word);
		rc = count < GPGSM_NAMES_MAX ? gpgsm_name_parse(word, &names[count]) : ERR_TOO_LARGE;
		count++;
	}
	if (!rc)
		*ret_count = count;
	return rc;
}

struct lines {
	bool with_secret;
	bool to_output; /* OUTPUT rather than data lines */
};

static int send_lines(void *context, const struct gpgsm_row *row)
{
	const struct lines *lines = context;
	CLEAN_BUF struct buf text = BUF_INIT(ROW_MAX);
	int rc = gpgsm_list_row(&text, row, lines->with_secret);

	/* One that is too long for a line of a list costs nobody the others. */
	if (rc)
		return rc == ERR_TOO_LARGE ? 0 : rc;
	return lines->to_output ? output_write(&client.out, text.data, text.length)
				: client_send_data(text.data, text.length);
}

static int send_list(char *line, bool secret_only)
{
	static struct gpgsm_name names[GPGSM_NAMES_MAX];
	struct gpgsm_list list = {.names = names,
				  .secret_only = secret_only,
				  .with_validation = gpgsm_state.with_validation};
	struct lines lines = {.with_secret = gpgsm_state.with_secret || secret_only, .to_output = gpgsm_state.to_output};
	int rc = parse_names(line, names, &list.count);

	/* Mode 2: only what a directory of certificates has, and there is none. */
	if (rc || gpgsm_state.list_mode == 2)
		return rc;
	if (lines.to_output && client.output < 0)
		return ERR_USAGE;
	output_init(&client.out, client.output);
	rc = gpgsm_list(&list, send_lines, &lines);
	return rc || !lines.to_output ? rc : output_flush(&client.out);
}

int gpgsm_listkeys(char *line)
{
	return send_list(line, false);
}

int gpgsm_listsecretkeys(char *line)
{
	return send_list(line, true);
}

struct export {
	unsigned int count;
};

/* Binary is for one certificate; the others are left out, as gpgsm does. */
static int write_cert(void *context, const struct gpgsm_row *row)
{
	static const char label[] = "CERTIFICATE";
	struct export *export = context;
	unsigned char *der = NULL;
	int length, rc;

	if (export->count++ && gpgsm_state.output == GPGSM_BINARY)
		return 0;
	length = i2d_X509(row->cert, &der);
	rc = length > 0 ? gpgsm_begin_output(label) : ERR_INTERNAL;
	rc = rc ? rc : output_write(&client.out, der, (size_t)length);
	rc = rc ? rc : gpgsm_end_output(label);
	OPENSSL_free(der);
	return rc;
}

int gpgsm_export(char *line)
{
	static struct gpgsm_name names[GPGSM_NAMES_MAX];
	struct gpgsm_list list = {.names = names};
	struct export export = {0};
	int rc = strstr(line, "--secret") ? ERR_NOT_SUPPORTED : parse_names(line, names, &list.count);

	if (rc)
		return rc;
	if (client.output < 0)
		return ERR_USAGE;
	output_init(&client.out, client.output);
	return gpgsm_list(&list, write_cert, &export);
}

/* An import: gpgsm's counts, and what it was of. */
struct import {
	unsigned int considered, imported, unchanged, failed;
};

static int keep_cert(void *context, X509 *cert)
{
	CLEAN_STORED struct stored *known = NULL;
	struct import *import = context;
	char fingerprint[CERT_FINGERPRINT_SIZE], sha1[GPGSM_HEX_SIZE], text[64];
	int rc = cert_fingerprint(cert, fingerprint);

	import->considered++;
	rc = rc ? rc : cert_sha1(cert, sha1);
	rc = rc ? rc : store_find(STORE_FINGERPRINT, view_string(fingerprint), &known);
	rc = rc ? rc : store_add(cert, STORE_IMPORTED, view_string(NULL));
	if (rc == ERR_TOO_LARGE) {
		import->failed++;
		snprintf(text, sizeof text, "0 %s", sha1);
		return client_send_status("IMPORT_PROBLEM", text);
	}
	if (rc)
		return rc;
	*(known ? &import->unchanged : &import->imported) += 1;
	snprintf(text, sizeof text, "%d %s", !known, sha1);
	return client_send_status("IMPORT_OK", text);
}

static int keep_crl(void *context, X509_CRL *crl)
{
	(void)context;
	return store_add_crl(crl);
}

static int tell_import(const struct import *import, unsigned int keys)
{
	char text[256];

	/* Of the private keys that were there: read, imported, unchanged; and what was not imported. */
	snprintf(text, sizeof text, "%u 0 %u 0 %u 0 0 0 0 %u 0 0 0 %u", import->considered, import->imported,
		 import->unchanged, keys, import->failed);
	return client_send_status("IMPORT_RES", text);
}

/* Lines of fingerprints, of certificates that are to stay. Here all do. */
static int count_known(struct view lines, struct import *import)
{
	int rc = 0;

	while (lines.length && !rc) {
		CLEAN_STORED struct stored *known = NULL;
		const uint8_t *end = memchr(lines.data, '\n', lines.length);
		size_t length = end ? (size_t)(end - lines.data) : lines.length;

		if (length == GPGSM_HEX_SIZE - 1) {
			import->considered++;
			rc = store_find(STORE_FINGERPRINT, (struct view){lines.data, length}, &known);
			*(known ? &import->unchanged : &import->failed) += 1;
		}
		length += end ? 1 : 0;
		lines.data += length;
		lines.length -= length;
	}
	return rc;
}

int gpgsm_import(char *line)
{
	CLEAN_BUF struct buf bytes = BUF_INIT(IMPORT_MAX);
	struct import import = {0};
	struct import_sink sink = {keep_cert, keep_crl, NULL, &import}; /* GPGME has no way to give a password */
	struct import_count count = {0};
	int rc = client.input < 0 ? ERR_USAGE : 0, told;

	if (!rc)
		input_init(&client.in, client.input);
	rc = rc ? rc : import_read(&client.in, &bytes);
	if (!rc && strstr(line, "--re-import"))
		rc = count_known(buf_view(&bytes), &import);
	else if (!rc)
		rc = import_bytes(buf_view(&bytes), &sink, &count);
	/* There may have been private keys in it. */
	OPENSSL_cleanse(bytes.data, bytes.length);
	import.failed += count.damaged;
	told = tell_import(&import, count.keys);
	return rc ? rc : told;
}

struct removal {
	char fingerprint[CERT_FINGERPRINT_SIZE]; /* of the one that fits */
	unsigned int fitting;
	bool secret;
};

static int consider_removal(void *context, const struct gpgsm_row *row)
{
	struct removal *removal = context;

	removal->fitting++;
	removal->secret = row->secret;
	return cert_fingerprint(row->cert, removal->fingerprint);
}

/* GnuPG's reasons: 1 there is none, 2 there is a private key, 3 several fit. */
static int refuse_removal(const struct removal *removal)
{
	const char *why = !removal->fitting ? "1" : removal->fitting > 1 ? "3" : "2";
	int rc = client_send_status("DELETE_PROBLEM", why);

	if (rc)
		return rc;
	return !removal->fitting ? ERR_NO_CERTIFICATE
				 : removal->fitting > 1 ? ERR_AMBIGUOUS_CERTIFICATE : ERR_FORBIDDEN;
}

int gpgsm_delkeys(char *line)
{
	static struct gpgsm_name names[GPGSM_NAMES_MAX];
	unsigned int count = 0;
	int rc = parse_names(line, names, &count);

	if (!rc && !count)
		return ERR_USAGE;
	for (unsigned int i = 0; i < count && !rc; i++) {
		struct gpgsm_list list = {.names = &names[i], .count = 1};
		struct removal removal = {0};

		rc = gpgsm_list(&list, consider_removal, &removal);
		if (!rc && removal.fitting == 1) {
			rc = store_remove(removal.fingerprint);
			rc = rc == ERR_NO_CERTIFICATE ? refuse_removal(&removal) : rc;
		} else if (!rc) {
			rc = refuse_removal(&removal);
		}
	}
	return rc;
}
