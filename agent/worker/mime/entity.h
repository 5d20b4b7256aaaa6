/* SPDX-License-Identifier: ISC
 *
 * The MIME entity of a mail, as a stream: what is signed or encrypted. Its fields, an empty line, the body, with
 * CRLF line ends (RFC 8551 section 3.1.1).
 */
#ifndef SMIME_WORKER_ENTITY_H
#define SMIME_WORKER_ENTITY_H

#include "crlf.h"
#include "protect.h"

struct entity {
	struct input *input;
	bool as_is; /* the body's line ends stay */
	struct buf head;
	size_t at; /* what of it was read */
	struct crlf body;
};

/* Of a mail whose header was read off the input. entity_done in any case. */
MUST_USE int entity_init(struct entity *entity, struct input *input, struct view header,
			 enum protection protection);
/* Has the shape of input_read. */
MUST_USE int entity_read(void *entity, void *into, size_t size, size_t *ret_length);
void entity_done(struct entity *entity);

#endif
