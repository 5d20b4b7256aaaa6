/* SPDX-License-Identifier: ISC
 *
 * reset_card READER: resets the card in the reader whose name ends with READER, as another program
 * does that ends its transaction so. What was logged in on the card is not any more.
 */
#include <stdio.h>
#include <string.h>

#include <winscard.h>

/* The list is names, each with its NUL, and an empty one at the end. */
static const char *find_reader(const char *list, const char *wanted)
{
	for (; *list; list += strlen(list) + 1) {
		size_t length = strlen(list);

		if (length >= strlen(wanted) && !strcmp(list + length - strlen(wanted), wanted))
			return list;
	}
	return NULL;
}

static LONG reset(SCARDCONTEXT context, const char *wanted)
{
	char readers[1024];
	DWORD length = sizeof readers, protocol;
	SCARDHANDLE card;
	const char *reader;
	LONG rc = SCardListReaders(context, NULL, readers, &length);

	if (rc != SCARD_S_SUCCESS)
		return rc;
	reader = find_reader(readers, wanted);
	if (!reader)
		return SCARD_E_UNKNOWN_READER;
	rc = SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol);
	return rc == SCARD_S_SUCCESS ? SCardDisconnect(card, SCARD_RESET_CARD) : rc;
}

int main(int argc, char **argv)
{
	SCARDCONTEXT context;
	LONG rc;

	if (argc != 2)
		return 2;
	rc = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
	if (rc == SCARD_S_SUCCESS) {
		rc = reset(context, argv[1]);
		SCardReleaseContext(context);
	}
	if (rc != SCARD_S_SUCCESS)
		fprintf(stderr, "reset_card: %s\n", pcsc_stringify_error(rc));
	return rc == SCARD_S_SUCCESS ? 0 : 1;
}
