/* SPDX-License-Identifier: ISC
 *
 * gpgsm's commands. What they are told is a client's, and hostile.
 */
#include "gpgsm_command.h"

#include "client.h"
#include "cms_decrypt.h"
#include "cms_sign.h"
#include "gpgsm_list.h"
#include "message_command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* How much of a name goes back in a status line. */
#define NAME_SHOWN 200
/* Of one certificate's lines. */
#define ROW_MAX (256 * 1024)
/* Programs ask for it before they use what later versions have. */
#define GPGSM_VERSION "2.2.40"

enum encoding { BINARY, ARMOR, BASE64 };

static struct {
	enum encoding output;
	bool with_secret, with_validation, offline, always_trust, to_output;
	long list_mode;
	int certs; /* for sign_options */
} state;

unsigned int gpgsm_error(int rc)
{
	/* The others' codes are those that gpgsm has. */
	return rc == ERR_NO_KEY ? GPG_ERR_NO_SECKEY : (unsigned int)error_to_gpg(rc);
}

static int set_flag(bool *flag, const char *value)
{
	*flag = !*value || strtol(value, NULL, 10);
	return 0;
}

/* "NAME=VALUE" of the environment that a pinentry would have. */
static int put_environment(const char *value)
{
	static const struct {
		const char *variable, *option;
	} table[] = {{"DISPLAY=", "display"},
		     {"WAYLAND_DISPLAY=", "wayland-display"},
		     {"GPG_TTY=", "ttyname"},
		     {"TERM=", "ttytype"}};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		size_t length = strlen(table[i].variable);

		if (!strncmp(value, table[i].variable, length))
			client_set_terminal(table[i].option, value + length);
	}
	return 0;
}

/* gpgsm's: -2 all but the root, -1 all, 0 none, 1 the signer's, 2 its issuer's too, and so on. A root is
 * never sent. */
static int set_include_certs(const char *value)
{
	long count = *value ? strtol(value, NULL, 10) : -2;

	state.certs = count < 0 ? SIGN_CERTS_CHAIN : !count ? SIGN_CERTS_NONE : count > 100 ? 100 : (int)count;
	return 0;
}

static bool is_ignored(const char *name)
{
	static const char *const table[] = {
		"lc-messages",	     "xauthority",	      "pinentry-user-data", "validation-model",
		"with-key-data",     "enable-audit-log",      "with-ephemeral-keys", "no-encrypt-to",
		"request-origin",    "allow-pinentry-notify", "input-size-hint",    "no-protection",
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (!strcmp(name, table[i]))
			return true;
	return false;
}

int gpgsm_option(const char *name, const char *value)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {{"with-secret", &state.with_secret}, {"with-validation", &state.with_validation},
		     {"offline", &state.offline},	  {"always-trust", &state.always_trust},
		     {"list-to-output", &state.to_output}};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (!strcmp(name, flags[i].name))
			return set_flag(flags[i].flag, value);
	if (!strcmp(name, "putenv"))
		return put_environment(value);
	if (!strcmp(name, "list-mode")) {
		state.list_mode = strtol(value, NULL, 10);
		return state.list_mode < 0 || state.list_mode > 3 ? ERR_USAGE : 0;
	}
	if (!strcmp(name, "include-certs")) {
		return set_include_certs(value);
	}
	return client_set_terminal(name, value) || is_ignored(name) ? 0 : ERR_NOT_SUPPORTED;
}

void gpgsm_encoding(const char *command, const char *words)
{
	if (strcmp(command, "OUTPUT"))
		return; /* what comes in shows what it is */
	state.output = strstr(words, "--armor") ? ARMOR : strstr(words, "--base64") ? BASE64 : BINARY;
}

void gpgsm_reset(void)
{
	state.output = BINARY;
	state.always_trust = false;
}

static int begin_output(const char *label)
{
	int rc = 0;

	if (state.output == ARMOR) {
		rc = output_text(&client.out, "-----BEGIN ");
		rc = rc ? rc : output_text(&client.out, label);
		rc = rc ? rc : output_text(&client.out, "-----\n");
	}
	if (state.output != BINARY)
		output_begin_base64(&client.out, "\n");
	return rc;
}

static int end_output(const char *label)
{
	int rc = state.output != BINARY ? output_end_base64(&client.out) : 0;

	if (state.output == ARMOR) {
		rc = rc ? rc : output_text(&client.out, "-----END ");
		rc = rc ? rc : output_text(&client.out, label);
		rc = rc ? rc : output_text(&client.out, "-----\n");
	}
	return rc ? rc : output_flush(&client.out);
}

/* GnuPG's INV_SGNR and INV_RECP: why a name is of no use. */
static const char *reason(int rc)
{
	switch (rc) {
	case ERR_NO_KEY:
		return "1";
	case ERR_AMBIGUOUS:
		return "2";
	case ERR_KEY_UNUSABLE:
		return "3";
	case ERR_CERT_EXPIRED:
		return "5";
	default:
		return "0";
	}
}

static int tell_invalid(const char *keyword, int rc, const char *name)
{
	char text[NAME_SHOWN + 8];

	snprintf(text, sizeof text, "%s %.*s", reason(rc), NAME_SHOWN, name);
	return client_send_status(keyword, text);
}

/* The fingerprint of the one certificate on a token that fits; "" for none. */
static int find_key(const struct gpgsm_name *name, const struct key *list, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	int rc = 0;

	for (const struct key *key = list; key; key = key->next) {
		if (!gpgsm_has_secret(key) || !(key->uses & CERT_USE_SIGN) || !gpgsm_name_fits(name, key->cert))
			continue;
		if (*fingerprint && strcmp(fingerprint, key->fingerprint))
			rc = ERR_AMBIGUOUS;
		strcpy(fingerprint, key->fingerprint);
	}
	return rc;
}

/* gpgsm's way to name it, then the agent's own. */
static int resolve_signer(const char *line, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	struct gpgsm_name name;
	struct key *key;
	int rc = gpgsm_name_parse(line, &name);

	*fingerprint = 0;
	if (!rc && name.kind != GPGSM_PART) {
		rc = find_key(&name, keys_first(), fingerprint);
		rc = rc || *fingerprint ? rc : find_key(&name, keys_absent(), fingerprint);
	}
	if (rc)
		return rc;
	rc = keys_select(*fingerprint ? fingerprint : line, CERT_USE_SIGN, &key);
	if (rc == ERR_NO_KEY && name.kind == GPGSM_PART) {
		rc = find_key(&name, keys_first(), fingerprint);
		rc = rc ? rc : *fingerprint ? keys_select(fingerprint, CERT_USE_SIGN, &key) : ERR_NO_KEY;
	}
	if (!rc)
		strcpy(fingerprint, key->fingerprint);
	return rc;
}

int gpgsm_signer(char *line)
{
	char fingerprint[CERT_FINGERPRINT_SIZE] = "";
	int rc = keys_refresh(LIST_KNOWN), told;

	rc = rc ? rc : resolve_signer(line, fingerprint);
	if (rc == ERR_NO_KEY) {
		rc = keys_refresh(LIST_PATIENT); /* perhaps it is new */
		rc = rc ? rc : resolve_signer(line, fingerprint);
	}
	/* Signatures are one person's. */
	if (!rc && *client.signer && strcmp(client.signer, fingerprint))
		rc = ERR_NOT_SUPPORTED;
	if (!rc) {
		strcpy(client.signer, fingerprint);
		return 0;
	}
	told = tell_invalid("INV_SGNR", rc, line);
	told = told ? told : tell_invalid("INV_RECP", rc, line); /* as gpgsm does, for older clients */
	return told ? told : rc;
}

static int tell_signed(const struct key *key, const struct sign_options *options)
{
	char text[128], sha1[GPGSM_HEX_SIZE], when[32];
	time_t now = time(NULL);
	struct tm tm;
	const EVP_MD *md;
	int rc = cms_sign_digest(key, options, &md);
	int hash;

	rc = rc ? rc : cert_sha1(key->cert, sha1);
	if (rc)
		return rc;
	hash = EVP_MD_is_a(md, "SHA2-512") ? 10 : EVP_MD_is_a(md, "SHA2-384") ? 9 : 8;
	gmtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y%m%dT%H%M%S", &tm);
	snprintf(text, sizeof text, "%c %d %d 00 %s %s", options->detached ? 'D' : 'S',
		 gpgsm_key_algorithm(key->cert), hash, when, sha1);
	return client_send_status("SIG_CREATED", text);
}

int gpgsm_sign(char *line)
{
	static const char label[] = "SIGNED MESSAGE";
	struct sign_options options = {.detached = strstr(line, "--detached"), .certs = state.certs};
	struct key *key;
	int rc = client_open_streams();

	rc = rc ? rc : message_find_signer(NULL, &key);
	rc = rc ? rc : begin_output(label);
	rc = rc ? rc : cms_sign(&client.in, &client.out, key, &options);
	rc = rc ? rc : end_output(label);
	return rc ? rc : tell_signed(key, &options);
}

static int write_out(void *context, const void *data, size_t length)
{
	return output_write(context, data, length);
}

/* PEM, or what mail programs may leave as it stands in a mail: base64. */
static int begin_cms(struct input *input)
{
	struct view start;
	int rc = input_enter_pem(input);

	if (rc || input->state.encoding != INPUT_PLAIN)
		return rc;
	rc = input_peek(input, 1, &start);
	if (!rc && start.length && *start.data == 'M') /* a SEQUENCE's first six bits */
		input_decode_base64(input);
	return rc;
}

int gpgsm_decrypt(char *line)
{
	int rc = client_open_streams(), told;

	(void)line;
	if (rc)
		return rc;
	rc = begin_cms(&client.in);
	rc = rc ? rc : cms_decrypt(&client.in, NULL, write_out, &client.out);
	rc = rc ? rc : output_flush(&client.out);
	told = client_send_status(rc ? "DECRYPTION_FAILED" : "DECRYPTION_OKAY", NULL);
	return rc ? rc : told;
}

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
				  .with_validation = state.with_validation};
	struct lines lines = {.with_secret = state.with_secret || secret_only, .to_output = state.to_output};
	int rc = parse_names(line, names, &list.count);

	/* Mode 2: only what a directory of certificates has, and there is none. */
	if (rc || state.list_mode == 2)
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

	if (export->count++ && state.output == BINARY)
		return 0;
	length = i2d_X509(row->cert, &der);
	rc = length > 0 ? begin_output(label) : ERR_INTERNAL;
	rc = rc ? rc : output_write(&client.out, der, (size_t)length);
	rc = rc ? rc : end_output(label);
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

int gpgsm_getinfo(char *line)
{
	char number[32];

	if (!strcmp(line, "version"))
		return client_send_data(GPGSM_VERSION, strlen(GPGSM_VERSION));
	if (!strcmp(line, "pid")) {
		snprintf(number, sizeof number, "%d", getpid());
		return client_send_data(number, strlen(number));
	}
	if (!strcmp(line, "agent-check") || !strcmp(line, "cmd_has_option IMPORT re-import") ||
	    (!strcmp(line, "offline") && state.offline) || (!strcmp(line, "always-trust") && state.always_trust))
		return 0;
	return ERR_USAGE;
}

int gpgsm_getauditlog(char *line)
{
	(void)line;
	return ERR_NOT_MAIL; /* "no data" in gpgsm's words */
}

int gpgsm_unsupported(char *line)
{
	(void)line;
	return ERR_NOT_SUPPORTED;
}
