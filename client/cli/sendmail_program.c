/* SPDX-License-Identifier: ISC
 *
 * sendmail or what stands for it: found, called, and its exit status taken as it is.
 */
#include "sendmail_program.h"

#include "cli.h"
#include "environment.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* Set for the program: one that calls us again would go round for ever. */
#define CALLED "SMIME_SENDMAIL_CALLED"

static void say(const char *program, const char *why)
{
	char message[PATH_MAX + 256];

	snprintf(message, sizeof message, "not sent: %s: %s", program, why);
	cli_error("sendmail", EX_CONFIG, "CONFIG", message);
}

static bool is_ourselves(const char *program)
{
	char own[PATH_MAX], other[PATH_MAX];

	return realpath("/proc/self/exe", own) && realpath(program, other) && !strcmp(own, other);
}

const char *sendmail_program_find(const char *named)
{
	static const char *const usual[] = {"/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/bin/msmtp", "/usr/local/bin/msmtp"};

	if (environment_get(CALLED)) {
		say(named ? named : "the system's sendmail", "it calls smime sendmail again; name another one with --program");
		return NULL;
	}
	for (size_t i = 0; !named && i < sizeof usual / sizeof usual[0]; i++)
		if (!access(usual[i], X_OK) && !is_ourselves(usual[i]))
			return usual[i];
	if (named && !is_ourselves(named))
		return named;
	say(named ? named : "sendmail", named ? "this is smime sendmail itself" : "no sendmail or msmtp is installed; name one with --program");
	return NULL;
}

static const char **make_words(const char *program, const struct sendmail_options *options, const struct sendmail_call *call)
{
	const char **words = calloc(options->word_count + call->recipient_count + 5, sizeof *words);
	unsigned int count = 0;

	if (!words)
		return NULL;
	words[count++] = program;
	for (unsigned int i = 0; i < options->word_count; i++)
		words[count++] = options->words[i];
	if (call->from_header)
		words[count++] = "-t";
	if (call->whole)
		words[count++] = "-i";
	if (call->recipient_count)
		words[count++] = "--";
	for (unsigned int i = 0; i < call->recipient_count; i++)
		words[count++] = call->recipients[i];
	return words;
}

int sendmail_program_become(const char *program, const struct sendmail_options *options, const struct sendmail_call *call)
{
	const char **words = make_words(program, options, call);

	signal(SIGPIPE, SIG_DFL);
	if (words && !setenv(CALLED, "1", 1) && (call->in_fd < 0 || dup2(call->in_fd, STDIN_FILENO) == STDIN_FILENO))
		execvp(program, (char *const *)words);
	say(program, strerror(errno));
	free(words);
	return errno == ENOMEM || errno == EAGAIN ? EX_TEMPFAIL : EX_CONFIG;
}

int sendmail_program_run(const char *program, const struct sendmail_options *options, const struct sendmail_call *call)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(sendmail_program_become(program, options, call));
	if (pid < 0) {
		say(program, strerror(errno));
		return EX_TEMPFAIL;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EX_SOFTWARE;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	say(program, "it died of a signal, and it is not known whether the mail went out");
	return EX_SOFTWARE;
}
