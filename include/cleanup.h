/* SPDX-License-Identifier: ISC
 *
 * Owned locals are declared with their cleanup, so that every early return is clean:
 *     CLEAN_FD int fd = open(...);
 * Handing one over is spelled TAKE_FD(fd) or TAKE(pointer).
 */
#ifndef SMIME_CLEANUP_H
#define SMIME_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

static inline void clean_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void clean_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define CLEAN_FD CLEANUP(clean_fd)
#define CLEAN_FREE CLEANUP(clean_free)
#define TAKE_FD(fd) take_fd(&(fd))
#define TAKE(pointer)                         \
	({                                    \
		__auto_type taken_ = (pointer); \
		(pointer) = NULL;             \
		taken_;                       \
	})

#endif
