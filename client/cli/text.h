/* SPDX-License-Identifier: ISC
 *
 * What the agent says, collected until it is whole.
 */
#ifndef SMIME_CLI_TEXT_H
#define SMIME_CLI_TEXT_H

#include <stddef.h>

struct text {
	char *data; /* ends with a NUL; NULL for nothing. The owner frees it */
	size_t length;
};

/* A smime_agent_data whose context is a struct text. */
int text_collect(void *text, const void *data, size_t length);

#endif
