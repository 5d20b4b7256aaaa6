/* SPDX-License-Identifier: ISC
 *
 * Holds, then writes.
 */
#include "signed_output.h"

#include "mime.h"

void signed_output_init(struct signed_output *out, struct output *output, bool forms)
{
	*out = (struct signed_output){
		.output = output, .forms = forms, .held = BUF_INIT(SIGNED_OUTPUT_HOLD)};
}

void signed_output_done(struct signed_output *out)
{
	buf_done(&out->held);
}

static int write_out(void *context, const void *data, size_t length)
{
	return output_write(context, data, length);
}

static int put(struct signed_output *out, struct view bytes, bool canonical)
{
	if (canonical)
		return mime_canonical(bytes, &out->last, write_out, out->output);
	return output_write(out->output, bytes.data, bytes.length);
}

int signed_output_write(struct signed_output *out, const void *data, size_t length)
{
	int rc = 0;

	if (!out->output)
		return 0;
	if (!out->flowing && length <= out->held.limit - out->held.length)
		return buf_add(&out->held, data, length);
	if (!out->flowing) {
		out->flowing = true;
		rc = put(out, buf_view(&out->held), out->forms);
		buf_done(&out->held);
	}
	return rc ? rc : put(out, (struct view){data, length}, out->forms);
}

int signed_output_end(struct signed_output *out, bool differ, bool canonical)
{
	int rc = 0;

	if (!out->output)
		return 0;
	if (out->flowing && differ && canonical != out->forms)
		return ERR_LINE_ENDS;
	if (!out->flowing)
		rc = put(out, buf_view(&out->held), differ && canonical);
	return rc ? rc : output_flush(out->output);
}
