/* SPDX-License-Identifier: ISC
 *
 * The program that smime sendmail hands its mails to.
 */
#ifndef SMIME_CLI_SENDMAIL_PROGRAM_H
#define SMIME_CLI_SENDMAIL_PROGRAM_H

#include "sendmail_mail.h"
#include "sendmail_options.h"

/* The one that was named, or the system's; NULL, having said so, where there is none but ourselves. */
const char *sendmail_program_find(const char *named);

/* What it is called with besides its options. */
struct sendmail_call {
	int in_fd;	  /* its standard input; -1: ours as it is */
	bool from_header; /* -t */
	bool whole;	  /* -i is to be added */
	const char *const *recipients;
	unsigned int recipient_count;
};

/* Becomes the program; returns only if that failed, with the exit status, having said why. */
int sendmail_program_become(const char *program, const struct sendmail_options *options, const struct sendmail_call *call);
/* Runs it, and gives its exit status. */
int sendmail_program_run(const char *program, const struct sendmail_options *options, const struct sendmail_call *call);

#endif
