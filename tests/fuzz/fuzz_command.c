/* SPDX-License-Identifier: ISC
 *
 * The words of the agent's own commands: lines, each a command and its arguments. They come to a request or to an error, and
 * what a request points to is in the line.
 */
#include "command_words.h"
#include "fuzz.h"

#include <string.h>

/* Of the line that is parsed. */
static const char *first, *end;

static void require_in_line(const char *text)
{
	require(!text || (text >= first && text <= end));
}

static void require_armor(const struct armor *armor)
{
	require(armor->form <= ARMOR_BASE64 && (armor->form == ARMOR_PEM) == (armor->label != NULL));
}

static int parse_sign_line(char *line)
{
	struct sign_request request, empty;
	int rc;

	sign_request_init(&request);
	empty = request;
	rc = command_words_sign(line, &request);
	require_in_line(request.options.digest);
	require_armor(&request.armor);
	require(request.input == empty.input && request.signer == empty.signer && request.options.certs == empty.options.certs);
	return rc;
}

static int parse_encrypt_line(char *line)
{
	struct encrypt_request request;
	int rc;

	encrypt_request_init(&request);
	rc = command_words_encrypt(line, &request);
	require_in_line(request.sign_options.digest);
	require_armor(&request.armor);
	require(!request.recipients && !request.signer && !request.sign_options.detached);
	require(rc || request.cipher == NID_undef || OBJ_nid2sn(request.cipher));
	return rc;
}

static int parse_decrypt_line(char *line)
{
	struct decrypt_request request = {0};
	int rc = command_words_decrypt(line, &request);

	require(!rc && !request.opened);
	require_in_line(request.name);
	require(!request.name || (*request.name && *request.name != ' '));
	return rc;
}

static int parse_verify_line(char *line)
{
	struct verify_words words = {.request = {.trust = {-1, -1, false}}};
	int rc = command_words_verify(line, &words);

	require(rc || (!(words.text && words.json) && words.request.at >= 0));
	require(words.request.trust.anchors == -1 && words.request.trust.crls == -1 && !words.request.input);
	return rc;
}

static int parse_certs_line(char *line)
{
	static struct certs_words words;
	int rc;

	words = (struct certs_words){0};
	rc = command_words_certs(line, &words);
	require(words.verb <= CERTS_ADDRESSES && words.format <= CERTS_P7);
	require(!rc || rc == ERR_USAGE || rc == ERR_TOO_LARGE);
	if (rc || !words.named)
		return rc;
	require(memchr(words.name.text, 0, sizeof words.name.text) && *words.name.text && !*words.name.serial);
	require(words.name.kind != CERT_NAME_START || strspn(words.name.text, "0123456789abcdefABCDEF") == strlen(words.name.text));
	require(words.verb == CERTS_LIST || words.verb == CERTS_SHOW || words.verb == CERTS_EXPORT || words.verb == CERTS_REMOVE);
	return 0;
}

/* In memory of exactly its size, so that a sanitizer sees its end. */
static void parse_line(struct view text)
{
	static const struct {
		const char *name;
		int (*parse)(char *line);
	} commands[] = {{"SIGN", parse_sign_line},
			{"ENCRYPT", parse_encrypt_line},
			{"DECRYPT", parse_decrypt_line},
			{"VERIFY", parse_verify_line},
			{"CERTS", parse_certs_line}};

	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		size_t length = strlen(commands[i].name);
		CLEAN_FREE char *line = NULL;
		int rc;

		if (text.length < length || memcmp(text.data, commands[i].name, length))
			continue;
		line = strndup((const char *)text.data + length, text.length - length);
		require(line);
		first = line;
		end = line + strlen(line);
		rc = commands[i].parse(line);
		require(!rc || rc == ERR_USAGE || rc == ERR_NOT_SUPPORTED || rc == ERR_TOO_LARGE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = {data, size}, line;

	while (view_line(&rest, &line))
		parse_line(line);
	return 0;
}
