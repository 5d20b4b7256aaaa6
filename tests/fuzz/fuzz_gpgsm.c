/* SPDX-License-Identifier: ISC
 *
 * The words of gpgsm's dialect: lines, as its clients send them, which change one state. They come to settings, a request or an
 * error.
 */
#include "fuzz.h"
#include "gpgsm_words.h"

#include <string.h>

static void require_state(const struct gpgsm_state *state)
{
	require(state->output <= ARMOR_BASE64 && state->list_mode >= 0 && state->list_mode <= 3);
	require(state->certs >= SIGN_CERTS_NONE && state->certs <= 100);
}

/* "NAME=VALUE" or "NAME". */
static void set_option(char *text, struct gpgsm_state *state)
{
	char *equals = strchr(text, '='), *end = text + strlen(text);
	struct gpgsm_terminal terminal;
	struct gpgsm_state before;
	int rc;

	memcpy(&before, state, sizeof before);
	if (equals)
		*equals = 0;
	rc = gpgsm_words_option(text, equals ? equals + 1 : end, state, &terminal);
	require(!rc || rc == ERR_NOT_SUPPORTED || rc == ERR_USAGE);
	require(!rc || !memcmp(&before, state, sizeof before)); /* what is refused changes nothing */
	require(!terminal.name == !terminal.value);
	require(!terminal.value || (terminal.value > text && terminal.value <= end));
}

static void make_sign_request(const char *line, const struct gpgsm_state *state)
{
	struct sign_request request;

	sign_request_init(&request);
	gpgsm_words_sign(line, state, &request);
	require(request.armor.form == state->output && request.options.certs == state->certs && !request.mail && !request.crlf);
	require(!request.options.detached || strstr(line, "--detached"));
}

static void make_encrypt_request(const struct gpgsm_state *state)
{
	struct encrypt_request request;

	encrypt_request_init(&request);
	gpgsm_words_encrypt(state, &request);
	require(request.armor.form == state->output && !request.mail && !request.sign);
	require(!request.to_self || !state->not_to_self);
}

static void make_list_request(char *line)
{
	static struct gpgsm_names names;
	struct list_request request;
	int rc = gpgsm_words_list(line, &names, &request);

	require(!rc || rc == ERR_USAGE || rc == ERR_TOO_LARGE);
	require(names.count <= GPGSM_NAMES_MAX && request.count == names.count && request.names == names.list);
	for (unsigned int i = 0; i < names.count; i++) {
		const struct cert_name *name = &names.list[i];

		require(name->kind > CERT_NAME_START && name->kind <= CERT_NAME_PART);
		require(memchr(name->text, 0, sizeof name->text) && memchr(name->serial, 0, sizeof name->serial));
	}
}

/* What stands behind a command; NULL for another one. */
static char *arguments(char *line, const char *command)
{
	size_t length = strlen(command);

	return strncmp(line, command, length) ? NULL : line + length;
}

static void take_line(char *line, struct gpgsm_state *state)
{
	char *rest;

	if ((rest = arguments(line, "OPTION ")))
		set_option(rest, state);
	else if ((rest = arguments(line, "OUTPUT FD")))
		state->output = gpgsm_words_form(rest);
	else if ((rest = arguments(line, "SIGN")))
		make_sign_request(rest, state);
	else if (arguments(line, "ENCRYPT"))
		make_encrypt_request(state);
	else if ((rest = arguments(line, "LIST")))
		make_list_request(rest);
	require_state(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = {data, size}, text;
	struct gpgsm_state state;

	memset(&state, 0, sizeof state); /* compared whole */
	while (view_line(&rest, &text)) {
		CLEAN_FREE char *line = strndup((const char *)text.data, text.length);

		require(line);
		take_line(line, &state);
	}
	return 0;
}
