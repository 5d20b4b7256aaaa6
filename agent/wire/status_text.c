/* SPDX-License-Identifier: ISC
 *
 * Facts, put together as text or as JSON.
 */
#include "status_text.h"

#include "cleanup.h"
#include "printable.h"

#include <string.h>

/* What is told more than once, and its name in JSON. */
static const struct {
	const char *name, *plural;
} several[STATUS_TEXT_SEVERAL] = {
	{"module", "modules"}, {"module_problem", "module_problems"}, {"reader", "readers"}};

int status_text_begin(struct status_text *status, struct buf *into, bool json)
{
	*status = (struct status_text){.into = into, .json = json};
	for (size_t i = 0; i < STATUS_TEXT_SEVERAL; i++)
		status->several[i] = BUF_INIT(65536);
	return json ? buf_add_u8(into, '{') : 0;
}

int status_text_add(struct status_text *status, struct view name, struct view value)
{
	char text[32];
	int rc;

	if (name.length >= sizeof text)
		return ERR_PROTOCOL;
	memcpy(text, name.data, name.length);
	text[name.length] = 0;
	for (size_t i = 0; i < STATUS_TEXT_SEVERAL && status->json; i++)
		if (!strcmp(text, several[i].name)) {
			rc = status->several[i].length ? buf_add_u8(&status->several[i], '\n') : 0;
			return rc ? rc : buf_add(&status->several[i], value.data, value.length);
		}
	return status->json ? printable_field(status->into, text, value) : printable_line(status->into, text, value);
}

int status_text_end(struct status_text *status)
{
	int rc = 0;

	for (size_t i = 0; i < STATUS_TEXT_SEVERAL && status->json && !rc; i++)
		rc = printable_lines_field(status->into, several[i].plural, buf_view(&status->several[i]));
	return rc || !status->json ? rc : buf_add_format(status->into, "}\n");
}

void status_text_done(struct status_text *status)
{
	for (size_t i = 0; i < STATUS_TEXT_SEVERAL; i++)
		buf_done(&status->several[i]);
}
