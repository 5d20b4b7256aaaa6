/* SPDX-License-Identifier: ISC
 *
 * Verifying one SignedData that is not in a mail.
 */
#ifndef SMIME_WORKER_RAW_VERIFY_H
#define SMIME_WORKER_RAW_VERIFY_H

#include "mail_verify.h"

/* As mail_verify, for DER, BER, PEM of any label, or bare base64. content: what a detached signature is about,
 * or NULL; of a signature with content of its own, it makes a bad one. ERR_NOT_CMS, ERR_WRONG_TYPE for what
 * is no SignedData. */
MUST_USE int raw_verify(struct input *input, struct input *content, const struct verify_options *options,
			struct layer_list *layers);

#endif
