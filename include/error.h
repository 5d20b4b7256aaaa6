/* SPDX-License-Identifier: ISC
 *
 * The one way to fail: functions that can fail return 0 or a negative enum err. Foreign codes
 * (errno, CKR_*, OpenSSL's) are translated into one of these where they come in.
 */
#ifndef SMIME_ERROR_H
#define SMIME_ERROR_H

enum err {
	ERR_NONE = 0,
#define E(name, number, status, gpg, text) ERR_##name = -(number),
#include "error.def"
#undef E
};

#define MUST_USE __attribute__((warn_unused_result))

/* The row's name, as in "PIN_WRONG"; "NONE" for 0 and for a number without a row. */
const char *error_name(int err);

/* The row's sentence: lower case, no full stop. Never NULL. */
const char *error_text(int err);

/* The exit status of a command that failed with err. */
int error_status(int err);

/* The libgpg-error code of the socket protocol's ERR line, without its source bits. */
unsigned int error_to_gpg(int err);

/* The way back from a code (source bits are ignored). A code without a row is ERR_INTERNAL, or
 * ERR_USAGE for libassuan's own complaints about a command line. */
int error_from_gpg(unsigned int code);

/* The row of a wire number (positive); ERR_PROTOCOL where there is none. */
int error_from_wire(unsigned int number);

#endif
