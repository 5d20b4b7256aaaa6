/* SPDX-License-Identifier: ISC
 *
 * Lengths and headers.
 */
#include "der.h"

#include <openssl/asn1.h>

int der_add_header(struct buf *into, uint8_t tag, size_t length)
{
	uint8_t bytes[2 + sizeof length];
	size_t count = 0;

	for (size_t rest = length; rest; rest >>= 8)
		count++;
	bytes[0] = tag;
	if (length < 0x80) {
		bytes[1] = (uint8_t)length;
		return buf_add(into, bytes, 2);
	}
	bytes[1] = (uint8_t)(0x80 | count);
	for (size_t i = 0; i < count; i++)
		bytes[2 + i] = (uint8_t)(length >> (8 * (count - 1 - i)));
	return buf_add(into, bytes, 2 + count);
}

size_t der_element_size(size_t length)
{
	size_t count = 2;

	for (size_t rest = length < 0x80 ? 0 : length; rest; rest >>= 8)
		count++;
	return count + length;
}

int der_take(struct view *from, struct view *ret_whole, struct view *ret_inside)
{
	const unsigned char *at = from->data;
	long length;
	int tag, class;

	if (ASN1_get_object(&at, &length, &tag, &class, (long)from->length) & 0x80)
		return ERR_INTERNAL;
	*ret_inside = (struct view){at, (size_t)length};
	*ret_whole = (struct view){from->data, (size_t)(at - from->data) + (size_t)length};
	from->data += ret_whole->length;
	from->length -= ret_whole->length;
	return 0;
}

int der_write_segment(struct output *output, const void *data, size_t length)
{
	CLEAN_BUF struct buf header = BUF_INIT(16);
	int rc = der_add_header(&header, 0x04, length);

	rc = rc ? rc : output_write(output, header.data, header.length);
	return rc ? rc : output_write(output, data, length);
}
