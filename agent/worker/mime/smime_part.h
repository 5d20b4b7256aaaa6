/* SPDX-License-Identifier: ISC
 *
 * Which parts of a mail are S/MIME's (RFC 8551 sections 3.2 to 3.6), how their bodies are encoded, and what stands
 * around them that is none of it.
 */
#ifndef SMIME_WORKER_SMIME_PART_H
#define SMIME_WORKER_SMIME_PART_H

#include "mime.h"

/* Whether a part of that type holds a CMS message, signed or encrypted; `name` is the type alone. */
bool smime_part_is_cms(const char *name, struct view type);
/* Whether a multipart/signed is S/MIME's. */
bool smime_part_is_signed(struct view type);

/* Makes the body readable as it was before it was encoded. ERR_NOT_SUPPORTED. */
MUST_USE int smime_part_decode(struct input *input, struct view header);

/* Reads what stands behind a CMS message: `cms` was read to its end, over `body`, which is decoded as it is told to
 * be. *ret_more: there is more than blanks. */
MUST_USE int smime_part_pass_rest(struct input *body, struct input *cms, bool *ret_more);

/* Whether the text before the parts of a multipart is one of those that programs put there for others. */
bool smime_part_is_usual_preamble(struct view text);

#endif
