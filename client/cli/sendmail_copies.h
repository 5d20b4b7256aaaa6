/* SPDX-License-Identifier: ISC
 *
 * What goes out of a mail that is signed or encrypted: one message, or one for those whom all see and one for
 * each whom nobody is to see.
 */
#ifndef SMIME_CLI_SENDMAIL_COPIES_H
#define SMIME_CLI_SENDMAIL_COPIES_H

#include "sendmail_mail.h"
#include "sendmail_options.h"

/* Mails to more blind recipients are not encrypted: each is a message of its own. */
#define BLIND_MAX 100

struct copy {
	struct spool spool;
	struct addresses recipients; /* empty: as the mail and the command line say */
};

struct copies {
	struct copy *list;
	unsigned int count; /* 0: the mail goes out as it is */
};

/* Makes what the options (settled, no WHEN_UNSET) come to. 0, or the exit status, having said why. */
int sendmail_copies_make(struct copies *copies, const struct sendmail_options *options, const struct sendmail_mail *mail,
			 const struct spool *spool);
void sendmail_copies_done(struct copies *copies);

#endif
