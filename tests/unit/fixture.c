/* SPDX-License-Identifier: ISC
 *
 * Descriptors for tests. The dripping pipe is one in packet mode (pipe(2), O_DIRECT): a read never
 * gives more than one write did, so the borders of reads are chosen and not left to luck.
 */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int fixture_file(const void *data, size_t length)
{
	int fd = memfd_create("fixture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	if (length)
		assert_int_equal(pwrite(fd, data, length, 0), length);
	return fd;
}

static void write_steps(int fd, const uint8_t *data, size_t length, size_t step)
{
	while (length) {
		size_t take = length < step ? length : step;

		if (write(fd, data, take) != (ssize_t)take)
			_exit(1);
		data += take;
		length -= take;
	}
	_exit(0);
}

int fixture_drip(const void *data, size_t length, size_t step)
{
	int ends[2];
	pid_t child;

	signal(SIGCHLD, SIG_IGN); /* the writer is reaped by the kernel */
	assert_int_equal(pipe2(ends, O_DIRECT | O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(ends[0]);
		write_steps(ends[1], data, length, step);
	}
	close(ends[1]);
	return ends[0];
}

char *fixture_content(int fd, size_t *ret_length)
{
	struct stat st;
	char *content;

	assert_int_equal(fstat(fd, &st), 0);
	content = malloc((size_t)st.st_size + 1);
	assert_non_null(content);
	assert_int_equal(pread(fd, content, (size_t)st.st_size, 0), st.st_size);
	content[st.st_size] = 0;
	*ret_length = (size_t)st.st_size;
	return content;
}

unsigned int fixture_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}
