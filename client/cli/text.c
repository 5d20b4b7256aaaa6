/* SPDX-License-Identifier: ISC
 *
 * A text that grows.
 */
#include "text.h"

#include <stdlib.h>
#include <string.h>

int text_collect(void *context, const void *data, size_t length)
{
	struct text *text = context;
	char *grown = realloc(text->data, text->length + length + 1);

	if (!grown)
		return 1;
	memcpy(grown + text->length, data, length);
	text->data = grown;
	text->length += length;
	grown[text->length] = 0;
	return 0;
}
