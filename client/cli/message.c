/* SPDX-License-Identifier: ISC
 *
 * Files around a request, and progress for a person who waits.
 */
#include "message.h"

#include "cli.h"
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct progress {
	uint64_t size; /* of the input; 0: not known */
	bool shown;
};

static void show(void *context, uint64_t bytes)
{
	struct progress *progress = context;

	progress->shown = true;
	if (progress->size)
		fprintf(stderr, "\r%3u%%", (unsigned int)(bytes * 100 / progress->size));
	else
		fprintf(stderr, "\r%llu MB", (unsigned long long)(bytes >> 20));
}

static void say_errno(const char *verb, const char *path, int status)
{
	char message[1024];

	snprintf(message, sizeof message, "%s: %s", path ? path : "output", strerror(errno));
	cli_error(verb, status, status == SMIME_AGENT_USAGE ? "USAGE" : "WRITE", message);
}

static int run(const char *verb, int in_fd, struct output_file *out, message_request request,
	       const void *options)
{
	struct progress progress = {0};
	struct stat st;
	int status;
	smime_agent *agent = cli_connect(&status);

	if (!agent)
		return status;
	if (!fstat(in_fd, &st) && S_ISREG(st.st_mode))
		progress.size = (uint64_t)st.st_size;
	if (isatty(STDERR_FILENO))
		smime_agent_set_progress(agent, show, &progress);
	status = request(agent, options, in_fd, out->fd);
	if (progress.shown)
		fputs("\r       \r", stderr);
	return cli_finish(agent, verb, status);
}

int message_run(const char *verb, const char *in, const char *out, message_request request,
		const void *options)
{
	struct output_file file;
	int status, in_fd = file_open_input(in);

	if (in_fd < 0) {
		say_errno(verb, in, SMIME_AGENT_USAGE);
		return SMIME_AGENT_USAGE;
	}
	if (file_open_output(&file, out)) {
		say_errno(verb, out, SMIME_AGENT_USAGE);
		file_close_output(&file, 0);
		return SMIME_AGENT_USAGE;
	}
	status = run(verb, in_fd, &file, request, options);
	if (file_close_output(&file, !status) && !status) {
		say_errno(verb, out, SMIME_AGENT_UNAVAILABLE);
		return SMIME_AGENT_UNAVAILABLE;
	}
	return status;
}
