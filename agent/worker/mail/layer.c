/* SPDX-License-Identifier: ISC
 *
 * The list of layers, and what all of them come to.
 */
#include "layer.h"

#include <string.h>

#define DIFFERING_MAX 4096

void layer_list_init(struct layer_list *list)
{
	*list = (struct layer_list){.end = &list->first};
}

void layer_list_done(struct layer_list *list)
{
	while (list->first) {
		struct layer *layer = list->first;

		list->first = layer->next;
		signature_free(layer->signatures);
		buf_done(&layer->differing);
		free(layer);
	}
	layer_list_init(list);
}

int layer_add(struct layer_list *list, enum layer_kind kind, struct layer **ret_layer)
{
	struct layer *layer;

	if (list->count == LAYER_COUNT_MAX)
		return ERR_TOO_LARGE;
	layer = calloc(1, sizeof *layer);
	if (!layer)
		return ERR_NO_MEMORY;
	layer->kind = kind;
	layer->number = ++list->count;
	layer->differing = BUF_INIT(DIFFERING_MAX);
	*list->end = layer;
	list->end = &layer->next;
	*ret_layer = layer;
	return 0;
}

unsigned int layer_reasons(const struct layer *layer)
{
	unsigned int reasons = layer->reasons;

	for (const struct signature *s = layer->signatures; s; s = s->next)
		reasons |= s->reasons;
	return reasons;
}

int layer_list_verdict(const struct layer_list *list)
{
	unsigned int reasons = 0;
	bool any = false, whole = false;
	int error = list->error;

	for (const struct layer *layer = list->first; layer; layer = layer->next) {
		error = error ? error : layer->error;
		if (layer->kind != LAYER_SIGNED)
			continue;
		reasons |= layer_reasons(layer);
		any = true;
		whole = whole || layer->whole;
	}
	if (reason_verdict(reasons) == VERDICT_BAD)
		return ERR_BAD_SIGNATURE;
	if (error)
		return error;
	if (reason_verdict(reasons) == VERDICT_CANNOT)
		return ERR_CANNOT_VERIFY;
	if (reason_verdict(reasons) == VERDICT_BUT)
		return ERR_SIGNATURE_BUT;
	return whole ? 0 : any ? ERR_PARTLY_SIGNED : ERR_NOT_SIGNED;
}

/* Whether nothing but signatures and forwarded mails around the layer separates it from what is beside those. */
static bool stands_openly(const struct layer *layer, const struct layer *around)
{
	const struct layer *at = layer->inside;

	while (at && at != around && at->kind != LAYER_ENCRYPTED)
		at = at->inside;
	return at == around;
}

void layer_note_neighbours(struct layer *from, const struct layer *around, bool html)
{
	for (struct layer *layer = from; layer; layer = layer->next)
		if (layer->kind == LAYER_ENCRYPTED && stands_openly(layer, around))
			layer->notes |= LAYER_AMONG_PARTS | (html ? LAYER_AMONG_HTML : 0);
}
