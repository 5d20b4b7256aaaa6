/* SPDX-License-Identifier: ISC
 *
 * Times as text, in UTC: each form that this program writes or reads.
 */
#ifndef SMIME_WORKER_TIME_TEXT_H
#define SMIME_WORKER_TIME_TEXT_H

#include "error.h"

#include <stdint.h>
#include <time.h>

#define TIME_TEXT_SIZE 32

enum time_form {
	TIME_RFC3339, /* 2026-11-23T14:45:00Z */
	TIME_DATE,    /* 2026-11-23 */
	TIME_GNUPG,   /* 20261123T144500 */
};

/* Writes a time, given in seconds since 1970 or taken apart; "" for one that the calendar does not have. */
void time_text(int64_t seconds, enum time_form form, char into[TIME_TEXT_SIZE]);
void time_text_tm(const struct tm *tm, enum time_form form, char into[TIME_TEXT_SIZE]);

/* Reads RFC 3339 in UTC, its date alone (its beginning), or "@" and seconds since 1970. ERR_USAGE for anything else, and for
 * a time that is not after 1970 began. */
MUST_USE int time_text_parse(const char *text, int64_t *ret_seconds);

#endif
