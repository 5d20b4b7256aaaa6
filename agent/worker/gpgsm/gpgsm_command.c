/* SPDX-License-Identifier: ISC
 *
 * gpgsm's commands. What they are told is a client's, and hostile.
 */
#include "gpgsm_command.h"

#include "client.h"
#include "decrypt_request.h"
#include "detail.h"
#include "gpgsm_list.h"
#include "gpgsm_state.h"
#include "verify_request.h"
#include "verify_status.h"

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

int gpgsm_option(const char *name, const char *value)
{
	struct gpgsm_terminal terminal;
	int rc = gpgsm_words_option(name, value, &gpgsm_state, &terminal);

	if (terminal.name)
		client_set_terminal(terminal.name, terminal.value);
	return rc == ERR_NOT_SUPPORTED && client_set_terminal(name, value) ? 0 : rc;
}

void gpgsm_encoding(const char *command, const char *words)
{
	if (!strcmp(command, "OUTPUT")) /* what comes in shows what it is */
		gpgsm_state.output = gpgsm_words_form(words);
}

void gpgsm_reset(void)
{
	gpgsm_state.output = ARMOR_NONE;
	gpgsm_state.always_trust = gpgsm_state.not_to_self = false;
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
static int find_key(const struct cert_name *name, const struct key *list, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	bool found_valid = false;
	int rc = 0;

	for (const struct key *key = list; key; key = key->next) {
		bool valid = !cert_check_dates(key->cert);

		if (!list_row_is_secret(&(struct list_row){.key = key}) || !(key->uses & CERT_USE_SIGN) || (*fingerprint && !valid) ||
		    !cert_name_fits(name, key->cert))
			continue;
		if (found_valid && strcmp(fingerprint, key->fingerprint))
			rc = ERR_AMBIGUOUS;
		strcpy(fingerprint, key->fingerprint);
		found_valid = valid;
	}
	return rc;
}

/* On the tokens that are there, else on those that went. */
static int find_signer(const struct cert_name *name, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	int rc = find_key(name, keys_first(), fingerprint);

	return rc || *fingerprint ? rc : find_key(name, keys_absent(), fingerprint);
}

/* gpgsm's way to name it, then the agent's own. */
static int resolve_signer(const char *line, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	struct cert_name name;
	struct key *key;
	int rc = gpgsm_name_parse(line, &name);

	*fingerprint = 0;
	if (!rc && name.kind != CERT_NAME_PART)
		rc = find_signer(&name, fingerprint);
	if (rc)
		return rc;
	rc = keys_select(*fingerprint ? fingerprint : line, CERT_USE_SIGN, &key);
	if (rc == ERR_NO_KEY && name.kind == CERT_NAME_PART) {
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
	char text[128], sha1[CERT_SHA1_SIZE], when[TIME_TEXT_SIZE];
	const EVP_MD *md;
	int rc = cms_sign_digest(key, options, &md);
	int hash;

	rc = rc ? rc : cert_sha1(key->cert, sha1);
	if (rc)
		return rc;
	hash = EVP_MD_is_a(md, "SHA2-512") ? 10 : EVP_MD_is_a(md, "SHA2-384") ? 9 : 8;
	time_text(time(NULL), TIME_GNUPG, when);
	snprintf(text, sizeof text, "%c %d %d 00 %s %s", options->detached ? 'D' : 'S',
		 gpgsm_key_algorithm(key->cert), hash, when, sha1);
	return client_send_status("SIG_CREATED", text);
}

int gpgsm_sign(char *line)
{
	struct sign_request request;
	struct key *key;
	int rc;

	sign_request_init(&request);
	gpgsm_words_sign(line, &gpgsm_state, &request);
	rc = client_open_signing(&request);
	rc = rc ? rc : sign_request_run(&request, &key);
	return rc ? rc : tell_signed(key, &request.options);
}

/* GnuPG's key ID of what it was encrypted to; the other recipients are not told. */
static int tell_recipient(const struct key *key)
{
	char sha1[CERT_SHA1_SIZE], text[64];
	int rc = key ? cert_sha1(key->cert, sha1) : ERR_NO_KEY;

	if (rc)
		return 0;
	snprintf(text, sizeof text, "%s 0 0", sha1 + 24);
	return client_send_status("ENC_TO", text);
}

int gpgsm_decrypt(char *line)
{
	const struct decrypt_request request = {.input = &client.in, .output = &client.out, .opened = tell_recipient};
	int rc = client_open_streams(), told;

	(void)line;
	if (rc)
		return rc;
	rc = decrypt_request_run(&request);
	told = client_send_status(rc ? "DECRYPTION_FAILED" : "DECRYPTION_OKAY", NULL);
	return rc ? rc : told;
}

/* What is bad or doubtful about a signature is told in its lines, and is no error of the command. */
static int verification_result(const struct layer_list *layers)
{
	int rc = layers->error ? layers->error : layer_list_verdict(layers);
	bool told = rc == ERR_BAD_SIGNATURE || rc == ERR_CANNOT_VERIFY || rc == ERR_SIGNATURE_BUT;

	return told && verify_request_found(layers) ? 0 : rc;
}

int gpgsm_verify(char *line)
{
	struct verify_request request = {0};
	struct layer_list layers;
	int rc = client_open_verification(&request);

	(void)line;
	if (rc)
		return rc;
	layer_list_init(&layers);
	rc = verify_request_run(&request, &layers);
	if (!rc) {
		int told = verify_status_tell(&layers, client_send_status);

		rc = verification_result(&layers);
		rc = rc ? rc : told;
	}
	layer_list_done(&layers);
	return rc;
}

/* GnuPG's ways to name a certificate, in a way that recipients_add knows: a fingerprint, or the name as it is. */
static int resolve_recipient(char *line, char fingerprint[CERT_FINGERPRINT_SIZE], const char **ret_name)
{
	struct cert_name name;
	int rc = gpgsm_name_parse(line, &name);

	*ret_name = line;
	if (rc || name.kind == CERT_NAME_PART)
		return rc;
	if (name.kind == CERT_NAME_ADDRESS) {
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

	rc = rc ? rc : client_add_recipient(name, &recipient);
	if (rc || !recipient->problem)
		return rc;
	told = tell_invalid("INV_RECP", recipient_inv_recp(recipient->problem), line);
	detail_set(recipient_reason(recipient->problem));
	return told ? told : recipient->problem == RECIPIENT_NONE ? ERR_NO_CERTIFICATE : ERR_RECIPIENT;
}

int gpgsm_encrypt(char *line)
{
	struct encrypt_request request;
	int rc;

	(void)line;
	encrypt_request_init(&request);
	gpgsm_words_encrypt(&gpgsm_state, &request);
	rc = client_open_encryption(&request);
	rc = rc ? rc : encrypt_request_run(&request);
	client_forget_recipients();
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
