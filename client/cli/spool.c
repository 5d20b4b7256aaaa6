/* SPDX-License-Identifier: ISC
 *
 * Memory (memfd) first; what grows over the limit moves to a file.
 */
#include "spool.h"

#include "environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK 65536

/* In spools in memory, or promised to them; they live as long as the process. */
static off_t in_memory;

static int open_file(void)
{
	const char *folder = environment_get("TMPDIR");
	char name[4096];
	int fd;

	folder = folder && *folder == '/' ? folder : "/var/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	/* Some file systems have no files without a name. */
	snprintf(name, sizeof name, "%s/smime.XXXXXX", folder);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

bool spool_open(struct spool *spool, off_t expected)
{
	*spool = SPOOL_INIT;
	spool->memory = expected <= SPOOL_MEMORY - in_memory;
	spool->fd = spool->memory ? memfd_create("smime-mail", MFD_CLOEXEC) : open_file();
	if (spool->memory && spool->fd >= 0)
		in_memory += expected;
	return spool->fd >= 0;
}

/* Where it stands, or at *at, which moves on. */
static bool write_all(int fd, const char *data, size_t length, off_t *at)
{
	while (length) {
		ssize_t wrote = at ? pwrite(fd, data, length, *at) : write(fd, data, length);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return false;
		data += wrote;
		length -= (size_t)wrote;
		if (at)
			*at += wrote;
	}
	return true;
}

static ssize_t read_some(int fd, char *into)
{
	ssize_t got;

	do {
		got = read(fd, into, CHUNK);
	} while (got < 0 && errno == EINTR);
	return got;
}

static bool copy(int from, int to, off_t *length)
{
	static char bytes[CHUNK];
	ssize_t got;

	while ((got = read_some(from, bytes)) > 0) {
		if (!write_all(to, bytes, (size_t)got, NULL))
			return false;
		*length += got;
	}
	return !got;
}

static bool move_to_file(struct spool *spool)
{
	off_t length = 0;
	int fd = open_file();

	if (fd < 0)
		return false;
	if (lseek(spool->fd, 0, SEEK_SET) || !copy(spool->fd, fd, &length)) {
		close(fd);
		return false;
	}
	close(spool->fd);
	spool->fd = fd;
	spool->memory = false;
	in_memory -= length;
	return true;
}

bool spool_write(struct spool *spool, const void *data, size_t length)
{
	if (spool->memory && in_memory + (off_t)length > SPOOL_MEMORY && !move_to_file(spool))
		return false;
	if (!write_all(spool->fd, data, length, NULL))
		return false;
	in_memory += spool->memory ? (off_t)length : 0;
	spool->length += (off_t)length;
	return true;
}

bool spool_copy(struct spool *spool, int fd)
{
	return copy(fd, spool->fd, &spool->length);
}

/* Drops a CR before an LF; *held says that the bytes before ended with a CR, which is still to come. */
static size_t shorten(const char *from, size_t length, char *to, bool *held)
{
	size_t at = 0;

	for (size_t i = 0; i < length; i++) {
		if (*held && from[i] != '\n')
			to[at++] = '\r';
		*held = from[i] == '\r';
		if (!*held)
			to[at++] = from[i];
	}
	return at;
}

/* In place: what is written is never longer than what was read. */
bool spool_unix_lines(struct spool *spool)
{
	static char from[CHUNK], to[CHUNK + 1];
	off_t out = 0;
	bool held = false;
	ssize_t got;

	if (lseek(spool->fd, 0, SEEK_SET))
		return false;
	while ((got = read_some(spool->fd, from)) > 0)
		if (!write_all(spool->fd, to, shorten(from, (size_t)got, to, &held), &out))
			return false;
	if (got < 0 || (held && !write_all(spool->fd, "\r", 1, &out)) || ftruncate(spool->fd, out))
		return false;
	spool->length = out;
	return !lseek(spool->fd, 0, SEEK_SET);
}

void spool_done(struct spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
	*spool = SPOOL_INIT;
}
