/* SPDX-License-Identifier: ISC
 *
 * Parses what a client said. It decides nothing.
 */
#include "command_words.h"

#include "capabilities.h"
#include "time_text.h"
#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Shorter starts of a fingerprint are no names. */
#define FINGERPRINT_START_MIN 6

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What stands behind the option's name and "="; NULL for another word. */
static const char *option_value(const char *word, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(word, name, length) && word[length] == '=' ? word + length + 1 : NULL;
}

/* What SIGN and ENCRYPT have in common. */
static int take_sign_word(const char *word, struct sign_options *options)
{
	const struct word_flag flags[] = {{"--pss", &options->pss, true}, {"--no-gcm", &options->no_gcm, true}};
	const char *digest = option_value(word, "--digest");

	if (digest)
		options->digest = digest;
	return digest || words_set_flag(flags, COUNT(flags), word) ? 0 : ERR_USAGE;
}

int command_words_sign(char *line, struct sign_request *request)
{
	const struct word_flag flags[] = {
		{"--detached", &request->options.detached, true},
		{"--mail", &request->mail, true},
		{"--crlf", &request->crlf, true},
	};
	char *word;
	int rc = 0;

	while (!rc && (word = words_next(&line))) {
		if (!strcmp(word, "--pem"))
			request->armor = (struct armor){ARMOR_PEM, "CMS"};
		else if (!words_set_flag(flags, COUNT(flags), word))
			rc = take_sign_word(word, &request->options);
	}
	return rc;
}

static bool take_armor(const char *word, struct armor *armor)
{
	static const struct {
		const char *word;
		struct armor armor;
	} armors[] = {
		{"--pem", {ARMOR_PEM, "CMS"}},
		{"--armor", {ARMOR_PEM, "ENCRYPTED MESSAGE"}},
		{"--base64", {ARMOR_BASE64, NULL}},
	};

	for (size_t i = 0; i < COUNT(armors); i++)
		if (!strcmp(armors[i].word, word)) {
			*armor = armors[i].armor;
			return true;
		}
	return false;
}

static int take_encrypt_word(const char *word, struct encrypt_request *request)
{
	const struct word_flag flags[] = {
		{"--mail", &request->mail, true},
		{"--crlf", &request->crlf, true},
		{"--sign", &request->sign, true},
		{"--opaque", &request->opaque, true},
		{"--oaep", &request->oaep, true},
		{"--self", &request->to_self, true},
		{"--no-self", &request->to_self, false},
		{"--skip-missing", &request->skip_missing, true},
		{"--separate-bcc", &request->separate_bcc, true},
		{"--hide-subject", &request->hide_subject, true},
	};
	const char *cipher = option_value(word, "--cipher");

	if (words_set_flag(flags, COUNT(flags), word) || take_armor(word, &request->armor))
		return 0;
	if (!cipher)
		return take_sign_word(word, &request->sign_options);
	request->cipher = capabilities_cipher_by_name(cipher);
	return request->cipher == NID_undef ? ERR_NOT_SUPPORTED : 0;
}

int command_words_encrypt(char *line, struct encrypt_request *request)
{
	char *word;
	int rc = 0;

	while (!rc && (word = words_next(&line)))
		rc = take_encrypt_word(word, request);
	return rc;
}

/* The name is the rest of the line: labels have blanks. */
int command_words_decrypt(char *line, struct decrypt_request *request)
{
	static const char option[] = "--mail";
	const size_t length = sizeof option - 1;

	if (!strncmp(line, option, length) && (!line[length] || line[length] == ' ')) {
		request->mail = true;
		line += length;
	}
	line += strspn(line, " ");
	if (*line)
		request->name = line;
	return 0;
}

int command_words_verify(char *line, struct verify_words *words)
{
	const struct word_flag flags[] = {
		{"--mail", &words->request.mail, true},
		{"--report", &words->text, true},
		{"--json", &words->json, true},
		{"--crl-check", &words->request.trust.crl_check, true},
	};
	char *word;
	int rc = 0;

	while (!rc && (word = words_next(&line))) {
		const char *at = option_value(word, "--at");

		if (at)
			rc = time_text_parse(at, &words->request.at);
		else if (!words_set_flag(flags, COUNT(flags), word))
			rc = ERR_USAGE;
	}
	return rc || !words->text || !words->json ? rc : ERR_USAGE;
}

/* The digits of a fingerprint's start, with or without colons between them; false for anything else. */
static bool take_digits(const char *text, struct cert_name *name)
{
	size_t count = 0;

	for (; *text; text++)
		if (isxdigit((unsigned char)*text))
			name->text[count++] = *text;
		else if (*text != ':')
			return false;
	name->text[count] = 0;
	return count >= FINGERPRINT_START_MIN;
}

static int take_name(const char *text, struct cert_name *name)
{
	if (strlen(text) >= sizeof name->text)
		return ERR_TOO_LARGE;
	*name->serial = 0;
	if (take_digits(text, name)) {
		name->kind = CERT_NAME_START;
		return 0;
	}
	name->kind = strchr(text, '@') ? CERT_NAME_ADDRESS : CERT_NAME_PART;
	strcpy(name->text, text);
	return 0;
}

static int take_verb(const char *word, struct certs_words *words)
{
	static const char *const verbs[] = {
		[CERTS_LIST] = "LIST",	   [CERTS_SHOW] = "SHOW",     [CERTS_EXPIRING] = "EXPIRING",
		[CERTS_IMPORT] = "IMPORT", [CERTS_EXPORT] = "EXPORT", [CERTS_REMOVE] = "REMOVE",
		[CERTS_EXTRACT] = "EXTRACT", [CERTS_ADDRESSES] = "ADDRESSES"};

	for (size_t i = 0; word && i < COUNT(verbs); i++)
		if (!strcmp(verbs[i], word)) {
			words->verb = (enum certs_verb)i;
			return 0;
		}
	return ERR_USAGE;
}

static int take_certs_option(const char *word, struct certs_words *words)
{
	const struct word_flag flags[] = {
		{"--json", &words->json, true},
		{"--all", &words->all, true},
		{"--signers", &words->signers, true},
		{"--addresses", &words->addresses, true},
	};
	static const char *const formats[] = {
		[CERTS_PEM] = "--pem", [CERTS_DER] = "--der", [CERTS_P7] = "--p7"};

	if (words_set_flag(flags, COUNT(flags), word))
		return 0;
	for (size_t i = 0; i < COUNT(formats); i++)
		if (!strcmp(formats[i], word)) {
			words->format = (enum certs_format)i;
			return 0;
		}
	return ERR_USAGE;
}

static bool is_named_right(const struct certs_words *words)
{
	switch (words->verb) {
	case CERTS_LIST:
		return true;
	case CERTS_SHOW:
	case CERTS_REMOVE:
		return words->named;
	case CERTS_EXPORT:
		return words->named || words->format == CERTS_PEM;
	default:
		return !words->named;
	}
}

/* The name is the rest of the line: names have blanks. */
int command_words_certs(char *line, struct certs_words *words)
{
	int rc = take_verb(words_next(&line), words);

	while (!rc && *(line += strspn(line, " ")) == '-' && line[1] == '-')
		rc = take_certs_option(words_next(&line), words);
	if (!rc && *line) {
		words->named = true;
		rc = take_name(line, &words->name);
	}
	return rc || is_named_right(words) ? rc : ERR_USAGE;
}
