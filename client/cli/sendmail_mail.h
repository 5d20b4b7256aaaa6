/* SPDX-License-Identifier: ISC
 *
 * What smime sendmail must know of a mail before it decides: whose it is, for whom, and what it is already.
 */
#ifndef SMIME_CLI_SENDMAIL_MAIL_H
#define SMIME_CLI_SENDMAIL_MAIL_H

#include "mail_header.h"
#include "spool.h"

/* A mail to more of them is a mailing list's, and is passed on as one whose addresses are not understood. */
#define ADDRESSES_MAX 1000

/* Owned strings, with a NULL at the end; all zero is an empty one. */
struct addresses {
	char **list;
	unsigned int count;
};

bool addresses_add(struct addresses *addresses, const char *address);
bool addresses_have(const struct addresses *addresses, const char *address);
void addresses_done(struct addresses *addresses);

struct sendmail_mail {
	char *head; /* the header, with the empty line; NULL: it is no mail, or programs would read it each in another way */
	size_t head_length;
	char from[MAIL_ADDRESS_MAX + 1]; /* empty: none */
	struct addresses open, blind;	 /* To and Cc; Bcc */
	bool has_bcc, has_date;
	bool odd;    /* addresses that are not understood: not to be encrypted */
	bool resent; /* somebody else's, passed on (RFC 5322 section 3.6.6) */
	bool is_signed, is_encrypted;
};

/* Looks at the mail in the spool. False without memory, or if the spool cannot be read. */
bool sendmail_mail_read(struct sendmail_mail *mail, const struct spool *spool);
/* Writes the mail to another spool as it is to be signed or encrypted: without the Bcc fields, and with a Date,
 * which a mail server would add outside. */
bool sendmail_mail_complete(const struct sendmail_mail *mail, const struct spool *from, struct spool *to);
/* Writes the Bcc fields alone. */
bool sendmail_mail_bcc(const struct sendmail_mail *mail, struct spool *to);
void sendmail_mail_done(struct sendmail_mail *mail);

#endif
