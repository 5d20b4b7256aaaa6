/* SPDX-License-Identifier: ISC
 *
 * Byte buffers and views. Pure: no descriptors, no policy. Whoever decodes with it decodes
 * hostile bytes, so every length is checked before it is used.
 */
#include "buf.h"

#include "secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void release(uint8_t *data, size_t capacity, bool secret)
{
	if (secret)
		secret_release(data, capacity);
	else
		free(data);
}

void buf_done(struct buf *buf)
{
	if (!buf)
		return;
	release(buf->data, buf->capacity, buf->secret);
	buf->data = NULL;
	buf->length = buf->capacity = 0;
}

void buf_clear(struct buf *buf)
{
	if (buf->secret && buf->length)
		secret_wipe(buf->data, buf->length);
	buf->length = 0;
}

int buf_reserve(struct buf *buf, size_t more)
{
	size_t need, capacity;
	uint8_t *data;

	if (buf->length > buf->limit || more > buf->limit - buf->length)
		return ERR_TOO_LARGE;
	need = buf->length + more;
	if (need <= buf->capacity)
		return 0;
	capacity = buf->capacity ? buf->capacity : 256;
	while (capacity < need)
		capacity *= 2;
	data = buf->secret ? secret_alloc(capacity) : malloc(capacity);
	if (!data)
		return ERR_NO_MEMORY;
	if (buf->length)
		memcpy(data, buf->data, buf->length);
	release(buf->data, buf->capacity, buf->secret);
	buf->data = data;
	buf->capacity = capacity;
	return 0;
}

int buf_add(struct buf *buf, const void *data, size_t length)
{
	int rc;

	if (!length)
		return 0;
	rc = buf_reserve(buf, length);
	if (rc)
		return rc;
	memcpy(buf->data + buf->length, data, length);
	buf->length += length;
	return 0;
}

static int add_number(struct buf *buf, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
	return buf_add(buf, bytes, size);
}

int buf_add_u8(struct buf *buf, uint8_t value)
{
	return add_number(buf, value, 1);
}

int buf_add_u16(struct buf *buf, uint16_t value)
{
	return add_number(buf, value, 2);
}

int buf_add_u32(struct buf *buf, uint32_t value)
{
	return add_number(buf, value, 4);
}

int buf_add_u64(struct buf *buf, uint64_t value)
{
	return add_number(buf, value, 8);
}

int buf_add_bytes(struct buf *buf, struct view bytes)
{
	int rc;

	if (bytes.length > UINT32_MAX)
		return ERR_TOO_LARGE;
	rc = buf_reserve(buf, 4 + bytes.length);
	if (rc)
		return rc;
	rc = buf_add_u32(buf, (uint32_t)bytes.length);
	return rc ? rc : buf_add(buf, bytes.data, bytes.length);
}

int buf_add_format(struct buf *buf, const char *format, ...)
{
	va_list args;
	int length, rc;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		return ERR_INTERNAL;
	rc = buf_reserve(buf, (size_t)length + 1);
	if (rc)
		return rc;
	va_start(args, format);
	vsnprintf((char *)buf->data + buf->length, (size_t)length + 1, format, args);
	va_end(args);
	buf->length += (size_t)length;
	return 0;
}

int buf_terminate(struct buf *buf)
{
	int rc = buf_reserve(buf, 1);

	if (!rc)
		buf->data[buf->length] = 0;
	return rc;
}

void buf_join_lines(struct buf *buf, char separator)
{
	for (size_t i = 0; i < buf->length; i++)
		if (buf->data[i] == '\n')
			buf->data[i] = (uint8_t)separator;
}

struct view buf_view(const struct buf *buf)
{
	return (struct view){buf->data, buf->length};
}

struct view view_string(const char *string)
{
	return (struct view){(const uint8_t *)string, string ? strlen(string) : 0};
}

static int view_number(struct view *view, size_t size, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (view->length < size)
		return ERR_PROTOCOL;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | view->data[i];
	view->data += size;
	view->length -= size;
	*ret_value = value;
	return 0;
}

int view_u8(struct view *view, uint8_t *ret_value)
{
	uint64_t value;
	int rc = view_number(view, 1, &value);

	if (!rc)
		*ret_value = (uint8_t)value;
	return rc;
}

int view_u16(struct view *view, uint16_t *ret_value)
{
	uint64_t value;
	int rc = view_number(view, 2, &value);

	if (!rc)
		*ret_value = (uint16_t)value;
	return rc;
}

int view_u32(struct view *view, uint32_t *ret_value)
{
	uint64_t value;
	int rc = view_number(view, 4, &value);

	if (!rc)
		*ret_value = (uint32_t)value;
	return rc;
}

int view_u64(struct view *view, uint64_t *ret_value)
{
	return view_number(view, 8, ret_value);
}

int view_bytes(struct view *view, struct view *ret_bytes)
{
	struct view rest = *view;
	uint32_t length;
	int rc = view_u32(&rest, &length);

	if (rc)
		return rc;
	if (length > rest.length)
		return ERR_PROTOCOL;
	*ret_bytes = (struct view){rest.data, length};
	*view = (struct view){rest.data + length, rest.length - length};
	return 0;
}

bool view_line(struct view *lines, struct view *ret_line)
{
	const uint8_t *end = lines->length ? memchr(lines->data, '\n', lines->length) : NULL;
	size_t length = end ? (size_t)(end - lines->data) : lines->length, taken = length + (end ? 1 : 0);

	if (!lines->length)
		return false;
	*ret_line = (struct view){lines->data, length};
	lines->data += taken;
	lines->length -= taken;
	return true;
}

bool view_equal(struct view a, struct view b)
{
	return a.length == b.length && (!a.length || memcmp(a.data, b.data, a.length) == 0);
}

char *view_dup(struct view view)
{
	return view.length ? strndup((const char *)view.data, view.length) : strdup("");
}
