/* SPDX-License-Identifier: ISC
 *
 * gpgsm's commands. What they are told is a client's, and hostile.
 */
#include "gpgsm_command.h"

#include "client.h"
#include "cms_decrypt.h"
#include "cms_sign.h"
#include "encrypt_command.h"
#include "gpgsm_list.h"
#include "gpgsm_state.h"
#include "message_command.h"
#include "preferences.h"
#include "verify_command.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* How much of a name goes back in a status line. */
#define NAME_SHOWN 200
/* Programs ask for it before they use what later versions have. */
#define GPGSM_VERSION "2.2.40"

struct gpgsm_state gpgsm_state;

unsigned int gpgsm_error(int rc)
{
	switch (rc) {
	case ERR_NO_KEY:
		return GPG_ERR_NO_SECKEY;
	case ERR_NO_CERTIFICATE:
		return GPG_ERR_NO_PUBKEY;
	case ERR_AMBIGUOUS_CERTIFICATE:
		return GPG_ERR_AMBIGUOUS_NAME;
	default:
		return (unsigned int)error_to_gpg(rc); /* as gpgsm has them */
	}
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
		     {"XAUTHORITY=", "xauthority"},
		     {"DBUS_SESSION_BUS_ADDRESS=", "session-bus"},
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

	gpgsm_state.certs = count < 0 ? SIGN_CERTS_CHAIN : !count ? SIGN_CERTS_NONE : count > 100 ? 100 : (int)count;
	return 0;
}

static bool is_ignored(const char *name)
{
	static const char *const table[] = {
		"lc-messages",	     "pinentry-user-data",    "validation-model", "with-key-data",
		"enable-audit-log",  "with-ephemeral-keys",   "request-origin",	  "allow-pinentry-notify",
		"input-size-hint",   "no-protection",
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
	} flags[] = {{"with-secret", &gpgsm_state.with_secret}, {"with-validation", &gpgsm_state.with_validation},
		     {"offline", &gpgsm_state.offline},	  {"always-trust", &gpgsm_state.always_trust},
		     {"list-to-output", &gpgsm_state.to_output}, {"no-encrypt-to", &gpgsm_state.not_to_self}};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (!strcmp(name, flags[i].name))
			return set_flag(flags[i].flag, value);
	if (!strcmp(name, "putenv"))
		return put_environment(value);
	if (!strcmp(name, "list-mode")) {
		gpgsm_state.list_mode = strtol(value, NULL, 10);
		return gpgsm_state.list_mode < 0 || gpgsm_state.list_mode > 3 ? ERR_USAGE : 0;
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
	gpgsm_state.output = strstr(words, "--armor") ? GPGSM_ARMOR : strstr(words, "--base64") ? GPGSM_BASE64 : GPGSM_BINARY;
}

void gpgsm_reset(void)
{
	gpgsm_state.output = GPGSM_BINARY;
	gpgsm_state.always_trust = gpgsm_state.not_to_self = false;
}

int gpgsm_begin_output(const char *label)
{
	int rc = 0;

	if (gpgsm_state.output == GPGSM_ARMOR) {
		rc = output_text(&client.out, "-----BEGIN ");
		rc = rc ? rc : output_text(&client.out, label);
		rc = rc ? rc : output_text(&client.out, "-----\n");
	}
	if (gpgsm_state.output != GPGSM_BINARY)
		output_begin_base64(&client.out, "\n");
	return rc;
}

int gpgsm_end_output(const char *label)
{
	int rc = gpgsm_state.output != GPGSM_BINARY ? output_end_base64(&client.out) : 0;

	if (gpgsm_state.output == GPGSM_ARMOR) {
		rc = rc ? rc : output_text(&client.out, "-----END ");
		rc = rc ? rc : output_text(&client.out, label);
		rc = rc ? rc : output_text(&client.out, "-----\n");
	}
	return rc ? rc : output_flush(&client.out);
}

/* GnuPG's INV_SGNR and INV_RECP: why a name is of no use. */
static unsigned int reason(int rc)
{
	switch (rc) {
	case ERR_NO_KEY:
		return 1;
	case ERR_AMBIGUOUS:
		return 2;
	case ERR_KEY_UNUSABLE:
		return 3;
	case ERR_CERT_EXPIRED:
		return 5;
	default:
		return 0;
	}
}

static int tell_invalid(const char *keyword, unsigned int number, const char *name)
{
	char text[NAME_SHOWN + 16];

	snprintf(text, sizeof text, "%u %.*s", number, NAME_SHOWN, name);
	return client_send_status(keyword, text);
}

/* The fingerprint of the one certificate on a token that fits; "" for none. One that is not valid today is taken
 * where there is no other. */
static int find_key(const struct gpgsm_name *name, const struct key *list, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	bool found_valid = false;
	int rc = 0;

	for (const struct key *key = list; key; key = key->next) {
		bool valid = !cert_check_dates(key->cert);

		if (!gpgsm_has_secret(key) || !(key->uses & CERT_USE_SIGN) || (*fingerprint && !valid) ||
		    !gpgsm_name_fits(name, key->cert))
			continue;
		if (found_valid && strcmp(fingerprint, key->fingerprint))
			rc = ERR_AMBIGUOUS;
		strcpy(fingerprint, key->fingerprint);
		found_valid = valid;
	}
	return rc;
}

/* On the tokens that are there, else on those that went. */
static int find_signer(const struct gpgsm_name *name, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	int rc = find_key(name, keys_first(), fingerprint);

	return rc || *fingerprint ? rc : find_key(name, keys_absent(), fingerprint);
}

/* gpgsm's way to name it, then the agent's own. */
static int resolve_signer(const char *line, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	struct gpgsm_name name;
	struct key *key;
	int rc = gpgsm_name_parse(line, &name);

	*fingerprint = 0;
	if (!rc && name.kind != GPGSM_PART)
		rc = find_signer(&name, fingerprint);
	if (rc)
		return rc;
	rc = keys_select(*fingerprint ? fingerprint : line, CERT_USE_SIGN, &key);
	if (rc == ERR_NO_KEY && name.kind == GPGSM_PART) {
		rc = find_signer(&name, fingerprint);
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
	told = tell_invalid("INV_SGNR", reason(rc), line);
	told = told ? told : tell_invalid("INV_RECP", reason(rc), line); /* as gpgsm does, for older clients */
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
	struct sign_options options = {.detached = strstr(line, "--detached"), .certs = gpgsm_state.certs,
				       .no_gcm = preferences_get()->no_gcm};
	struct key *key;
	int rc = client_open_streams();

	rc = rc ? rc : message_find_signer(NULL, &key);
	rc = rc ? rc : gpgsm_begin_output(label);
	rc = rc ? rc : cms_sign(&client.in, &client.out, key, &options);
	rc = rc ? rc : gpgsm_end_output(label);
	return rc ? rc : tell_signed(key, &options);
}

/* GnuPG's key ID of what it was encrypted to; the other recipients are not told. */
static int tell_recipient(const struct key *key)
{
	char sha1[GPGSM_HEX_SIZE], text[64];
	int rc = key ? cert_sha1(key->cert, sha1) : ERR_NO_KEY;

	if (rc)
		return 0;
	snprintf(text, sizeof text, "%s 0 0", sha1 + 24);
	return client_send_status("ENC_TO", text);
}

static int decrypt(void)
{
	static uint8_t chunk[INPUT_CHUNK];
	struct cms_decryption *work = NULL;
	size_t got = 1;
	int rc = input_enter_armor(&client.in);

	rc = rc ? rc : cms_decrypt_begin(&client.in, NULL, &work);
	rc = rc ? rc : tell_recipient(cms_decrypt_key(work));
	while (!rc && got) {
		rc = cms_decrypt_read(work, chunk, sizeof chunk, &got);
		rc = rc ? rc : output_write(&client.out, chunk, got);
	}
	cms_decrypt_free(work);
	OPENSSL_cleanse(chunk, sizeof chunk);
	return rc ? rc : output_flush(&client.out);
}

int gpgsm_decrypt(char *line)
{
	int rc = client_open_streams(), told;

	(void)line;
	if (rc)
		return rc;
	rc = decrypt();
	told = client_send_status(rc ? "DECRYPTION_FAILED" : "DECRYPTION_OKAY", NULL);
	return rc ? rc : told;
}

/* What is bad or doubtful about a signature is told in its lines, and is no error of the command. */
int gpgsm_verify(char *line)
{
	int rc;

	*line = 0;
	rc = command_verify(line);
	if (verify_told() && (rc == ERR_BAD_SIGNATURE || rc == ERR_CANNOT_VERIFY || rc == ERR_SIGNATURE_BUT))
		return 0;
	return rc;
}

/* GnuPG's ways to name a certificate, in a way that recipients_add knows: a fingerprint, or the name as it is. */
static int resolve_recipient(char *line, char fingerprint[CERT_FINGERPRINT_SIZE], const char **ret_name)
{
	struct gpgsm_name name;
	int rc = gpgsm_name_parse(line, &name);

	*ret_name = line;
	if (rc || name.kind == GPGSM_PART)
		return rc;
	if (name.kind == GPGSM_ADDRESS) {
		size_t length = strlen(name.text);

		memcpy(line, name.text, length + 1); /* it was in the line */
		return 0;
	}
	rc = gpgsm_list_one(&name, CERT_USE_DECRYPT, fingerprint);
	*ret_name = rc == ERR_NO_CERTIFICATE ? line : fingerprint;
	return rc == ERR_NO_CERTIFICATE ? 0 : rc;
}

int gpgsm_recipient(char *line)
{
	char fingerprint[CERT_FINGERPRINT_SIZE] = "";
	const struct recipient *recipient = NULL;
	const char *name = line;
	int rc = resolve_recipient(line, fingerprint, &name), told;

	rc = rc ? rc : encrypt_add_recipient(name, &recipient);
	if (rc || !recipient->problem)
		return rc;
	told = tell_invalid("INV_RECP", recipient_inv_recp(recipient->problem), line);
	client_set_detail(recipient_reason(recipient->problem));
	return told ? told : recipient->problem == RECIPIENT_NONE ? ERR_NO_CERTIFICATE : ERR_RECIPIENT;
}

int gpgsm_encrypt(char *line)
{
	static const char *const armors[] = {"", " --armor", " --base64"};
	char options[64];
	int rc;

	(void)line;
	snprintf(options, sizeof options, "%s%s", gpgsm_state.not_to_self ? "--no-self" : "",
		 armors[gpgsm_state.output]);
	rc = command_encrypt(options);
	gpgsm_state.not_to_self = gpgsm_state.always_trust = false;
	return rc;
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
	    (!strcmp(line, "offline") && gpgsm_state.offline) || (!strcmp(line, "always-trust") && gpgsm_state.always_trust))
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
