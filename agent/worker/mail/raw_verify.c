/* SPDX-License-Identifier: ISC
 *
 * One layer, and nothing around it.
 */
#include "raw_verify.h"

#include "cms_verify.h"
#include "smime_part.h"
#include "stream.h"

static int pass_content(struct cms_verification *work, struct input *content, struct signed_output *out)
{
	struct stream *stream = stream_over(content);
	size_t got = 1;
	int rc = stream ? 0 : ERR_NO_MEMORY;

	while (!rc && got) {
		uint8_t chunk[16384];

		rc = stream_read(stream, chunk, sizeof chunk, &got);
		rc = rc ? rc : cms_verify_update(work, chunk, got);
		rc = rc ? rc : signed_output_write(out, chunk, got);
	}
	free(stream);
	return rc;
}

static int pass_own_content(struct cms_verification *work, struct signed_output *out)
{
	struct stream *stream = stream_new(cms_verify_read, work);
	int rc = ERR_NO_MEMORY;

	if (stream) {
		stream->out = out;
		rc = stream_drain(stream);
	}
	free(stream);
	return rc;
}

static int verify(struct cms_verification *work, struct input *content, const struct verify_options *options,
		  struct layer *layer)
{
	struct signed_output out;
	bool detached = cms_verify_is_detached(work);
	int rc = 0;

	signed_output_init(&out, options->output, false);
	layer->detached = detached;
	if (!detached && content)
		layer->reasons |= REASON_OWN_CONTENT;
	if (!detached)
		rc = pass_own_content(work, &out);
	else if (content)
		rc = pass_content(work, content, &out);
	rc = rc ? rc : cms_verify_end(work, detached && !content, options->at, &layer->signatures);
	if (!rc && !layer->signatures)
		layer->reasons |= REASON_NO_SIGNER;
	if (!rc && reason_verdict(layer_reasons(layer)) < VERDICT_CANNOT)
		rc = signed_output_end(&out, cms_verify_forms_differ(work), layer->signatures->canonical);
	signed_output_done(&out);
	return rc;
}

int raw_verify(struct input *input, struct input *content, const struct verify_options *options,
	       struct layer_list *layers)
{
	struct stream *stream = stream_over(input);
	struct cms_verification *work = NULL;
	struct layer *layer;
	bool more;
	int rc = stream ? input_enter_armor(input) : ERR_NO_MEMORY;

	rc = rc ? rc : cms_verify_begin(&stream->input, NULL, &work);
	rc = rc ? rc : layer_add(layers, LAYER_SIGNED, &layer);
	if (!rc) {
		layer->whole = true;
		rc = verify(work, content, options, layer);
		rc = rc ? rc : smime_part_pass_rest(input, &stream->input, &more);
		layer->notes |= !rc && more ? LAYER_UNSIGNED_TEXT : 0;
		if (rc == ERR_BAD_CMS)
			layer->reasons |= REASON_DAMAGED;
	}
	cms_verify_free(work);
	free(stream);
	return rc == ERR_BAD_CMS && layers->first ? 0 : rc;
}
