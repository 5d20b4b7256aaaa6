/* SPDX-License-Identifier: ISC
 *
 * Reading the configuration again, and putting it into force.
 */
#ifndef SMIME_BROKER_RELOAD_H
#define SMIME_BROKER_RELOAD_H

#include "error.h"

/* ERR_CONFIG, ERR_NO_MEMORY: the old configuration stays in force. The reason is in the log. */
MUST_USE int reload_settings(void);

#endif
