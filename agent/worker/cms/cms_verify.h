/* SPDX-License-Identifier: ISC
 *
 * Verifying a SignedData of any size: content streams by, then each signature gets its verdict.
 */
#ifndef SMIME_WORKER_CMS_VERIFY_H
#define SMIME_WORKER_CMS_VERIFY_H

#include "signature.h"
#include "signed.h"

struct cms_verification;

/* Begins with the message that input stands at. `digests`: of the content that stood outside of it, for
 * a detached signature whose content came first; else NULL. The caller frees. Errors of signed_begin. */
MUST_USE int cms_verify_begin(struct input *input, const struct digests *digests,
			      struct cms_verification **ret_verification);

/* Whether the message has no content of its own. */
bool cms_verify_is_detached(const struct cms_verification *verification);

/* Whether what is signed is called data (id-data), as mail is. */
bool cms_verify_is_data(const struct cms_verification *verification);

/* Content of a detached message that comes after it, piece by piece. */
MUST_USE int cms_verify_update(struct cms_verification *verification, const void *data, size_t length);

/* Some of the content of a message that is not detached; 0 bytes is its end. An input_source. */
MUST_USE int cms_verify_read(void *verification, void *into, size_t size, size_t *ret_length);

/* The content was read, or none will come (`no_content`): reads the rest and judges by the time `at`
 * (0: now). The signatures are the caller's, in the order of the message; none is an answer too, and so
 * are the errors of signed_read_end. */
MUST_USE int cms_verify_end(struct cms_verification *verification, bool no_content, int64_t at,
			    struct signature **ret_signatures);

/* Whether the content's line ends were not all CRLF. */
bool cms_verify_forms_differ(const struct cms_verification *verification);

void cms_verify_free(struct cms_verification *verification);

#endif
