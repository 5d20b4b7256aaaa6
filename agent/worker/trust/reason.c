/* SPDX-License-Identifier: ISC
 *
 * The table of reasons.
 */
#include "reason.h"

static const struct {
	enum verdict verdict;
	const char *name, *text;
} rows[] = {
#define R(name, verdict, json, text) {VERDICT_##verdict, json, text},
#include "reason.def"
#undef R
};

enum verdict reason_verdict(unsigned int reasons)
{
	enum verdict worst = VERDICT_GOOD;

	for (unsigned int i = 0; i < REASON_LIMIT; i++)
		if (reasons & 1u << i && rows[i].verdict > worst)
			worst = rows[i].verdict;
	return worst;
}

const char *reason_verdict_name(enum verdict verdict)
{
	static const char *const names[] = {"good", "good-but", "cannot-tell", "bad"};

	return names[verdict];
}

const char *reason_name(unsigned int number)
{
	return rows[number].name;
}

const char *reason_text(unsigned int number)
{
	return rows[number].text;
}
