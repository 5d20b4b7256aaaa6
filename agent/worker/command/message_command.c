/* SPDX-License-Identifier: ISC
 *
 * From a command's line to a request, with the descriptors that came before it.
 */
#include "message_command.h"

#include "client.h"
#include "command_words.h"

#include <string.h>

int command_signer(char *line)
{
	if (strlen(line) >= sizeof client.signer)
		return ERR_TOO_LARGE;
	strcpy(client.signer, line);
	return 0;
}

int command_sign(char *line)
{
	struct sign_request request;
	struct key *key;
	int rc;

	sign_request_init(&request);
	rc = command_words_sign(line, &request);
	rc = rc ? rc : client_open_signing(&request);
	return rc ? rc : sign_request_run(&request, &key);
}

int command_recipient(char *line)
{
	const struct recipient *added;

	if (strcmp(line, "--file"))
		return *line ? client_add_recipient(line, &added) : ERR_USAGE;
	return client_add_recipient_file(&added);
}

int command_encrypt(char *line)
{
	struct encrypt_request request;
	int rc;

	encrypt_request_init(&request);
	rc = command_words_encrypt(line, &request);
	rc = rc ? rc : client_open_encryption(&request);
	rc = rc ? rc : encrypt_request_run(&request);
	client_forget_recipients();
	return rc;
}

int command_decrypt(char *line)
{
	struct decrypt_request request = {.input = &client.in, .output = &client.out};
	int rc = command_words_decrypt(line, &request);

	rc = rc ? rc : client_open_streams();
	return rc ? rc : decrypt_request_run(&request);
}
