/* SPDX-License-Identifier: ISC
 *
 * The header of a mail that smime sendmail gets. Fields are the whole header, in order; an address has no control
 * in it and is of bounded length. Before it, smime.conf: what is taken is within its limits.
 */
#include "client_conf.h"
#include "fuzz.h"
#include "mail_header.h"

#include <string.h>

static bool check_address(void *context, const char *address)
{
	size_t length = strlen(address);

	(void)context;
	require(length && length <= MAIL_ADDRESS_MAX);
	for (size_t i = 0; i < length; i++)
		require((unsigned char)address[i] >= ' ' && address[i] != 127);
	return true;
}

static void check_conf(const uint8_t *data, size_t size)
{
	FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct client_conf conf = {0};

	if (!file)
		return;
	if (!client_conf_read(&conf, file))
		require(!*conf.sendmail_program || *conf.sendmail_program == '/');
	fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text all = {(const char *)data, size}, rest;
	struct mail_field field;
	size_t length = mail_header_length(all, true), seen = 0;
	char word[16];

	check_conf(data, size);
	require(length <= size && mail_header_length(all, false) <= length);
	rest = (struct text){all.data, length};
	while (mail_next_field(&rest, &field)) {
		require(field.whole.data == all.data + seen && field.name.length);
		require(field.value.data + field.value.length <= field.whole.data + field.whole.length);
		seen += field.whole.length;
		(void)!mail_each_address(field.value, check_address, NULL);
		mail_first_word(field.value, word, sizeof word);
	}
	require(length - seen <= 2);
	return 0;
}
