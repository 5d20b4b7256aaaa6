/* SPDX-License-Identifier: ISC
 *
 * A file without a name, which gets one when it is whole: whatever ends the command, nothing is left of it.
 * Where the file system has none (NFS), a temporary name, which goes when the command is interrupted.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 100

/* With temporary files, for the signal handler. */
static struct output_file *volatile unfinished;

static void remove_and_end(int number)
{
	for (const struct output_file *file = unfinished; file; file = file->next)
		unlink(file->temporary);
	signal(number, SIG_DFL);
	raise(number);
}

static void forget(const struct output_file *file)
{
	if (unfinished == file) {
		unfinished = file->next;
		return;
	}
	for (struct output_file *other = unfinished; other; other = other->next)
		if (other->next == file)
			other->next = file->next;
}

static int is_standard(const char *path)
{
	return !path || !strcmp(path, "-");
}

int file_open_input(const char *path)
{
	return is_standard(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
}

static void open_standard(struct output_file *file)
{
	struct stat st;

	file->fd = STDOUT_FILENO;
	/* Its length, not its offset: a file that is appended to has an offset of 0 at first. */
	if (!fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode))
		file->start = st.st_size;
}

/* The mode that the file has already, or that a new one gets. */
static mode_t wanted_mode(const struct stat *st, int exists)
{
	mode_t mask = umask(0);

	umask(mask);
	return exists ? st->st_mode & 0777 : 0666 & ~mask;
}

static int open_temporary(struct output_file *file, mode_t mode)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	int length = snprintf(file->temporary, sizeof file->temporary, "%s.XXXXXX", file->path);

	if (length >= (int)sizeof file->temporary) {
		errno = ENAMETOOLONG;
		return -1;
	}
	file->next = unfinished;
	unfinished = file;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (signal(signals[i], remove_and_end) == SIG_IGN)
			signal(signals[i], SIG_IGN); /* nohup */
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd < 0 || fchmod(file->fd, mode))
		return -1;
	return 0;
}

static int open_unnamed(struct output_file *file, mode_t mode)
{
	char *slash, check[64];
	int length = snprintf(file->temporary, sizeof file->temporary, "%s", file->path);

	if (length >= (int)sizeof file->temporary)
		return -1;
	slash = strrchr(file->temporary, '/');
	if (slash)
		slash[slash == file->temporary] = 0;
	file->fd = open(slash ? file->temporary : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	*file->temporary = 0;
	snprintf(check, sizeof check, "/proc/self/fd/%d", file->fd);
	if (file->fd >= 0 && !fchmod(file->fd, mode) && !access(check, F_OK)) {
		file->unnamed = 1;
		return 0;
	}
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	return -1;
}

/* The name that it is to have, or one beside it where there is a file already. */
static int give_name(struct output_file *file)
{
	char source[64];

	snprintf(source, sizeof source, "/proc/self/fd/%d", file->fd);
	if (!linkat(AT_FDCWD, source, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW))
		return 0;
	for (int i = 0; errno == EEXIST && i < NAMES_MAX; i++) {
		int length = snprintf(file->temporary, sizeof file->temporary, "%s.%d-%d", file->path, getpid(), i);

		if (length >= (int)sizeof file->temporary)
			errno = ENAMETOOLONG;
		else if (!linkat(AT_FDCWD, source, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW))
			return 0;
	}
	*file->temporary = 0;
	return -1;
}

int file_open_output(struct output_file *file, const char *path)
{
	struct stat st;
	int exists;

	*file = (struct output_file){.fd = -1, .start = -1};
	if (is_standard(path)) {
		open_standard(file);
		return 0;
	}
	exists = !stat(path, &st);
	if (exists && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (exists && access(path, W_OK))
		return -1;
	/* What a link points to is replaced, not the link. */
	file->path = exists ? realpath(path, file->target) : path;
	if (!file->path)
		return -1;
	if (exists && !S_ISREG(st.st_mode)) {
		file->fd = open(file->path, O_WRONLY | O_CLOEXEC);
		return file->fd < 0 ? -1 : 0;
	}
	if (!open_unnamed(file, wanted_mode(&st, exists)))
		return 0;
	return open_temporary(file, wanted_mode(&st, exists));
}

static int undo(struct output_file *file)
{
	if (*file->temporary)
		unlink(file->temporary);
	forget(file);
	if (file->start >= 0 && (ftruncate(file->fd, file->start) || lseek(file->fd, file->start, SEEK_SET) < 0))
		return -1;
	return 0;
}

int file_close_output(struct output_file *file, int success)
{
	int failed = 0;

	if (file->fd < 0)
		return 0;
	if (!success || !file->path) {
		failed = success ? 0 : undo(file);
		if (file->path)
			close(file->fd);
		return failed;
	}
	failed = file->unnamed ? give_name(file) : 0;
	failed = close(file->fd) || failed;
	if (!failed && *file->temporary)
		failed = rename(file->temporary, file->path);
	if (failed) {
		int saved = errno;

		file->start = -1;
		undo(file);
		errno = saved;
	}
	forget(file);
	return failed ? -1 : 0;
}
