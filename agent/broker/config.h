/* SPDX-License-Identifier: ISC
 *
 * agent.conf: one setting a line, "name value"; # starts a comment. Reading it changes nothing:
 * the caller puts the new configuration in the old one's place once it is whole.
 */
#ifndef SMIME_BROKER_CONFIG_H
#define SMIME_BROKER_CONFIG_H

#include "error.h"

#include <stdint.h>
#include <stdio.h>

struct config_list {
	struct config_list *next;
	char *value;
	char *second; /* pin-source: where the PIN is; pkcs11-allow: the program */
	uint32_t number; /* pkcs11-allow: enum config_operation bits */
};

enum config_operation { CONFIG_SIGN = 1, CONFIG_DECRYPT = 2, CONFIG_DERIVE = 4 };

struct config {
	struct config_list *modules;	 /* paths; none: those of p11-kit */
	struct config_list *pin_sources; /* value: token label or pkcs11: URI */
	struct config_list *pkcs11_allow; /* value: key */
	char *pinentry_program;
	char *certificates; /* PEM file for chains, or NULL */
	char *certificate_store; /* the database, or NULL: below the user's data folder */
	char *trust_anchors;	 /* PEM file */
	char *spool_directory;
	char *log_file;	     /* NULL: syslog in the background, standard error else */
	uint32_t pin_cache_ttl; /* seconds since last use */
	uint32_t pin_cache_max; /* seconds in all */
	uint32_t keep_pin_on_removal; /* yes or no */
	uint32_t operation_timeout, prompt_timeout; /* seconds */
	uint32_t display_forwarded; /* yes or no */
	uint32_t max_connections, idle_workers;
	uint32_t spool_max_mib; /* a worker's spool file */
	uint32_t expiry_warning; /* days */
	uint32_t log_level;
	uint32_t protect_headers, encrypt_to_self, hide_subject; /* yes or no */
	uint32_t content_cipher; /* enum content_cipher */
};

/* Defaults. ERR_NO_MEMORY. */
MUST_USE int config_init(struct config *config);
void config_done(struct config *config);

/* Reads lines from `file` on top of what *config has. ERR_CONFIG at the first wrong line; it is in
 * the log with `name` and its number. */
MUST_USE int config_read(struct config *config, FILE *file, const char *name);

/* Reads the first of `path` (if not NULL), $XDG_CONFIG_HOME/smime-agent/agent.conf and
 * /etc/smime-agent/agent.conf that exists; a `path` that does not is ERR_CONFIG. */
MUST_USE int config_load(struct config *config, const char *path);

#endif
