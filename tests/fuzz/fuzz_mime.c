/* SPDX-License-Identifier: ISC
 *
 * Mail headers: the fields are the header, byte for byte; answers end where their room does; and
 * canonical line ends are canonical, in one piece or two.
 */
#include "fuzz.h"
#include "mime.h"

#include <string.h>

static int keep(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

static void check_value(struct view value)
{
	static const char *const names[] = {"name", "smime-type", "boundary"};
	char small[8], large[256];

	mime_token(value, small, sizeof small);
	mime_token(value, large, sizeof large);
	require(!strncmp(small, large, sizeof small - 1) && strlen(small) < sizeof small);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (mime_parameter(value, names[i], small, sizeof small)) {
			require(mime_parameter(value, names[i], large, sizeof large));
			require(!strcmp(small, large));
		}
	if (mime_address(value, large, sizeof large))
		require(strchr(large, '@') && !strpbrk(large, "<>\r\n "));
	if (mime_address(value, small, sizeof small))
		require(!strcmp(small, large));
}

static void check_fields(struct view block)
{
	struct view rest = block;
	struct mime_field field, found;
	size_t length = 0;
	char name[32];

	while (mime_next_field(&rest, &field)) {
		require(field.whole.data == block.data + length && field.whole.length);
		require(field.name.length + field.value.length <= field.whole.length);
		length += field.whole.length;
		check_value(field.value);
		if (field.name.length >= sizeof name || memchr(field.name.data, 0, field.name.length))
			continue;
		memcpy(name, field.name.data, field.name.length);
		name[field.name.length] = 0;
		require(mime_find_field(block, name, &found) && found.whole.data <= field.whole.data);
	}
	require(length == block.length);
}

/* A mailbox's line before the mail. */
static size_t mbox_line(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 5 && !memcmp(data, "From ", 5) ? memchr(data, '\n', size) : NULL;

	return end ? (size_t)(end - data) + 1 : 0;
}

static void check_header(const uint8_t *data, size_t size)
{
	size_t skip = mbox_line(data, size);
	static struct input input;
	CLEAN_BUF struct buf block = BUF_INIT(MIME_HEADER_MAX);
	CLEAN_FD int fd = fuzz_file(data, size);
	size_t length = mime_header_length((struct view){data, size});

	input_init(&input, fd);
	if (mime_read_header(&input, &block))
		return;
	require(length ? block.length < length : block.length == size - skip);
	require(block.length <= size - skip && !memcmp(block.data, data + skip, block.length));
	check_fields(buf_view(&block));
}

static void check_canonical(const uint8_t *data, size_t size, size_t cut)
{
	CLEAN_BUF struct buf once = BUF_INIT(SIZE_MAX / 2), halves = BUF_INIT(SIZE_MAX / 2);
	CLEAN_BUF struct buf twice = BUF_INIT(SIZE_MAX / 2);
	uint8_t last = 0;

	require(!mime_canonical((struct view){data, size}, &last, keep, &once));
	last = 0;
	require(!mime_canonical((struct view){data, cut}, &last, keep, &halves));
	require(!mime_canonical((struct view){data + cut, size - cut}, &last, keep, &halves));
	last = 0;
	require(!mime_canonical(buf_view(&once), &last, keep, &twice));
	require(view_equal(buf_view(&once), buf_view(&halves)));
	require(view_equal(buf_view(&once), buf_view(&twice)));
	for (size_t i = 0; i < once.length; i++)
		require(once.data[i] != '\n' || (i && once.data[i - 1] == '\r'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int lowest = fuzz_lowest_fd();

	check_header(data, size);
	check_value((struct view){data, size});
	check_fields((struct view){data, size});
	check_canonical(data, size, size ? data[0] % size : 0);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
