/* SPDX-License-Identifier: ISC
 *
 * GPGME asks gpgconf where gpgsm is: a gpgconf of the person's own, before the other in PATH, says where
 * smime-gpgsm is, and passes everything else on.
 */
#include "setup.h"

#include "environment.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK "#!/bin/sh\n# smime-agent (smime setup gpgme)"
#define NAME "gpgconf"

static const char script[] =
	MARK ": programs that use GPGME find smime-gpgsm in gpgsm's place.\n"
	     "# Everything else is the other gpgconf's.\n"
	     "real=/usr/bin/gpgconf\n"
	     "[ -x \"$real\" ] || real=/usr/local/bin/gpgconf\n"
	     "case \" $* \" in\n"
	     "*' --list-components '*) ;;\n"
	     "*) exec \"$real\" \"$@\" ;;\n"
	     "esac\n"
	     "\"$real\" \"$@\" | while IFS= read -r line; do\n"
	     "\tcase $line in\n"
	     "\tgpgsm:*) echo 'gpgsm:S/MIME:%s' ;;\n"
	     "\t*) printf '%%s\\n' \"$line\" ;;\n"
	     "\tesac\n"
	     "done\n";

static bool is_ours(const char *text)
{
	return !strncmp(text, MARK, sizeof MARK - 1);
}

static char *make(const char *program)
{
	char *text;

	return asprintf(&text, script, program) < 0 ? NULL : text;
}

static bool has(const char *text, const char *program)
{
	char *whole = make(program);
	bool found = whole && !strcmp(text, whole);

	free(whole);
	return found;
}

static char *add(const char *text, const char *program)
{
	return *text && !is_ours(text) ? strdup(text) : make(program);
}

static char *without(const char *text, const char *program)
{
	(void)program;
	return strdup(is_ours(text) ? "" : text);
}

/* Whether the one at path is the first that PATH has. */
static bool is_first(const char *path)
{
	const char *folders = environment_get("PATH");

	while (folders && *folders) {
		size_t length = strcspn(folders, ":");
		char candidate[PATH_MAX];

		snprintf(candidate, sizeof candidate, "%.*s/" NAME, (int)length, folders);
		if (!strcmp(candidate, path) || !access(candidate, X_OK))
			return !strcmp(candidate, path);
		folders += length + (folders[length] == ':');
	}
	return false;
}

static const char *note(const char *path)
{
	return is_first(path) ? NULL
			      : "programs find it once this folder stands first in their PATH; where a login puts it\n"
				"there because it exists, that is after the next one";
}

const struct setup_format setup_gpgme = {
	.has = has, .add = add, .remove = without, .may_create = true, .note = note, .mode = 0755};

void setup_gpgconf(setup_place place, void *context)
{
	const char *home = environment_get("HOME");
	char file[PATH_MAX];

	if (home && snprintf(file, sizeof file, "%s/.local/bin/" NAME, home) < (int)sizeof file)
		place(context, file);
}
