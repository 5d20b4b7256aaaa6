/* SPDX-License-Identifier: ISC
 *
 * An encrypted mail in (application/pkcs7-mime, RFC 8551 section 3.3), the mail that it was out.
 */
#ifndef SMIME_WORKER_MAIL_DECRYPT_H
#define SMIME_WORKER_MAIL_DECRYPT_H

#include "mime.h"

/* Reads the mail, decrypts, and writes the outer header, then the entity: its body as it is, and of its
 * fields those about the body and those that the outer header lacks. Errors of cms_decrypt, and ERR_NOT_MAIL, ERR_WRONG_TYPE for a
 * mail that is not encrypted. */
MUST_USE int mail_decrypt(struct input *input, struct output *output, const char *name);

#endif
