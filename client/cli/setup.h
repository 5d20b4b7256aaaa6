/* SPDX-License-Identifier: ISC
 *
 * smime setup: what is written into the configuration of other programs, so that they load the agent's
 * PKCS#11 module. Each kind of configuration is one file here: it finds the places, and knows the text.
 */
#ifndef SMIME_CLI_SETUP_H
#define SMIME_CLI_SETUP_H

#include <stdbool.h>
#include <stddef.h>

/* Called with each file that would be changed; it may not exist yet. */
typedef void (*setup_place)(void *context, const char *path);

/* How one kind of configuration file is changed. The functions give a fresh text, which the caller
 * frees, or NULL without memory. */
struct setup_format {
	bool (*has)(const char *text, const char *module);
	char *(*add)(const char *text, const char *module);
	char *(*remove)(const char *text, const char *module);
	bool may_create; /* a file that is not there is an empty one */
	/* Why the file cannot be changed now, or NULL: the program runs. */
	const char *(*busy)(const char *path);
};

extern const struct setup_format setup_nss, setup_ssh;

/* The profiles of a Mozilla program below these folders of the home, ended by NULL. */
void setup_nss_profiles(const char *const *folders, setup_place place, void *context);
/* The person's own NSS database, which Chromium and Evolution share. */
void setup_nss_shared(setup_place place, void *context);
void setup_ssh_config(setup_place place, void *context);

/* Calls back for each place of each client that there is: whether the module is set up there. */
typedef void (*setup_found)(void *context, const char *client, const char *path, bool on);
void setup_each(setup_found found, void *context);

#endif
