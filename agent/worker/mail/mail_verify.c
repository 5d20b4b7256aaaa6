/* SPDX-License-Identifier: ISC
 *
 * Goes through a message from the outside in, once, with each layer an input over the layer around it.
 * What is wrong with a layer is written down there and the rest of it read past; what is around it goes
 * on. Nothing inside can make what is around it better.
 */
#include "mail_verify.h"

#include "clean_ssl.h"
#include "cms_decrypt.h"
#include "cms_verify.h"
#include "multipart.h"
#include "protected_header.h"
#include "smime_part.h"
#include "stream.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Each may cost a token's operation, and a PIN. */
#define DECRYPTIONS_MAX 8

struct walk {
	const struct verify_options *options;
	struct layer_list *layers;
	bool output_taken; /* by the outermost signature */
	unsigned int depth, parts, decryptions;
};

/* What the parts of one multipart are, for what stands beside what. */
struct mix {
	struct mix *outer;
	unsigned int html;
};

/* Where an entity stands. */
struct place {
	struct layer *inside; /* the layer around it, or NULL */
	struct view mail;     /* the header of the mail that it belongs to */
	bool whole;	      /* it is all of the message */
	bool payload;	      /* it is all of what the layer around it protects */
	const char *path;
	struct mix *mix;
};

/* Whether an error is an answer about the message, so that the rest can still be looked at. */
static bool is_about_message(int rc)
{
	return rc != ERR_TOO_LARGE && rc != ERR_LINE_ENDS && error_status(rc) == 1;
}

static int walk_entity(struct walk *walk, struct input *input, const struct place *place);

static int new_layer(struct walk *walk, enum layer_kind kind, const struct place *place,
		     struct layer **ret_layer)
{
	struct layer *layer;
	int rc = layer_add(walk->layers, kind, &layer);

	if (rc)
		return rc;
	layer->inside = place->inside;
	layer->whole = place->whole && kind != LAYER_FORWARDED;
	snprintf(layer->path, sizeof layer->path, "%s", place->path);
	*ret_layer = layer;
	return 0;
}

/* The content of a layer, from its first byte to its last. */
static int walk_content(struct walk *walk, struct stream *stream, struct layer *layer,
			const struct place *place)
{
	struct place content = *place;
	int rc;

	content.inside = layer;
	content.payload = true;
	content.mix = layer->kind == LAYER_ENCRYPTED ? NULL : place->mix;
	rc = walk_entity(walk, &stream->input, &content);
	if (rc && !is_about_message(rc))
		return rc;
	/* An error of the layer itself comes again here. */
	return stream_drain(stream);
}

static unsigned int reasons_of(int rc)
{
	return rc == ERR_NOT_SUPPORTED ? REASON_NOT_SUPPORTED : REASON_DAMAGED;
}

/* The layer's signatures have been checked, or could not be: rc. */
static int judge(struct layer *layer, const struct place *place, int rc)
{
	if (rc && !is_about_message(rc))
		return rc;
	if (rc)
		layer->reasons |= reasons_of(rc);
	else if (!layer->signatures)
		layer->reasons |= REASON_NO_SIGNER;
	header_judge_sender(layer, place->mail);
	return 0;
}

/* What was signed goes out if every signature around it is true, whatever else may be said of it. */
static int finish_output(const struct layer *layer, struct signed_output *out, bool differ)
{
	if (reason_verdict(layer_reasons(layer)) >= VERDICT_CANNOT)
		return 0;
	return signed_output_end(out, differ, layer->signatures && layer->signatures->canonical);
}

static void take_output(struct walk *walk, const struct place *place, struct signed_output *out, bool forms)
{
	bool mine = place->whole && !walk->output_taken;

	signed_output_init(out, mine ? walk->options->output : NULL, forms);
	walk->output_taken = walk->output_taken || mine;
}

/* RFC 8551 section 2.4.2: what was signed as a time stamp's, say, is no mail. */
static int check_content_type(const struct cms_verification *work)
{
	return cms_verify_is_data(work) ? 0 : ERR_NOT_SUPPORTED;
}

static int walk_opaque_content(struct walk *walk, struct cms_verification *work, struct layer *layer,
			       const struct place *place, struct signed_output *out)
{
	struct stream *stream = stream_new(cms_verify_read, work);
	bool detached = cms_verify_is_detached(work);
	int rc = stream ? 0 : ERR_NO_MEMORY;

	if (stream)
		stream->out = out;
	rc = rc ? rc : check_content_type(work);
	if (!rc && !detached)
		rc = walk_content(walk, stream, layer, place);
	free(stream);
	return rc ? rc : cms_verify_end(work, detached, walk->options->at, &layer->signatures);
}

static int walk_opaque(struct walk *walk, struct input *cms, const struct place *place)
{
	struct cms_verification *work = NULL;
	struct signed_output out;
	struct layer *layer;
	int rc = new_layer(walk, LAYER_SIGNED, place, &layer);

	if (rc)
		return rc;
	take_output(walk, place, &out, false);
	rc = cms_verify_begin(cms, NULL, &work);
	rc = rc ? rc : walk_opaque_content(walk, work, layer, place, &out);
	rc = judge(layer, place, rc);
	rc = rc ? rc : finish_output(layer, &out, false);
	signed_output_done(&out);
	cms_verify_free(work);
	return rc;
}

static int walk_encrypted(struct walk *walk, struct input *cms, const struct place *place)
{
	struct cms_decryption *work = NULL;
	struct stream *stream = NULL;
	struct layer *layer;
	int rc = new_layer(walk, LAYER_ENCRYPTED, place, &layer);

	if (!rc && ++walk->decryptions > DECRYPTIONS_MAX)
		rc = ERR_TOO_LARGE;
	if (rc)
		return rc;
	rc = cms_decrypt_begin(cms, NULL, &work);
	if (!rc) {
		layer->cipher = cms_decrypt_cipher(work);
		layer->notes |= cms_decrypt_authenticated(work) ? 0 : LAYER_UNAUTHENTICATED;
		stream = stream_new(cms_decrypt_read, work);
		rc = stream ? walk_content(walk, stream, layer, place) : ERR_NO_MEMORY;
	}
	free(stream);
	cms_decrypt_free(work);
	layer->error = rc;
	return is_about_message(rc) ? 0 : rc;
}

/* What stands behind a CMS message that could be read. */
static int note_rest(struct input *body, struct input *cms, struct layer *layer)
{
	bool more = false;
	int rc = smime_part_pass_rest(body, cms, &more);

	layer->notes |= more ? LAYER_UNSIGNED_TEXT : 0;
	return rc;
}

static int walk_cms(struct walk *walk, struct input *input, struct view header, const struct place *place)
{
	enum signed_kind kind = SIGNED_NO_CMS;
	struct layer **made = walk->layers->end;
	struct stream *stream;
	int rc = smime_part_decode(input, header);

	if (rc)
		return rc;
	stream = stream_over(input);
	if (!stream)
		return ERR_NO_MEMORY;
	rc = signed_look(&stream->input, &kind);
	if (!rc && kind == SIGNED_DATA)
		rc = walk_opaque(walk, &stream->input, place);
	else if (!rc && kind == SIGNED_ENVELOPED)
		rc = walk_encrypted(walk, &stream->input, place);
	if (!rc && *made && !(*made)->error && !(*made)->reasons)
		rc = note_rest(input, &stream->input, *made);
	free(stream);
	return rc;
}

/* The second part of multipart/signed. */
static int check_signature_part(struct walk *walk, struct multipart *parts, struct layer *layer,
				const struct digests *digests)
{
	CLEAN_BUF struct buf block = BUF_INIT(MIME_HEADER_MAX);
	struct stream *part = stream_new(multipart_read, parts);
	struct stream *cms = part ? stream_over(&part->input) : NULL;
	struct cms_verification *work = NULL;
	bool detached;
	int rc = cms ? mime_read_header(&part->input, &block) : ERR_NO_MEMORY;

	rc = rc ? rc : smime_part_decode(&part->input, buf_view(&block));
	rc = rc ? rc : cms_verify_begin(&cms->input, digests, &work);
	rc = rc ? rc : check_content_type(work);
	detached = !rc && cms_verify_is_detached(work);
	/* Which of the two contents would it be? */
	if (!rc && !detached)
		layer->reasons |= REASON_OWN_CONTENT;
	if (!rc && detached)
		rc = cms_verify_end(work, false, walk->options->at, &layer->signatures);
	if (!rc && detached)
		rc = note_rest(&part->input, &cms->input, layer);
	cms_verify_free(work);
	free(cms);
	free(part);
	return rc == ERR_NOT_MAIL ? ERR_BAD_CMS : rc;
}

static int walk_signed_part(struct walk *walk, struct multipart *parts, struct layer *layer,
			    const struct place *place, struct digests *digests, struct signed_output *out)
{
	struct stream *stream = stream_new(multipart_read, parts);
	int rc;

	if (!stream)
		return ERR_NO_MEMORY;
	stream->digests = digests;
	stream->out = out;
	rc = walk_content(walk, stream, layer, place);
	free(stream);
	return rc;
}

/* Before the parts there is at most a line for programs that do not know them. */
static int pass_preamble(struct multipart *parts, struct layer *layer)
{
	uint8_t text[256];
	size_t length = 0, got = 1;
	int rc = 0;

	while (!rc && got && length < sizeof text) {
		rc = multipart_read(parts, text + length, sizeof text - length, &got);
		length += rc ? 0 : got;
	}
	if (!rc && !smime_part_is_usual_preamble((struct view){text, length}))
		layer->notes |= LAYER_UNSIGNED_TEXT;
	return rc;
}

/* Behind the signature there should be nothing. */
static int pass_rest(struct multipart *parts, struct layer *layer)
{
	bool more = true;
	int rc = multipart_next(parts, &more);

	while (!rc && more) {
		layer->notes |= LAYER_EXTRA_PARTS;
		layer->whole = false;
		rc = multipart_next(parts, &more);
	}
	rc = rc ? rc : multipart_next(parts, &more);
	layer->notes |= parts->had_text ? LAYER_UNSIGNED_TEXT : 0;
	return rc;
}

/* Content, signature, and what else there may be around them. */
static int walk_signed_parts(struct walk *walk, struct multipart *parts, struct layer *layer,
			     const struct place *place, struct digests *digests, struct signed_output *out)
{
	bool more;
	int rest, rc = pass_preamble(parts, layer);

	rc = rc ? rc : multipart_next(parts, &more);
	if (rc || !more)
		return rc ? rc : ERR_BAD_CMS;
	rc = walk_signed_part(walk, parts, layer, place, digests, out);
	rc = rc ? rc : multipart_next(parts, &more);
	if (rc || !more)
		return rc ? rc : ERR_BAD_CMS;
	rc = check_signature_part(walk, parts, layer, digests);
	if (rc && !is_about_message(rc))
		return rc;
	rest = pass_rest(parts, layer);
	return rest ? rest : rc;
}

static int begin_signed(struct view type, struct input *input, struct multipart *parts, struct digests *digests)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 2], micalg[128] = "";
	int rc;

	digests_init(digests, true);
	/* Of two each program would take another one, and see other parts. */
	if (mime_parameter_count(type, "boundary") != 1 ||
	    !mime_parameter(type, "boundary", boundary, sizeof boundary))
		return ERR_BAD_CMS;
	if (!mime_parameter(type, "micalg", micalg, sizeof micalg))
		*micalg = 0;
	rc = digests_add_micalg(digests, micalg);
	rc = rc ? rc : multipart_begin(parts, input, boundary);
	return rc == ERR_NOT_MAIL ? ERR_BAD_CMS : rc;
}

static int walk_signed(struct walk *walk, struct input *input, struct view type, const struct place *place)
{
	CLEAN_DIGESTS struct digests digests;
	struct signed_output out;
	struct multipart parts;
	struct layer *layer;
	int rc = begin_signed(type, input, &parts, &digests);
	int made = new_layer(walk, LAYER_SIGNED, place, &layer);

	if (made)
		return made;
	layer->detached = true;
	take_output(walk, place, &out, !walk->options->as_stored);
	rc = rc ? rc : walk_signed_parts(walk, &parts, layer, place, &digests, &out);
	if (!rc && layer->reasons & REASON_OWN_CONTENT)
		header_judge_sender(layer, place->mail);
	else
		rc = judge(layer, place, rc);
	rc = rc ? rc : finish_output(layer, &out, digests.differ);
	signed_output_done(&out);
	return rc;
}

static int walk_part(struct walk *walk, struct multipart *parts, struct mix *mix, unsigned int number,
		     const struct place *place)
{
	struct stream *stream = stream_new(multipart_read, parts);
	struct place part = *place;
	char path[LAYER_PATH_SIZE];
	int rc = stream ? 0 : ERR_NO_MEMORY;

	if (!rc && ++walk->parts > LAYER_PARTS_MAX)
		rc = ERR_TOO_LARGE;
	snprintf(path, sizeof path, "%s%s%u", place->path, *place->path ? "." : "", number);
	part.path = path;
	part.whole = part.payload = false;
	part.mix = mix;
	rc = rc ? rc : walk_entity(walk, &stream->input, &part);
	free(stream);
	return is_about_message(rc) ? 0 : rc;
}

static int walk_multipart(struct walk *walk, struct input *input, struct view type, const struct place *place)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 2];
	struct mix mix = {.outer = place->mix};
	struct layer **end = walk->layers->end;
	struct multipart parts;
	unsigned int count = 0;
	bool more = true;
	int rc;

	if (!mime_parameter(type, "boundary", boundary, sizeof boundary))
		return 0;
	rc = multipart_begin(&parts, input, boundary);
	if (rc == ERR_NOT_MAIL)
		return 0;
	rc = rc ? rc : multipart_next(&parts, &more);
	while (!rc && more) {
		rc = walk_part(walk, &parts, &mix, ++count, place);
		rc = rc ? rc : multipart_next(&parts, &more);
	}
	if (count > 1)
		layer_note_neighbours(*end, place->inside, mix.html);
	return rc;
}

static int walk_forwarded(struct walk *walk, struct input *input, const struct place *place)
{
	struct place inner = {.path = place->path, .mix = place->mix};
	struct layer *layer;
	struct stream *stream;
	int rc = new_layer(walk, LAYER_FORWARDED, place, &layer);

	if (rc)
		return rc;
	stream = stream_over(input);
	if (!stream)
		return ERR_NO_MEMORY;
	inner.inside = layer;
	rc = walk_entity(walk, &stream->input, &inner);
	free(stream);
	return rc;
}

static void note_leaf(const char *name, const struct place *place)
{
	for (struct mix *mix = place->mix; mix; mix = mix->outer)
		mix->html += !strcmp(name, "text/html");
	/* RFC 2046 sections 5.2.2 and 5.2.3: a reference to a file, and a fragment of another mail. Who signed that did
	 * not sign what is shown. */
	if (strcmp(name, "message/external-body") && strcmp(name, "message/partial"))
		return;
	for (struct layer *layer = place->inside; layer; layer = layer->inside) {
		layer->notes |= LAYER_ELSEWHERE;
		layer->whole = false;
	}
}

static int walk_body(struct walk *walk, struct input *input, struct view header, const struct place *place)
{
	struct mime_field type = {0};
	char name[64] = "";

	if (mime_is_ambiguous(header) || mime_is_encoded(header))
		return 0;
	if (mime_find_field(header, "Content-Type", &type))
		mime_token(type.value, name, sizeof name);
	if (smime_part_is_cms(name, type.value))
		return walk_cms(walk, input, header, place);
	if (!strcmp(name, "multipart/signed") && smime_part_is_signed(type.value))
		return walk_signed(walk, input, type.value, place);
	if (!strncmp(name, "multipart/", 10))
		return walk_multipart(walk, input, type.value, place);
	if (!strcmp(name, "message/rfc822") || !strcmp(name, "message/global"))
		return walk_forwarded(walk, input, place);
	note_leaf(name, place);
	return 0;
}

static int walk_entity(struct walk *walk, struct input *input, const struct place *place)
{
	CLEAN_BUF struct buf block = BUF_INIT(MIME_HEADER_MAX);
	struct place here = *place;
	int rc = mime_read_header(input, &block);

	if (rc)
		return rc;
	if (walk->depth == LAYER_DEPTH_MAX)
		return ERR_TOO_LARGE;
	if (!here.mail.data)
		here.mail = buf_view(&block);
	else if (place->payload)
		rc = header_compare(place->inside, buf_view(&block), place->mail);
	walk->depth++;
	rc = rc ? rc : walk_body(walk, input, buf_view(&block), &here);
	walk->depth--;
	return rc;
}

int mail_verify(struct input *input, const struct verify_options *options, struct layer_list *layers)
{
	struct walk walk = {.options = options, .layers = layers};
	struct place place = {.whole = true, .path = ""};
	int rc = walk_entity(&walk, input, &place);

	return is_about_message(rc) && rc != ERR_NOT_MAIL ? 0 : rc;
}
