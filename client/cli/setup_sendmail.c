/* SPDX-License-Identifier: ISC
 *
 * Programs that hand their mail to sendmail, and can be told in one file of theirs to run another one: mailx,
 * git send-email, and Emacs.
 */
#include "setup.h"

#include "environment.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Either of the two that are called mailx has its own name for it, and heeds no other. */
static char *make_mailx(const char *program)
{
	char *lines;

	return asprintf(&lines, "set sendmail=%1$s mta=%1$s\n", program) < 0 ? NULL : lines;
}

/* A line for the shell. */
static char *make_git_mail(const char *program)
{
	char *lines;

	return asprintf(&lines, "[sendemail]\n\tsendmailCmd = \"'%s'\"\n", program) < 0 ? NULL : lines;
}

static char *make_emacs(const char *program)
{
	char *lines;

	return asprintf(&lines,
			"(setq send-mail-function 'sendmail-send-it\n"
			"      message-send-mail-function 'message-send-mail-with-sendmail\n"
			"      sendmail-program \"%s\")\n",
			program) < 0
		       ? NULL
		       : lines;
}

static const struct setup_block mailx = {"#", "mailx", make_mailx};
static const struct setup_block git_mail = {"#", "git-send-email", make_git_mail};
static const struct setup_block emacs = {";;", "emacs", make_emacs};

const struct setup_format setup_mailx = {.block = &mailx, .may_create = true};
const struct setup_format setup_git_mail = {.block = &git_mail, .may_create = true};
const struct setup_format setup_emacs = {.block = &emacs, .may_create = true};

void setup_mailrc(setup_place place, void *context)
{
	static const char *const names[] = {".mailrc", NULL};

	setup_first_place(names, place, context);
}

void setup_gitconfig(setup_place place, void *context)
{
	static const char *const names[] = {".gitconfig", "~config/git/config", NULL};
	const char *named = environment_get("GIT_CONFIG_GLOBAL");

	if (named && *named == '/')
		place(context, named);
	else
		setup_first_place(names, place, context);
}

void setup_emacs_init(setup_place place, void *context)
{
	static const char *const names[] = {".emacs", ".emacs.el", ".emacs.d/init.el", "~config/emacs/init.el", NULL};

	setup_first_place(names, place, context);
}
