/* SPDX-License-Identifier: ISC
 *
 * Protected memory: whole pages of their own, locked, not dumped, zero in a forked child, wiped
 * when they go. Locking that fails is a failure, not a warning.
 */
#include "secret.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

void *secret_alloc(size_t size)
{
	size_t pages = whole_pages(size ? size : 1);
	void *memory = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (mlock(memory, pages) || madvise(memory, pages, MADV_DONTDUMP) ||
	    madvise(memory, pages, MADV_WIPEONFORK)) {
		log_error("cannot lock %zu bytes of memory for secrets: %s (see ulimit -l)", pages,
			  strerror(errno));
		munmap(memory, pages);
		return NULL;
	}
	return memory;
}

void secret_release(void *memory, size_t size)
{
	if (!memory)
		return;
	secret_wipe(memory, size);
	munmap(memory, whole_pages(size));
}

void secret_wipe(void *memory, size_t size)
{
	explicit_bzero(memory, size);
}

struct secret *secret_new(struct view bytes)
{
	struct secret *secret;

	if (bytes.length > SECRET_MAX)
		return NULL;
	secret = secret_alloc(sizeof *secret);
	if (!secret)
		return NULL;
	if (bytes.length)
		memcpy(secret->data, bytes.data, bytes.length);
	secret->length = bytes.length;
	return secret;
}

void secret_free(struct secret *secret)
{
	secret_release(secret, sizeof *secret);
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	unsigned char differ = 0;

	if (!a || !b || a->length != b->length)
		return false;
	for (size_t i = 0; i < sizeof a->data; i++)
		differ |= a->data[i] ^ b->data[i];
	return !differ;
}

static int open_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= 2);
	if (fd < 0)
		return ERR_INTERNAL;
	close(fd);
	return 0;
}

int secret_harden_process(void)
{
	struct rlimit none = {0, 0};

	/* A closed 0, 1 or 2 would be given to the next file that is opened. A child's channel is on 3
	 * already, so the loop above ends without touching it. */
	if (open_standard_descriptors())
		return ERR_INTERNAL;
	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return ERR_INTERNAL;
	return 0;
}
