/* SPDX-License-Identifier: ISC
 *
 * Formats log lines and gives them to the process's sink. The only file that knows syslog.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LENGTH 1024
#define QUOTE_BUFFERS 4
#define QUOTE_LENGTH 120

static log_sink sink = log_to_stderr;
static enum log_level threshold = LOG_LEVEL_INFO;
static int file = -1;

static const char *const names[] = {"error", "warn", "info", "debug"};

void log_open(log_sink to, enum log_level level)
{
	sink = to;
	threshold = level;
}

void log_set_level(enum log_level level)
{
	threshold = level;
}

int log_level_from_name(const char *name)
{
	for (int i = 0; i <= LOG_LEVEL_DEBUG; i++)
		if (!strcmp(name, names[i]))
			return i;
	return -1;
}

void log_to_stderr(enum log_level level, const char *line)
{
	dprintf(STDERR_FILENO, "smime-agent: %s: %s\n", names[level], line);
}

int log_open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (file >= 0)
		close(file);
	file = fd;
	return 0;
}

void log_to_file(enum log_level level, const char *line)
{
	char text[LINE_MAX_LENGTH + 64];
	struct timespec now;
	struct tm tm;
	size_t length;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	length += (size_t)snprintf(text + length, sizeof text - length, ".%03ldZ %s %s\n", now.tv_nsec / 1000000,
				   names[level], line);
	/* One write is one line, also beside another process; dprintf would look at the file first. A full
	 * disk is no reason to stop. */
	if (write(file, text, length) < 0)
		return;
}

void log_to_syslog(enum log_level level, const char *line)
{
	static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

	syslog(LOG_USER | priority[level], "%s", line);
}

static void log_line(enum log_level level, const char *format, va_list args)
{
	char line[LINE_MAX_LENGTH];

	if (level > threshold)
		return;
	vsnprintf(line, sizeof line, format, args);
	sink(level, line);
}

#define LOG_FUNCTION(name, level)             \
	void name(const char *format, ...)    \
	{                                     \
		va_list args;                 \
                                              \
		va_start(args, format);       \
		log_line(level, format, args); \
		va_end(args);                 \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

const char *log_quote(const char *string)
{
	static _Thread_local char buffers[QUOTE_BUFFERS][QUOTE_LENGTH + 1];
	static _Thread_local unsigned int next;
	char *quoted = buffers[next++ % QUOTE_BUFFERS];
	size_t i;

	for (i = 0; string && string[i] && i < QUOTE_LENGTH; i++)
		quoted[i] = (string[i] < ' ' || string[i] > '~') ? '?' : string[i];
	quoted[i] = 0;
	return quoted;
}
