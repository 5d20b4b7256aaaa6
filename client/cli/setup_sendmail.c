/* SPDX-License-Identifier: ISC
 *
 * Programs that hand their mail to sendmail, and can be told in one file of theirs to run another one: mailx,
 * git send-email, and Emacs.
 */
#include "setup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct setup_block mailx = {"#", "mailx"}, git_mail = {"#", "git-send-email"}, emacs = {";;", "emacs"};

/* Either of the two that are called mailx has its own name for it, and heeds no other. */
static const char mailx_lines[] = "set sendmail=%1$s mta=%1$s\n";
/* A line for the shell. */
static const char git_mail_lines[] = "[sendemail]\n\tsendmailCmd = \"'%1$s'\"\n";
static const char emacs_lines[] = "(setq send-mail-function 'sendmail-send-it\n"
				  "      message-send-mail-function 'message-send-mail-with-sendmail\n"
				  "      sendmail-program \"%1$s\")\n";

static char *make_lines(const char *lines, const char *program)
{
	char *made;

	return asprintf(&made, lines, program) < 0 ? NULL : made;
}

static bool has(const char *text, const struct setup_block *block, const char *lines, const char *program)
{
	char *made = make_lines(lines, program);
	bool found = made && setup_block_has(text, block, made);

	free(made);
	return found;
}

static char *add(const char *text, const struct setup_block *block, const char *lines, const char *program)
{
	char *made = make_lines(lines, program), *after = made ? setup_block_add(text, block, made) : NULL;

	free(made);
	return after;
}

/* The functions of one format, which have no other way to know which it is. */
#define FORMAT(name)                                                                \
	static bool has_##name(const char *text, const char *program)               \
	{                                                                           \
		return has(text, &name, name##_lines, program);                     \
	}                                                                           \
	static char *add_##name(const char *text, const char *program)              \
	{                                                                           \
		return add(text, &name, name##_lines, program);                     \
	}                                                                           \
	static char *remove_##name(const char *text, const char *program)           \
	{                                                                           \
		(void)program;                                                      \
		return setup_block_remove(text, &name);                             \
	}                                                                           \
	const struct setup_format setup_##name = {                                  \
		.has = has_##name, .add = add_##name, .remove = remove_##name, .may_create = true}

FORMAT(mailx);
FORMAT(git_mail);
FORMAT(emacs);

void setup_mailrc(setup_place place, void *context)
{
	static const char *const names[] = {".mailrc", NULL};

	setup_first_place(names, place, context);
}

void setup_gitconfig(setup_place place, void *context)
{
	static const char *const names[] = {".gitconfig", "~config/git/config", NULL};
	const char *named = getenv("GIT_CONFIG_GLOBAL");

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
