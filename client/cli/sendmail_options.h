/* SPDX-License-Identifier: ISC
 *
 * The command line of smime sendmail: sendmail's own, which is passed on, with ours among it.
 */
#ifndef SMIME_CLI_SENDMAIL_OPTIONS_H
#define SMIME_CLI_SENDMAIL_OPTIONS_H

#include "client_conf.h"

struct sendmail_options {
	enum when sign, encrypt; /* WHEN_UNSET: not said */
	const char *program;	 /* NULL: not said */
	const char *key;
	const char *sender; /* -f, -r: the envelope's; NULL */
	bool help;
	bool from_header; /* -t: recipients are in the header */
	bool whole;	  /* -i: a line with a dot alone is text, not the end */
	bool other;	  /* not a mail on standard input: SMTP, the queue, aliases */
	const char **words; /* passed on: all but ours, -t and the recipients */
	unsigned int word_count;
	const char **recipients;
	unsigned int recipient_count;
};

/* Parses argv (argv[0] is the verb), whose strings it borrows. False: wrong usage, or no memory. */
bool sendmail_options_parse(struct sendmail_options *options, int argc, char *const *argv);
void sendmail_options_done(struct sendmail_options *options);

#endif
