/* SPDX-License-Identifier: ISC
 *
 * From VERIFY's line to its report.
 */
#include "verify_command.h"

#include "client.h"
#include "collect.h"
#include "keys.h"
#include "log.h"
#include "raw_verify.h"
#include "verify_report.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct verify_request {
	struct verify_options options;
	bool mail, text, json, crl_check;
};

static bool told;

bool verify_told(void)
{
	return told;
}

/* RFC 3339 in UTC, its date alone, or @ and seconds since 1970. */
static int parse_time(const char *text, int64_t *ret_at)
{
	struct tm tm = {0};
	char *end;
	long long seconds;

	if (*text == '@') {
		seconds = strtoll(text + 1, &end, 10);
		*ret_at = seconds;
		return seconds > 0 && !*end ? 0 : ERR_USAGE;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end) {
		tm = (struct tm){0};
		end = strptime(text, "%Y-%m-%d", &tm);
	}
	if (!end || *end)
		return ERR_USAGE;
	*ret_at = (int64_t)timegm(&tm);
	return *ret_at > 0 ? 0 : ERR_USAGE;
}

static int parse_verify(char *line, struct verify_request *request)
{
	char *word;
	int rc = 0;

	while (!rc && (word = client_next_word(&line))) {
		if (!strcmp(word, "--mail"))
			request->mail = true;
		else if (!strcmp(word, "--report"))
			request->text = true;
		else if (!strcmp(word, "--json"))
			request->json = true;
		else if (!strcmp(word, "--crl-check"))
			request->crl_check = true;
		else if (!strncmp(word, "--at=", 5))
			rc = parse_time(word + 5, &request->options.at);
		else
			rc = ERR_USAGE;
	}
	return rc ? rc : request->text && request->json ? ERR_USAGE : 0;
}

static int send_report(const struct verify_request *request, const struct layer_list *layers)
{
	CLEAN_BUF struct buf report = BUF_INIT(VERIFY_REPORT_MAX);
	int rc = verify_report_status(layers, client_send_status);

	if (!rc && request->json)
		rc = verify_report_json(&report, layers);
	else if (!rc && request->text)
		rc = verify_report_text(&report, layers);
	return rc ? rc : client_send_data(report.data, report.length);
}

static int run_verify(const struct verify_request *request, struct layer_list *layers)
{
	static struct input content;

	if (request->mail)
		return mail_verify(&client.in, &request->options, layers);
	if (client.message >= 0)
		input_init(&content, client.message);
	return raw_verify(&client.in, client.message >= 0 ? &content : NULL, &request->options, layers);
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

static struct places mark(void)
{
	struct places places = {lseek(client.input, 0, SEEK_CUR), lseek(client.output, 0, SEEK_CUR)};

	if (!is_of_size(client.output, places.out))
		places.out = -1;
	return places;
}

/* A mail too large to hold goes out with CRLF, as mail is signed. This one was signed with the line ends that it has. */
static int run_as_stored(struct verify_request *request, const struct places *places, struct layer_list *layers)
{
	int rc;

	/* What somebody else wrote behind it meanwhile is not ours to cut off. */
	if (places->in < 0 || places->out < 0 || !is_of_size(client.output, places->out + (off_t)client.out.written) ||
	    lseek(client.input, places->in, SEEK_SET) < 0 ||
	    ftruncate(client.output, places->out) || lseek(client.output, places->out, SEEK_SET) < 0)
		return ERR_LINE_ENDS;
	layer_list_done(layers);
	layer_list_init(layers);
	request->options.as_stored = true;
	rc = client_open_streams();
	return rc ? rc : run_verify(request, layers);
}

static int verify(struct verify_request *request)
{
	struct places places = mark();
	struct layer_list layers;
	int sent, rc;

	layer_list_init(&layers);
	rc = run_verify(request, &layers);
	if (rc == ERR_LINE_ENDS)
		rc = run_as_stored(request, &places, &layers);
	layers.error = rc;
	/* A message that could not be read to its end has a report all the same. */
	sent = send_report(request, &layers);
	for (const struct layer *layer = layers.first; layer; layer = layer->next)
		told = told || layer->signatures;
	if (!rc && !request->options.at)
		collect_signers(&layers);
	rc = rc ? rc : layer_list_verdict(&layers);
	layer_list_done(&layers);
	return rc ? rc : sent;
}

int command_verify(char *line)
{
	struct verify_request request = {0};
	struct trust_request trust = {client.anchors, client.crls, false};
	int rc = parse_verify(line, &request);

	told = false;
	rc = rc ? rc : client_open_input();
	if (rc)
		return rc;
	/* Keys of tokens are no more than help here. */
	if (keys_refresh(LIST_KNOWN))
		log_debug("verifying without the tokens' certificates");
	client_clear_detail();
	if (client.output >= 0) {
		output_init(&client.out, client.output);
		request.options.output = &client.out;
	}
	trust.crl_check = request.crl_check;
	rc = trust_begin(&trust);
	rc = rc ? rc : verify(&request);
	trust_end();
	return rc;
}
