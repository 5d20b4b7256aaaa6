/* SPDX-License-Identifier: ISC
 *
 * The table of errors, looked up from either side.
 */
#include "error.h"

#include <stddef.h>

#define GPG_CODE_MASK 0xffffu
/* libassuan's own codes: GPG_ERR_ASS_GENERAL to GPG_ERR_ASS_UNKNOWN_INQUIRE. */
#define GPG_ASSUAN_FIRST 257
#define GPG_ASSUAN_LAST 281
#define GPG_UNKNOWN_COMMAND 175

struct row {
	int err;
	int status;
	unsigned int gpg;
	const char *name;
	const char *text;
};

static const struct row rows[] = {
#define E(name, number, status, gpg, text) {ERR_##name, status, gpg, #name, text},
#include "error.def"
#undef E
};

#define ROWS (sizeof rows / sizeof rows[0])

static const struct row *find_row(int err)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].err == err)
			return &rows[i];
	return NULL;
}

const char *error_name(int err)
{
	const struct row *row = find_row(err);

	return row ? row->name : "NONE";
}

const char *error_text(int err)
{
	const struct row *row = find_row(err);

	return row ? row->text : err ? "unknown error" : "done";
}

int error_status(int err)
{
	const struct row *row = find_row(err);

	return row ? row->status : err ? 3 : 0;
}

unsigned int error_to_gpg(int err)
{
	const struct row *row = find_row(err);

	return row ? row->gpg : err ? error_to_gpg(ERR_INTERNAL) : 0;
}

int error_from_gpg(unsigned int code)
{
	code &= GPG_CODE_MASK;
	if (!code)
		return 0;
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].gpg == code)
			return rows[i].err;
	if ((code >= GPG_ASSUAN_FIRST && code <= GPG_ASSUAN_LAST) || code == GPG_UNKNOWN_COMMAND)
		return ERR_USAGE;
	return ERR_INTERNAL;
}

int error_from_wire(unsigned int number)
{
	const struct row *row;

	if (!number)
		return 0;
	row = number < 10000 ? find_row(-(int)number) : NULL;
	return row ? row->err : ERR_PROTOCOL;
}
