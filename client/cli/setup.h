/* SPDX-License-Identifier: ISC
 *
 * smime setup: what is written into the configuration of other programs, so that they load the agent's
 * PKCS#11 module, or run a command of ours. Each kind of configuration is one file here: it finds the
 * places, and knows the text.
 */
#ifndef SMIME_CLI_SETUP_H
#define SMIME_CLI_SETUP_H

#include <stdbool.h>
#include <stddef.h>

/* Called with each file that would be changed; it may not exist yet. */
typedef void (*setup_place)(void *context, const char *path);

/* Our lines in another program's file, between two comment lines that name their client. */
struct setup_block {
	const char *comment; /* what begins a comment there */
	const char *name;    /* as in `smime setup NAME` */
	char *(*make_lines)(const char *target); /* a fresh text, or NULL without memory */
};

/* How one kind of configuration file is changed: by a block, or else by functions that give a fresh text,
 * which the caller frees, or NULL without memory. `target` is the path of the module, or of the command of
 * ours. */
struct setup_format {
	const struct setup_block *block;
	bool (*has)(const char *text, const char *target);
	char *(*add)(const char *text, const char *target);
	char *(*remove)(const char *text, const char *target);
	bool may_create; /* a file that is not there is an empty one, and one that is left empty goes */
	/* Why the file cannot be changed now, or NULL: the program runs. May be NULL. */
	const char *(*busy)(const char *path);
	/* What the person has to know once the file is as wanted, or NULL. May be NULL. */
	const char *(*note)(const char *path);
	unsigned int mode; /* of a file that is made; 0: the person's alone */
};

/* Whether the lines for this target are there, or a block that was cut by hand. */
bool setup_block_has(const char *text, const struct setup_block *block, const char *target);
/* With the lines at the end, in place of others in the block; and without the block. A fresh text. */
char *setup_block_add(const char *text, const struct setup_block *block, const char *target);
char *setup_block_remove(const char *text, const struct setup_block *block);

/* The installed command, and its name for those that want a sendmail. */
#define SMIME_PROGRAM SMIME_AGENT_BINDIR "/smime"
#define SENDMAIL_PROGRAM SMIME_AGENT_BINDIR "/smime-sendmail"
/* The stand-in for gpgsm. */
#define GPGSM_PROGRAM SMIME_AGENT_BINDIR "/smime-gpgsm"

extern const struct setup_format setup_nss, setup_ssh, setup_mutt, setup_mailx, setup_git_mail, setup_emacs, setup_gpgme,
	setup_git;

/* The profiles of a Mozilla program below these folders of the home, ended by NULL. */
void setup_nss_profiles(const char *const *folders, setup_place place, void *context);
/* NSS databases in these folders of the home, ended by NULL. */
void setup_nss_shared(const char *const *folders, setup_place place, void *context);
void setup_ssh_config(setup_place place, void *context);
/* The first of these files of the home (of $XDG_CONFIG_HOME for names that begin with "~config/") that there is,
 * else the first name, which may be made. The names end with NULL. */
void setup_first_place(const char *const *names, setup_place place, void *context);
/* The file that the program reads at its start. */
void setup_muttrc(setup_place place, void *context);
void setup_neomuttrc(setup_place place, void *context);
void setup_mailrc(setup_place place, void *context);
void setup_gitconfig(setup_place place, void *context);
void setup_emacs_init(setup_place place, void *context);
/* ~/.local/bin/gpgconf */
void setup_gpgconf(setup_place place, void *context);

/* Calls back for each place of each client that there is: whether the module is set up there. */
typedef void (*setup_found)(void *context, const char *client, const char *path, bool on);
void setup_each(setup_found found, void *context);

#endif
