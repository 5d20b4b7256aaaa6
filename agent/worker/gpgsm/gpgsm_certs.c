/* SPDX-License-Identifier: ISC
 *
 * gpgsm's commands on certificates: lists, import, export and removal. They are those of the tokens and of the
 * store.
 */
#include "gpgsm_command.h"

#include "client.h"
#include "gpgsm_list.h"
#include "gpgsm_state.h"
#include "import_request.h"
#include "store.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

/* Of one certificate's lines. */
#define ROW_MAX (256 * 1024)

struct lines {
	bool with_secret;
	bool with_validation;
	bool to_output; /* OUTPUT rather than data lines */
	X509 *issuer;	/* for gpgsm_list_fill */
};

static int send_lines(void *context, const struct list_row *listed)
{
	struct lines *lines = context;
	CLEAN_BUF struct buf text = BUF_INIT(ROW_MAX);
	struct gpgsm_row row;
	int rc;

	gpgsm_list_fill(listed, lines->with_validation, &lines->issuer, &row);
	rc = gpgsm_list_row(&text, &row, lines->with_secret);
	/* One that is too long for a line of a list costs nobody the others. */
	if (rc)
		return rc == ERR_TOO_LARGE ? 0 : rc;
	return lines->to_output ? output_write(&client.out, text.data, text.length)
				: client_send_data(text.data, text.length);
}

static int send_list(char *line, bool secret_only)
{
	static struct gpgsm_names names;
	struct lines lines = {.with_secret = gpgsm_state.with_secret || secret_only,
			      .with_validation = gpgsm_state.with_validation,
			      .to_output = gpgsm_state.to_output};
	struct list_request request;
	int rc = gpgsm_words_list(line, &names, &request);

	request.secret_only = secret_only;
	/* Mode 2: only what a directory of certificates has, and there is none. */
	if (rc || gpgsm_state.list_mode == 2)
		return rc;
	if (lines.to_output && client.output < 0)
		return ERR_USAGE;
	output_init(&client.out, client.output);
	rc = list_request_run(&request, send_lines, &lines);
	X509_free(lines.issuer);
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
static int write_cert(void *context, const struct list_row *row)
{
	const struct armor armor = {gpgsm_state.output, "CERTIFICATE"};
	struct export *export = context;
	unsigned char *der = NULL;
	int length, rc;

	if (export->count++ && gpgsm_state.output == ARMOR_NONE)
		return 0;
	length = i2d_X509(row->cert, &der);
	rc = length > 0 ? output_begin_armor(&client.out, &armor) : ERR_INTERNAL;
	rc = rc ? rc : output_write(&client.out, der, (size_t)length);
	rc = rc ? rc : output_end_armor(&client.out, &armor);
	OPENSSL_free(der);
	return rc;
}

int gpgsm_export(char *line)
{
	static struct gpgsm_names names;
	struct list_request request;
	struct export export = {0};
	int rc = gpgsm_words_have(line, "--secret") ? ERR_NOT_SUPPORTED : gpgsm_words_list(line, &names, &request);

	if (rc)
		return rc;
	if (client.output < 0)
		return ERR_USAGE;
	output_init(&client.out, client.output);
	rc = list_request_run(&request, write_cert, &export);
	return rc ? rc : output_flush(&client.out);
}

/* gpgsm's counts of an import. */
struct import {
	unsigned int considered, imported, unchanged, failed;
};

static int tell_outcome(void *context, const X509 *cert, enum import_outcome outcome)
{
	struct import *import = context;
	char sha1[CERT_SHA1_SIZE], text[64];
	int rc = cert_sha1(cert, sha1);

	import->considered++;
	import->imported += outcome == IMPORT_KEPT;
	import->unchanged += outcome == IMPORT_KNOWN;
	import->failed += outcome == IMPORT_REFUSED;
	snprintf(text, sizeof text, "%d %s", outcome == IMPORT_KEPT, sha1);
	return rc ? rc : client_send_status(outcome == IMPORT_REFUSED ? "IMPORT_PROBLEM" : "IMPORT_OK", text);
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
	struct view line;
	int rc = 0;

	while (!rc && view_line(&lines, &line)) {
		CLEAN_STORED struct stored *known = NULL;

		if (line.length != CERT_SHA1_SIZE - 1)
			continue;
		import->considered++;
		rc = store_find(STORE_FINGERPRINT, line, &known);
		*(known ? &import->unchanged : &import->failed) += 1;
	}
	return rc;
}

static int import_again(struct import *import)
{
	CLEAN_BUF struct buf bytes = BUF_INIT(IMPORT_MAX);
	int rc = import_read(&client.in, &bytes);

	return rc ? rc : count_known(buf_view(&bytes), import);
}

int gpgsm_import(char *line)
{
	struct import import = {0};
	/* GPGME has no way to give a password. */
	const struct import_request request = {
		.input = &client.in, .ask_known = true, .outcome = tell_outcome, .context = &import};
	struct import_count count = {0};
	int rc, told;

	if (client.input < 0)
		return ERR_USAGE;
	input_init(&client.in, client.input);
	rc = gpgsm_words_have(line, "--re-import") ? import_again(&import) : import_request_run(&request, &count);
	import.failed += count.damaged;
	told = tell_import(&import, count.keys);
	return rc ? rc : told;
}

struct removal {
	char fingerprint[CERT_FINGERPRINT_SIZE]; /* of the one that fits */
	unsigned int fitting;
};

static int consider_removal(void *context, const struct list_row *row)
{
	struct removal *removal = context;

	removal->fitting++;
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
	static struct gpgsm_names names;
	struct list_request request;
	int rc = gpgsm_words_list(line, &names, &request);

	if (!rc && !names.count)
		return ERR_USAGE;
	for (request.count = 1; !rc && request.names < names.list + names.count; request.names++) {
		struct removal removal = {0};

		rc = list_request_run(&request, consider_removal, &removal);
		if (!rc && removal.fitting == 1) {
			rc = store_remove(removal.fingerprint);
			rc = rc == ERR_NO_CERTIFICATE ? refuse_removal(&removal) : rc;
		} else if (!rc) {
			rc = refuse_removal(&removal);
		}
	}
	return rc;
}
