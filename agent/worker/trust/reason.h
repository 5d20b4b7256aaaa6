/* SPDX-License-Identifier: ISC
 *
 * Why a signature or a certificate is not as it should be: the rows of reason.def, as bits, and what
 * they come to.
 */
#ifndef SMIME_WORKER_REASON_H
#define SMIME_WORKER_REASON_H

enum reason_number {
#define R(name, verdict, json, text) REASON_NUMBER_##name,
#include "reason.def"
#undef R
	REASON_LIMIT
};

enum reason {
#define R(name, verdict, json, text) REASON_##name = 1 << REASON_NUMBER_##name,
#include "reason.def"
#undef R
};

/* From best to worst. */
enum verdict { VERDICT_GOOD, VERDICT_BUT, VERDICT_CANNOT, VERDICT_BAD };

/* The worst that the bits come to; none is good. */
enum verdict reason_verdict(unsigned int reasons);

/* good, good-but, cannot-tell, bad. */
const char *reason_verdict_name(enum verdict verdict);

/* The row's name in JSON, and its sentence, of a number below REASON_LIMIT. */
const char *reason_name(unsigned int number);
const char *reason_text(unsigned int number);

#endif
