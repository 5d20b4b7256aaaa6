/* SPDX-License-Identifier: ISC
 *
 * Has a list made and sends it.
 */
#include "report_command.h"

#include "client.h"
#include "diagnosis.h"
#include "report.h"

#include <string.h>

static int send_report(int (*report)(struct buf *into, bool json), const char *line)
{
	CLEAN_BUF struct buf text = BUF_INIT(REPORT_MAX);
	int rc = report(&text, !strcmp(line, "--json"));

	return rc ? rc : client_send_data(text.data, text.length);
}

int command_keys(char *line)
{
	return send_report(report_keys, line);
}

int command_tokens(char *line)
{
	return send_report(report_tokens, line);
}

int command_status(char *line)
{
	return send_report(report_status, line);
}

int command_diagnose(char *line)
{
	CLEAN_BUF struct buf text = BUF_INIT(REPORT_MAX);
	int rc = diagnose(&text);

	(void)line;
	return rc ? rc : client_send_data(text.data, text.length);
}
