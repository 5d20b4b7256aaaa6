/* SPDX-License-Identifier: ISC
 *
 * Address lists and S/MIME capabilities: the list comes to its end, what comes out is one address, and
 * what is protected of a header can be read again.
 */
#include "address.h"
#include "capabilities.h"
#include "fuzz.h"
#include "protect.h"

#include <string.h>

static int keep(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

static void check_addresses(struct view list)
{
	char address[ADDRESS_SIZE];
	size_t left = list.length;

	while (address_next(&list, address)) {
		const char *at = strchr(address, '@');

		require(list.length < left);
		left = list.length;
		require(!*address || (at && at > address && at[1] && !strchr(at + 1, '@')));
		require(!strpbrk(address, "<>,;:\"()\r\n \t"));
	}
	require(!list.length);
}

static void check_capabilities(struct view der)
{
	unsigned int bits = capabilities_read(der);

	require(bits & CAPABILITIES_OWN);
	require(!(bits & ~(CAPABILITIES_OWN | CAPABILITY_RSA_OAEP)));
	require(capabilities_cipher(bits) > 0);
}

static void check_protection(struct view header)
{
	CLEAN_BUF struct buf payload = BUF_INIT(SIZE_MAX / 2), outer = BUF_INIT(SIZE_MAX / 2);
	enum protection protection = protect_choose(header, PROTECT_HIDE);
	struct mime_field field;
	char hp[16];

	require(!protect_write_payload(header, protection, keep, &payload));
	require(!protect_write_outer(header, protection, false, keep, &outer));
	if (protection)
		require(mime_find_field(buf_view(&payload), "Content-Type", &field) &&
			mime_parameter(field.value, "hp", hp, sizeof hp) && !strcmp(hp, "cipher"));
	require(!mime_find_field(buf_view(&outer), "Bcc", &field));
	require(!protection || !mime_find_field(buf_view(&payload), "Bcc", &field));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view bytes = {data, size};

	check_addresses(bytes);
	check_capabilities(bytes);
	if (mime_is_field(bytes))
		check_protection(bytes);
	return 0;
}
