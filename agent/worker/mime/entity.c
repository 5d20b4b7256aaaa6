/* SPDX-License-Identifier: ISC
 *
 * Reads a mail as its entity.
 */
#include "entity.h"

#include <string.h>

static int collect(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

int entity_init(struct entity *entity, struct input *input, struct view header, enum protection protection)
{
	int rc;

	entity->input = input;
	entity->as_is = false;
	/* With CRLF, and the copies that HP-Outer makes. */
	entity->head = BUF_INIT(8 * MIME_HEADER_MAX);
	entity->at = 0;
	crlf_init(&entity->body, input);
	rc = protect_write_payload(header, protection, collect, &entity->head);
	return rc ? rc : buf_add(&entity->head, "\r\n", 2);
}

void entity_done(struct entity *entity)
{
	buf_done(&entity->head);
	crlf_done(&entity->body);
}

int entity_read(void *context, void *into, size_t size, size_t *ret_length)
{
	struct entity *entity = context;
	size_t length = entity->head.length - entity->at;

	if (!length && entity->as_is)
		return input_read(entity->input, into, size, ret_length);
	if (!length)
		return crlf_read(&entity->body, into, size, ret_length);
	length = length < size ? length : size;
	memcpy(into, entity->head.data + entity->at, length);
	entity->at += length;
	*ret_length = length;
	return 0;
}
