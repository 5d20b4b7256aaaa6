/* SPDX-License-Identifier: ISC
 *
 * From VERIFY's line to its report.
 */
#include "verify_command.h"

#include "client.h"
#include "command_words.h"
#include "verify_report.h"
#include "verify_status.h"

static int send_report(const struct verify_words *words, const struct layer_list *layers)
{
	CLEAN_BUF struct buf report = BUF_INIT(VERIFY_REPORT_MAX);
	int rc = verify_status_tell(layers, client_send_status);

	if (!rc && words->json)
		rc = verify_report_json(&report, layers);
	else if (!rc && words->text)
		rc = verify_report_text(&report, layers);
	return rc ? rc : client_send_data(report.data, report.length);
}

int command_verify(char *line)
{
	struct verify_words words = {0};
	struct layer_list layers;
	int rc = command_words_verify(line, &words);

	rc = rc ? rc : client_open_verification(&words.request);
	if (rc)
		return rc;
	layer_list_init(&layers);
	rc = verify_request_run(&words.request, &layers);
	if (!rc) {
		/* A message that could not be read to its end has a report all the same. */
		int sent = send_report(&words, &layers);

		rc = layers.error ? layers.error : layer_list_verdict(&layers);
		rc = rc ? rc : sent;
	}
	layer_list_done(&layers);
	return rc;
}
