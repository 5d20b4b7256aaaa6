/* SPDX-License-Identifier: ISC
 *
 * Pure parser: bytes in, structure or ERR_BAD_CMS out. No recursion, no allocation of its own.
 */
#include "ber.h"

#include <string.h>

#define LENGTH_INDEFINITE UINT64_MAX
/* Longer lengths than 2^56 are claims, not messages. */
#define LENGTH_BYTES_MAX 7

struct header {
	uint8_t tag;
	uint64_t length; /* or LENGTH_INDEFINITE */
	uint8_t bytes[2 + LENGTH_BYTES_MAX];
	size_t size;
};

void ber_init(struct ber *ber, struct input *input)
{
	memset(ber, 0, sizeof *ber);
	ber->input = input;
	ber->levels[0] = (struct ber_level){BER_UNKNOWN, false};
}

static struct ber_level *present(struct ber *ber)
{
	return &ber->levels[ber->depth];
}

static int spend(struct ber *ber, uint64_t length)
{
	struct ber_level *level = present(ber);

	if (level->left == BER_UNKNOWN)
		return 0;
	if (length > level->left)
		return ERR_BAD_CMS;
	level->left -= length;
	return 0;
}

static int take(struct ber *ber, void *into, size_t size)
{
	int rc = spend(ber, size);

	return rc ? rc : input_read_all(ber->input, into, size);
}

static int read_tag(struct ber *ber)
{
	int rc;

	if (ber->have_tag)
		return 0;
	rc = take(ber, &ber->tag, 1);
	if (!rc && (ber->tag & 0x1f) == 0x1f)
		rc = ERR_BAD_CMS;
	ber->have_tag = !rc;
	return rc;
}

int ber_peek(struct ber *ber, uint8_t *ret_tag)
{
	int rc;

	if (!ber->have_tag && !present(ber)->left) {
		*ret_tag = BER_END;
		return present(ber)->indefinite ? ERR_BAD_CMS : 0;
	}
	rc = read_tag(ber);
	if (rc)
		return rc;
	/* An end-of-contents only ends what is open. */
	if (ber->tag == BER_END && !present(ber)->indefinite)
		return ERR_BAD_CMS;
	*ret_tag = ber->tag;
	return 0;
}

static int read_header(struct ber *ber, struct header *header)
{
	uint8_t first;
	int rc = read_tag(ber);

	rc = rc ? rc : take(ber, &first, 1);
	if (rc)
		return rc;
	ber->have_tag = false;
	header->tag = ber->tag;
	header->bytes[0] = ber->tag;
	header->bytes[1] = first;
	header->size = 2;
	header->length = first;
	if (first < 0x80)
		return 0;
	if (first == 0x80) {
		header->length = LENGTH_INDEFINITE;
		return header->tag & BER_CONSTRUCTED ? 0 : ERR_BAD_CMS;
	}
	if ((first & 0x7f) > LENGTH_BYTES_MAX)
		return ERR_BAD_CMS;
	rc = take(ber, header->bytes + 2, first & 0x7f);
	if (rc)
		return rc;
	header->size += first & 0x7f;
	header->length = 0;
	for (size_t i = 2; i < header->size; i++)
		header->length = header->length << 8 | header->bytes[i];
	return 0;
}

static int push(struct ber *ber, const struct header *header)
{
	struct ber_level level = {header->length, false};
	int rc = 0;

	if (ber->depth + 1 >= BER_DEPTH)
		return ERR_BAD_CMS;
	if (header->length == LENGTH_INDEFINITE)
		level = (struct ber_level){present(ber)->left, true};
	else
		rc = spend(ber, header->length);
	if (rc)
		return rc;
	ber->levels[++ber->depth] = level;
	return 0;
}

/* Pops the present level; what an indefinite one spent, it spent of its parent's. */
static void pop(struct ber *ber)
{
	struct ber_level level = *present(ber);

	ber->depth--;
	if (level.indefinite)
		present(ber)->left = level.left;
}

int ber_enter(struct ber *ber, uint8_t tag)
{
	struct header header;
	uint8_t next;
	int rc = ber_peek(ber, &next);

	if (!rc && next != tag)
		rc = ERR_BAD_CMS;
	rc = rc ? rc : read_header(ber, &header);
	return rc ? rc : push(ber, &header);
}

int ber_leave(struct ber *ber)
{
	struct header header;
	uint8_t next;
	int rc = ber_peek(ber, &next);

	if (!rc && next != BER_END)
		rc = ERR_BAD_CMS;
	if (!rc && present(ber)->indefinite) {
		rc = read_header(ber, &header);
		if (!rc && header.length)
			rc = ERR_BAD_CMS;
	}
	if (!rc)
		pop(ber);
	return rc;
}

static int copy_bytes(struct ber *ber, uint64_t length, struct buf *into)
{
	int rc;

	if (length > into->limit)
		return ERR_TOO_LARGE;
	rc = buf_reserve(into, length);
	rc = rc ? rc : take(ber, into->data + into->length, length);
	if (!rc)
		into->length += length;
	return rc;
}

/* One header, and what it holds if that is of known length; else its level is open. */
static int copy_step(struct ber *ber, struct buf *into)
{
	struct header header;
	int rc = read_header(ber, &header);

	rc = rc ? rc : buf_add(into, header.bytes, header.size);
	if (rc)
		return rc;
	if (header.length == LENGTH_INDEFINITE)
		return push(ber, &header);
	if (header.tag != BER_END)
		return copy_bytes(ber, header.length, into);
	if (header.length)
		return ERR_BAD_CMS;
	pop(ber);
	return 0;
}

int ber_copy(struct ber *ber, struct buf *into)
{
	unsigned int depth = ber->depth;
	uint8_t next;
	int rc = ber_peek(ber, &next);

	if (!rc && next == BER_END)
		rc = ERR_BAD_CMS;
	do {
		rc = rc ? rc : copy_step(ber, into);
		if (!rc && ber->depth > depth)
			rc = ber_peek(ber, &next);
	} while (!rc && ber->depth > depth);
	return rc;
}

int ber_octets_begin(struct ber *ber, uint8_t tag)
{
	struct header header;
	uint8_t next;
	int rc = ber_peek(ber, &next);

	if (!rc && (next & ~BER_CONSTRUCTED) != tag)
		rc = ERR_BAD_CMS;
	rc = rc ? rc : read_header(ber, &header);
	rc = rc ? rc : push(ber, &header);
	if (rc)
		return rc;
	ber->octets_depth = ber->depth;
	ber->octets_primitive = !(header.tag & BER_CONSTRUCTED);
	ber->octets_left = ber->octets_primitive ? header.length : 0;
	return 0;
}

/* Goes to the next segment that has octets; none left is octets_depth 0. */
static int next_segment(struct ber *ber)
{
	while (!ber->octets_left && ber->octets_depth) {
		uint8_t tag;
		struct header header;
		int rc = ber_peek(ber, &tag);

		if (rc)
			return rc;
		if (tag == BER_END) {
			bool outermost = ber->depth == ber->octets_depth;

			rc = ber_leave(ber);
			if (rc)
				return rc;
			if (outermost)
				ber->octets_depth = 0;
			continue;
		}
		if (ber->octets_primitive || (tag & ~BER_CONSTRUCTED) != BER_OCTET_STRING)
			return ERR_BAD_CMS;
		rc = read_header(ber, &header);
		if (rc)
			return rc;
		if (tag & BER_CONSTRUCTED)
			rc = push(ber, &header);
		else if (header.length > present(ber)->left)
			rc = ERR_BAD_CMS;
		else
			ber->octets_left = header.length;
		if (rc)
			return rc;
	}
	return 0;
}

int ber_octets_read(struct ber *ber, void *into, size_t size, size_t *ret_length)
{
	size_t got = 0;
	int rc = next_segment(ber);

	*ret_length = 0;
	if (rc || !ber->octets_depth)
		return rc;
	if (size > ber->octets_left)
		size = ber->octets_left;
	rc = input_read(ber->input, into, size, &got);
	if (!rc && !got)
		rc = ERR_BAD_CMS;
	rc = rc ? rc : spend(ber, got);
	if (rc)
		return rc;
	ber->octets_left -= got;
	*ret_length = got;
	return 0;
}
