/* SPDX-License-Identifier: ISC
 *
 * Parses what a client said, as gpgsm does: most options are taken, and few mean anything here.
 */
#include "gpgsm_words.h"

#include "words.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* "NAME=VALUE" of the environment that a pinentry would have; others are passed over. */
static void take_environment(const char *value, struct gpgsm_terminal *ret_terminal)
{
	static const struct {
		const char *variable, *option;
	} table[] = {{"DISPLAY=", "display"},
		     {"WAYLAND_DISPLAY=", "wayland-display"},
		     {"XAUTHORITY=", "xauthority"},
		     {"DBUS_SESSION_BUS_ADDRESS=", "session-bus"},
		     {"GPG_TTY=", "ttyname"},
		     {"TERM=", "ttytype"}};

	for (size_t i = 0; i < COUNT(table); i++) {
		size_t length = strlen(table[i].variable);

		if (!strncmp(value, table[i].variable, length))
			*ret_terminal = (struct gpgsm_terminal){table[i].option, value + length};
	}
}

/* gpgsm's: -2 all but the root, -1 all, 0 none, 1 the signer's, 2 its issuer's too, and so on. A root is
 * never sent. */
static int take_certs(const char *value)
{
	long count = *value ? strtol(value, NULL, 10) : -2;

	return count < 0 ? SIGN_CERTS_CHAIN : !count ? SIGN_CERTS_NONE : count > 100 ? 100 : (int)count;
}

static int take_list_mode(const char *value, long *ret_mode)
{
	long mode = strtol(value, NULL, 10);

	if (mode < 0 || mode > 3)
		return ERR_USAGE;
	*ret_mode = mode;
	return 0;
}

static bool is_ignored(const char *name)
{
	static const char *const table[] = {
		"lc-messages",	     "pinentry-user-data",    "validation-model", "with-key-data",
		"enable-audit-log",  "with-ephemeral-keys",   "request-origin",	  "allow-pinentry-notify",
		"input-size-hint",   "no-protection",
	};

	for (size_t i = 0; i < COUNT(table); i++)
		if (!strcmp(name, table[i]))
			return true;
	return false;
}

int gpgsm_words_option(const char *name, const char *value, struct gpgsm_state *state, struct gpgsm_terminal *ret_terminal)
{
	const bool flag = !*value || strtol(value, NULL, 10);
	const struct word_flag flags[] = {
		{"with-secret", &state->with_secret, flag},   {"with-validation", &state->with_validation, flag},
		{"offline", &state->offline, flag},	      {"always-trust", &state->always_trust, flag},
		{"list-to-output", &state->to_output, flag}, {"no-encrypt-to", &state->not_to_self, flag},
	};

	*ret_terminal = (struct gpgsm_terminal){NULL, NULL};
	if (words_set_flag(flags, COUNT(flags), name))
		return 0;
	if (!strcmp(name, "list-mode"))
		return take_list_mode(value, &state->list_mode);
	if (!strcmp(name, "include-certs"))
		state->certs = take_certs(value);
	else if (!strcmp(name, "putenv"))
		take_environment(value, ret_terminal);
	else
		return is_ignored(name) ? 0 : ERR_NOT_SUPPORTED;
	return 0;
}

bool gpgsm_words_have(const char *line, const char *option)
{
	size_t length = strlen(option);

	for (const char *at = line; (at = strstr(at, option)); at += length)
		if ((at == line || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

enum armor_form gpgsm_words_form(const char *words)
{
	if (gpgsm_words_have(words, "--armor"))
		return ARMOR_PEM;
	return gpgsm_words_have(words, "--base64") ? ARMOR_BASE64 : ARMOR_NONE;
}

void gpgsm_words_sign(const char *line, const struct gpgsm_state *state, struct sign_request *request)
{
	request->armor = (struct armor){state->output, "SIGNED MESSAGE"};
	request->options.detached = gpgsm_words_have(line, "--detached");
	request->options.certs = state->certs;
}

void gpgsm_words_encrypt(const struct gpgsm_state *state, struct encrypt_request *request)
{
	request->armor = (struct armor){state->output, "ENCRYPTED MESSAGE"};
	request->to_self = request->to_self && !state->not_to_self;
}

static int take_names(char *line, struct gpgsm_names *ret_names)
{
	bool options = true;
	char *word;
	int rc = 0;

	ret_names->count = 0;
	while (!rc && (word = words_next(&line))) {
		if (options && !strncmp(word, "--", 2)) {
			options = word[2];
			continue;
		}
		options = false;
		if (ret_names->count == GPGSM_NAMES_MAX)
			return ERR_TOO_LARGE;
		gpgsm_unescape(word);
		rc = gpgsm_name_parse(word, &ret_names->list[ret_names->count]);
		ret_names->count += !rc;
	}
	return rc;
}

int gpgsm_words_list(char *line, struct gpgsm_names *ret_names, struct list_request *ret_request)
{
	int rc = take_names(line, ret_names);

	*ret_request = (struct list_request){
		.own = true, .stored = true, .names = ret_names->list, .count = ret_names->count};
	return rc;
}
