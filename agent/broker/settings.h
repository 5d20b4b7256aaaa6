/* SPDX-License-Identifier: ISC
 *
 * The configuration in force, and putting a new one in its place.
 */
#ifndef SMIME_BROKER_SETTINGS_H
#define SMIME_BROKER_SETTINGS_H

#include "config.h"
#include "messages.h"

const struct config *settings(void);

/* What every child is told first. */
struct msg_hello settings_hello(void);

/* Reads the configuration (`path` as for config_load), and remembers where it is; reads it again. It is then the one in
 * force; on failure the old one stays. ERR_CONFIG, ERR_NO_MEMORY. */
MUST_USE int settings_load(const char *path);
MUST_USE int settings_read(void);

/* The chain certificates' file, opened for a worker; -1 where none is configured or it cannot be
 * read (which is logged). The caller closes. */
int settings_open_certificates(void);

void settings_end(void);

#endif
