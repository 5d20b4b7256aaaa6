/* SPDX-License-Identifier: ISC
 *
 * How gpgsm's clients name certificates: by a fingerprint (SHA-1 or SHA-256), its last 8 or 16 digits (a key ID), a keygrip
 * ("&" before it), a mail address ("<a@b>", also behind a name), a subject ("/CN=..."), a serial number and issuer
 * ("#SERIAL/ISSUER", "#/ISSUER" for any number), or a part of any name, "*" before it or not.
 */
#ifndef SMIME_WORKER_GPGSM_NAME_H
#define SMIME_WORKER_GPGSM_NAME_H

#include "cert_name.h"

/* ERR_TOO_LARGE; ERR_USAGE for an empty one. */
MUST_USE int gpgsm_name_parse(const char *text, struct cert_name *ret_name);

/* Takes "%XX" and "+" (a blank) out of a word, in place. */
void gpgsm_unescape(char *word);

#endif
