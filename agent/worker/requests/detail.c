/* SPDX-License-Identifier: ISC
 *
 * One text, kept until the next request.
 */
#include "detail.h"

#include "ask.h"
#include "keys.h"

#include <stdio.h>

static char detail[700];

const char *detail_text(void)
{
	if (*detail)
		return detail;
	return *keys_detail() ? keys_detail() : ask_detail();
}

void detail_set(const char *text)
{
	snprintf(detail, sizeof detail, "%s", text);
}

void detail_clear(void)
{
	*detail = 0;
	keys_clear_detail();
	ask_clear_detail();
}
