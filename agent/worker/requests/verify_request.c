/* SPDX-License-Identifier: ISC
 *
 * What can be read again is, where what went out has other line ends than what was signed.
 */
#include "verify_request.h"

#include "collect.h"
#include "detail.h"
#include "keys.h"
#include "log.h"
#include "mail_verify.h"
#include "raw_verify.h"

#include <sys/stat.h>
#include <unistd.h>

static int verify_once(const struct verify_request *request, bool as_stored, struct layer_list *layers)
{
	struct verify_options options = {.at = request->at, .output = request->output, .as_stored = as_stored};

	return request->mail ? mail_verify(request->input, &options, layers)
			     : raw_verify(request->input, request->content, &options, layers);
}

/* Where a message begins that can be read again, and where a file ends that can be cut off again; or -1. */
struct places {
	off_t in, out;
};

static bool is_of_size(int fd, off_t size)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size == size;
}

static struct places mark_places(const struct verify_request *request)
{
	int out = request->output ? request->output->fd : -1;
	struct places places = {lseek(request->input->fd, 0, SEEK_CUR), lseek(out, 0, SEEK_CUR)};

	if (!is_of_size(out, places.out))
		places.out = -1;
	return places;
}

/* A mail too large to hold goes out with CRLF, as mail is signed. This one was signed with the line ends that it has. */
static int verify_as_stored(const struct verify_request *request, const struct places *places, struct layer_list *layers)
{
	struct output *output = request->output;

	/* What somebody else wrote behind it meanwhile is not ours to cut off. */
	if (places->in < 0 || places->out < 0 || !is_of_size(output->fd, places->out + (off_t)output->written) ||
	    lseek(request->input->fd, places->in, SEEK_SET) < 0 || ftruncate(output->fd, places->out) ||
	    lseek(output->fd, places->out, SEEK_SET) < 0)
		return ERR_LINE_ENDS;
	layer_list_done(layers);
	layer_list_init(layers);
	input_restart(request->input);
	output_init(output, output->fd);
	return verify_once(request, true, layers);
}

bool verify_request_found(const struct layer_list *layers)
{
	for (const struct layer *layer = layers->first; layer; layer = layer->next)
		if (layer->signatures)
			return true;
	return false;
}

int verify_request_run(const struct verify_request *request, struct layer_list *layers)
{
	struct places places = mark_places(request);
	int rc;

	/* Keys of tokens are no more than help here. */
	if (keys_refresh(LIST_KNOWN))
		log_debug("verifying without the tokens' certificates");
	detail_clear();
	rc = trust_begin(&request->trust);
	if (!rc) {
		int err = verify_once(request, false, layers);

		if (err == ERR_LINE_ENDS)
			err = verify_as_stored(request, &places, layers);
		layers->error = err;
		if (!err && !request->at)
			collect_signers(layers);
	}
	trust_end();
	return rc;
}
