/* SPDX-License-Identifier: ISC
 *
 * One line per event. The broker writes to standard error, a file or syslog; every other process
 * sends its lines to the broker over its channel. No secret is ever an argument. Strings of peers
 * go through log_quote, which makes them printable and short.
 */
#ifndef SMIME_LOG_H
#define SMIME_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Where lines go: called with a whole line without its newline. */
typedef void (*log_sink)(enum log_level level, const char *line);

/* Lines above `level` are dropped. The sink stays for the life of the process. */
void log_open(log_sink sink, enum log_level level);
void log_set_level(enum log_level level);

/* The sink for a process without a broker: "smime-agent: LINE" on standard error. */
void log_to_stderr(enum log_level level, const char *line);
/* The sinks for a broker in the background. log_to_file appends to the path given to
 * log_open_file, which returns 0 or a negative errno. */
int log_open_file(const char *path);
void log_to_file(enum log_level level, const char *line);
void log_to_syslog(enum log_level level, const char *line);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "error" ... "debug"; the level of a name, or -1. */
int log_level_from_name(const char *name);

/* The string with everything unprintable as '?', cut to 120 characters. The result is one of a
 * thread's four buffers, used in turn: good for the arguments of one call. */
const char *log_quote(const char *string);

#endif
