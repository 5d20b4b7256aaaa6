/* SPDX-License-Identifier: ISC
 *
 * mutt and neomutt, classic S/MIME commands: each job of theirs is a command line of smime. Keys and
 * certificates are the files of a folder of ours, which is written anew when the program starts.
 */
#include "setup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* They may have one file, and then have one block. */
static const struct setup_block block = {"#", "mutt"};

/* What both programs are told. %f, %s: files; %k, %c: a key's and certificates' files; %d: the digest. The
 * passphrase that they ask for is nobody's: an empty one, for as long as the program runs. */
static const char settings[] =
	"set crypt_use_gpgme=no\n"
	"set smime_is_default=yes\n"
	"set smime_timeout=86400\n"
	"set smime_keys='%1$s'\n"
	"set smime_certificates='%1$s'\n"
	"set smime_sign_digest_alg=sha256\n"
	"set smime_sign_command='\"%2$s\" sign --raw --crlf --digest %%d -k \"$(basename %%k)\" %%f'\n"
	"set smime_decrypt_command='\"%2$s\" decrypt --raw %%f'\n";

/* The folder of keys and certificates, for the program's own. False without a home. */
static bool folder(char path[PATH_MAX])
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && *data == '/')
		return snprintf(path, PATH_MAX, "%s/smime-agent/mutt", data) < PATH_MAX;
	return home && snprintf(path, PATH_MAX, "%s/.local/share/smime-agent/mutt", home) < PATH_MAX;
}

static char *make_lines(const char *program)
{
	char path[PATH_MAX], *lines;

	return !folder(path) || asprintf(&lines, settings, path, program) < 0 ? NULL : lines;
}

static bool has(const char *text, const char *program)
{
	char *lines = make_lines(program);
	bool found = lines && setup_block_has(text, &block, lines);

	free(lines);
	return found;
}

static char *add(const char *text, const char *program)
{
	char *lines = make_lines(program), *after = lines ? setup_block_add(text, &block, lines) : NULL;

	free(lines);
	return after;
}

static char *without(const char *text, const char *program)
{
	(void)program;
	return setup_block_remove(text, &block);
}

const struct setup_format setup_mutt = {.has = has, .add = add, .remove = without, .may_create = true};

/* Below $XDG_CONFIG_HOME for names that begin with "~config/", else below the home. */
static bool expand(const char *name, char path[PATH_MAX])
{
	static const char config[] = "~config/";
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (strncmp(name, config, sizeof config - 1))
		return home && snprintf(path, PATH_MAX, "%s/%s", home, name) < PATH_MAX;
	name += sizeof config - 1;
	if (xdg && *xdg == '/')
		return snprintf(path, PATH_MAX, "%s/%s", xdg, name) < PATH_MAX;
	return home && snprintf(path, PATH_MAX, "%s/.config/%s", home, name) < PATH_MAX;
}

/* The first that there is; without any, the first name. */
static void first_place(const char *const *names, setup_place place, void *context)
{
	char path[PATH_MAX];

	for (size_t i = 0; names[i]; i++) {
		if (expand(names[i], path) && !access(path, F_OK)) {
			place(context, path);
			return;
		}
	}
	if (expand(names[0], path))
		place(context, path);
}

void setup_muttrc(setup_place place, void *context)
{
	static const char *const names[] = {".muttrc", ".mutt/muttrc", "~config/mutt/muttrc", NULL};

	first_place(names, place, context);
}

void setup_neomuttrc(setup_place place, void *context)
{
	static const char *const names[] = {
		"~config/neomutt/neomuttrc", "~config/neomutt/muttrc", "~config/mutt/neomuttrc", "~config/mutt/muttrc",
		".neomutt/neomuttrc",	     ".neomutt/muttrc",	       ".mutt/neomuttrc",	 ".mutt/muttrc",
		".neomuttrc",		     ".muttrc",		       NULL};

	first_place(names, place, context);
}
