/* SPDX-License-Identifier: ISC
 *
 * The header is a client's, and hostile; keys.c chooses.
 */
#include "sender.h"

#include "detail.h"

int sender_read_header(struct input *input, struct buf *into)
{
	int rc = mime_read_header(input, into);

	if (rc || !mime_has_stray(buf_view(into)))
		return rc;
	detail_set("a CR or NUL stands by itself in its header: programs would see another header in it");
	return ERR_NOT_MAIL;
}

bool sender_address(struct view header, char into[ADDRESS_SIZE])
{
	struct mime_field from;

	return mime_find_field(header, "From", &from) && mime_address(from.value, into, ADDRESS_SIZE);
}

static int select_key(const char *name, const struct view *header, struct key **ret_key)
{
	char address[ADDRESS_SIZE];
	int rc = ERR_NO_KEY;

	if (name)
		return keys_select(name, CERT_USE_SIGN, ret_key);
	if (header && sender_address(*header, address))
		rc = keys_select(address, CERT_USE_SIGN, ret_key);
	return rc == ERR_NO_KEY ? keys_select(NULL, CERT_USE_SIGN, ret_key) : rc;
}

int sender_find_key(const char *name, const struct view *header, struct key **ret_key)
{
	int rc = keys_refresh(LIST_KNOWN);

	rc = rc ? rc : select_key(name, header, ret_key);
	if (rc != ERR_NO_KEY)
		return rc;
	rc = keys_refresh(LIST_PATIENT); /* perhaps it is new */
	return rc ? rc : select_key(name, header, ret_key);
}
