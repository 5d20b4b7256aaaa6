/* SPDX-License-Identifier: ISC
 *
 * Numbers of a certificate, a signature or a client, which may be any; strftime writes them.
 */
#include "time_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const forms[] = {
	[TIME_RFC3339] = "%Y-%m-%dT%H:%M:%SZ",
	[TIME_DATE] = "%Y-%m-%d",
	[TIME_GNUPG] = "%Y%m%dT%H%M%S",
};

void time_text_tm(const struct tm *tm, enum time_form form, char into[TIME_TEXT_SIZE])
{
	if (!strftime(into, TIME_TEXT_SIZE, forms[form], tm))
		*into = 0;
}

void time_text(int64_t seconds, enum time_form form, char into[TIME_TEXT_SIZE])
{
	time_t time = (time_t)seconds;
	struct tm tm;

	*into = 0;
	if (gmtime_r(&time, &tm))
		time_text_tm(&tm, form, into);
}

/* Whether all of the text has that form. */
static bool has_form(const char *text, enum time_form form, struct tm *ret_tm)
{
	const char *end;

	*ret_tm = (struct tm){0};
	end = strptime(text, forms[form], ret_tm);
	return end && !*end;
}

int time_text_parse(const char *text, int64_t *ret_seconds)
{
	int64_t seconds = 0;
	struct tm tm;
	char *end;

	if (*text == '@') {
		errno = 0;
		seconds = strtoll(text + 1, &end, 10);
		seconds = *end || errno ? 0 : seconds;
	} else if (has_form(text, TIME_RFC3339, &tm) || has_form(text, TIME_DATE, &tm)) {
		seconds = (int64_t)timegm(&tm);
	}
	if (seconds <= 0)
		return ERR_USAGE;
	*ret_seconds = seconds;
	return 0;
}
