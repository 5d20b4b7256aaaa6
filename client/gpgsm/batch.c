/* SPDX-License-Identifier: ISC
 *
 * What git has gpgsm do: sign and verify, and tell it in status lines. Done through the same dialect that GPGME
 * speaks.
 */
#include "gpgsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LINES_MAX 16384

struct batch {
	const struct request *request;
	smime_agent holder;  /* the connection that ADOPT was said on */
	smime_agent dialect; /* the one that was handed over: our end */
	FILE *status;
	bool good, bad; /* what VERIFY said */
};

static bool starts_with(const char *line, const char *word)
{
	return !strncmp(line, word, strlen(word));
}

static void take_status(void *context, const char *line)
{
	struct batch *batch = context;

	if (starts_with(line, "GOODSIG"))
		batch->good = true;
	else if (starts_with(line, "BADSIG") || starts_with(line, "ERRSIG") || starts_with(line, "EXPSIG") ||
		 starts_with(line, "EXPKEYSIG") || starts_with(line, "REVKEYSIG") ||
		 starts_with(line, "TRUST_NEVER") || starts_with(line, "TRUST_UNDEFINED"))
		batch->bad = true;
	if (batch->status && !starts_with(line, "ERROR ") && !starts_with(line, "PROGRESS ") &&
	    (fprintf(batch->status, "[GNUPG:] %s\n", line) < 0 || fflush(batch->status)))
		batch->bad = true;
}

static int batch_open(struct batch *batch)
{
	int pair[2], rc;

	batch->dialect = (smime_agent){.fd = -1, .lines = BUF_INIT(LINES_MAX)};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return ERR_INTERNAL;
	batch->dialect.fd = pair[0];
	batch->dialect.expected = 1; /* the greeting */
	rc = handover_begin(&batch->holder, pair[1]);
	close(pair[1]);
	if (rc) {
		snprintf(batch->dialect.message, sizeof batch->dialect.message, "%s", batch->holder.message);
		return rc;
	}
	batch->dialect.status = take_status;
	batch->dialect.status_context = batch;
	return connection_finish(&batch->dialect, NULL, NULL);
}

static void batch_close(struct batch *batch)
{
	handover_end(&batch->dialect);
	handover_end(&batch->holder);
	if (batch->status)
		fclose(batch->status);
}

static int hand(struct batch *batch, const char *line, int fd)
{
	int rc = connection_add(&batch->dialect, "%s", line);

	return rc ? rc : connection_send(&batch->dialect, fd);
}

static int ask(struct batch *batch, const char *line)
{
	int rc = connection_add(&batch->dialect, "%s", line);

	return rc ? rc : connection_finish(&batch->dialect, NULL, NULL);
}

/* The file, or standard input. */
static int open_input(const char *name)
{
	if (!name || !strcmp(name, "-"))
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	return open(name, O_RDONLY | O_CLOEXEC);
}

static int open_output(const char *name)
{
	if (!name || !strcmp(name, "-"))
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	return open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

static int cannot_open(const char *name)
{
	fprintf(stderr, "smime-gpgsm: %s: %s\n", name ? name : "-", strerror(errno));
	return GPGSM_FAILED;
}

static int sign(struct batch *batch)
{
	const struct request *request = batch->request;
	CLEAN_FD int in = open_input(request->file_count ? request->files[0] : NULL);
	CLEAN_FD int out = in < 0 ? -1 : open_output(request->output);
	int rc = 0;

	if (in < 0 || out < 0)
		return cannot_open(in < 0 ? request->files[0] : request->output);
	if (request->key) {
		/* By itself: with a key that is none, nothing is to be signed. */
		rc = connection_add(&batch->dialect, "SIGNER %s", request->key);
		rc = rc ? rc : connection_finish(&batch->dialect, NULL, NULL);
	}
	rc = rc ? rc : hand(batch, "INPUT FD", in);
	rc = rc ? rc : hand(batch, request->armor ? "OUTPUT FD --armor" : "OUTPUT FD --binary", out);
	rc = rc ? rc : ask(batch, request->detached ? "SIGN --detached" : "SIGN");
	return rc ? gpgsm_failed(&batch->dialect, rc) : GPGSM_OK;
}

static int verify(struct batch *batch)
{
	const struct request *request = batch->request;
	const char *content = request->file_count > 1 ? request->files[1] : NULL;
	CLEAN_FD int in = open_input(request->file_count ? request->files[0] : NULL);
	CLEAN_FD int message = content && in >= 0 ? open_input(content) : -1;
	CLEAN_FD int out = request->output && in >= 0 ? open_output(request->output) : -1;
	int rc = 0;

	if (in < 0 || (content && message < 0) || (request->output && out < 0))
		return cannot_open(in < 0 ? request->files[0] : content && message < 0 ? content : request->output);
	rc = hand(batch, "INPUT FD", in);
	rc = rc || message < 0 ? rc : hand(batch, "MESSAGE FD", message);
	rc = rc || out < 0 ? rc : hand(batch, "OUTPUT FD", out);
	rc = rc ? rc : ask(batch, "VERIFY");
	if (rc) {
		gpgsm_failed(&batch->dialect, rc);
		return batch->good || batch->bad ? GPGSM_NO : GPGSM_FAILED;
	}
	return batch->good && !batch->bad ? GPGSM_OK : GPGSM_NO;
}

static int print(void *context, const void *data, size_t length)
{
	(void)context;
	return fwrite(data, 1, length, stdout) != length;
}

/* The names of a list are escaped as gpgsm wants it, each in its word. */
static int list(struct batch *batch)
{
	const struct request *request = batch->request;
	CLEAN_BUF struct buf line = BUF_INIT(CONNECTION_LINE_MAX);
	int rc = buf_add_format(&line, "%s", request->what == LIST_KEYS ? "LISTKEYS" : "LISTSECRETKEYS");

	for (int i = 0; i < request->file_count && !rc; i++) {
		rc = buf_add_u8(&line, ' ');
		for (const char *c = request->files[i]; *c && !rc; c++)
			rc = *c <= ' ' || *c == '%' || *c == '+' ? buf_add_format(&line, "%%%02X", (unsigned char)*c)
								 : buf_add_u8(&line, (uint8_t)*c);
	}
	rc = rc ? rc : buf_terminate(&line);
	rc = rc ? rc : connection_add(&batch->dialect, "%s", (const char *)line.data);
	rc = rc ? rc : connection_finish(&batch->dialect, print, NULL);
	if (!rc && fflush(stdout))
		rc = ERR_WRITE;
	return rc ? gpgsm_failed(&batch->dialect, rc) : GPGSM_OK;
}

int batch_run(const struct request *request)
{
	struct batch batch = {.request = request};
	int status, rc;

	if (request->status_fd >= 0) {
		int fd = fcntl(request->status_fd, F_DUPFD_CLOEXEC, 0);

		batch.status = fd < 0 ? NULL : fdopen(fd, "w");
		if (!batch.status)
			return cannot_open("--status-fd");
	}
	rc = batch_open(&batch);
	if (rc)
		status = gpgsm_failed(&batch.dialect, rc);
	else if (request->what == SIGN)
		status = sign(&batch);
	else
		status = request->what == VERIFY ? verify(&batch) : list(&batch);
	batch_close(&batch);
	return status;
}
