/* SPDX-License-Identifier: ISC
 *
 * A mail's header (RFC 5322), as far as smime sendmail must know it: its fields, and the addresses in them.
 */
#ifndef SMIME_CLI_MAIL_HEADER_H
#define SMIME_CLI_MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* More header than this is no mail; as in the agent. */
#define MAIL_HEADER_MAX (256 * 1024)
/* An address (RFC 5321: 64 and 255, and an @). */
#define MAIL_ADDRESS_MAX 320

/* A borrowed run of bytes; taking consumes it from the front. */
struct text {
	const char *data;
	size_t length;
};

/* One field, its folded lines included. */
struct mail_field {
	struct text name, value; /* the value without its last line end */
	struct text whole;	 /* with it */
};

/* How long the header is, with the empty line after it; 0: it does not end within these bytes, or its first
 * line is no field. `last`: nothing comes after these bytes, which may be all header. */
size_t mail_header_length(struct text bytes, bool last);

/* Takes the next field; false at the empty line or the end. A line that is no field belongs to the one before. */
bool mail_next_field(struct text *header, struct mail_field *ret_field);
bool mail_field_is(const struct mail_field *field, const char *name);

/* Calls with each address of a list (RFC 5322 section 3.4), without its name, comments and blanks. False if the
 * list is not understood, or the callback says so: some were called back then. */
typedef bool (*mail_address_taker)(void *context, const char *address);
bool mail_each_address(struct text list, mail_address_taker take, void *context);

/* Adds a field's value, as in Content-Type, in lower case without parameters. */
void mail_first_word(struct text value, char *into, size_t size);

#endif
