/* SPDX-License-Identifier: ISC
 *
 * The worker's sandbox, tried from inside. Pointers are bad on purpose: EFAULT would say that the
 * kernel looked at them, EPERM that the filter refused before.
 */
#include "sandbox.h"

#include "fixture.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define BAD ((void *)8)

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* The status of a process that entered the sandbox and then did this. */
static int inside(int (*action)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		log_open(quiet, LOG_LEVEL_ERROR);
		_exit(sandbox_enter() ? 100 : action());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* The number of the first call that was not refused by the filter; 0: all were. */
static int forbidden_calls(void)
{
	const struct {
		long number, a, b, c;
	} calls[] = {
		{SYS_openat, AT_FDCWD, (long)BAD, O_RDONLY},
		{SYS_unlinkat, AT_FDCWD, (long)BAD, 0},
		{SYS_renameat2, AT_FDCWD, (long)BAD, AT_FDCWD},
		{SYS_readlinkat, AT_FDCWD, (long)BAD, (long)BAD},
#ifdef SYS_open /* arm64 has only the calls above in place of these */
		{SYS_open, (long)BAD, O_RDONLY, 0},
		{SYS_unlink, (long)BAD, 0, 0},
		{SYS_rename, (long)BAD, (long)BAD, 0},
		{SYS_readlink, (long)BAD, (long)BAD, 8},
#endif
		{SYS_socket, AF_UNIX, SOCK_STREAM, 0},
		{SYS_connect, 0, (long)BAD, 16},
		{SYS_kill, 1, 0, 0},
		{SYS_tgkill, 1, 1, 0},
		{SYS_clone, SIGCHLD, 0, 0},
		{SYS_prctl, 4, 1, 0}, /* PR_SET_DUMPABLE */
		{SYS_setrlimit, RLIMIT_CORE, (long)BAD, 0},
		{SYS_ioctl, 0, 0x5412, (long)BAD}, /* TIOCSTI */
		{SYS_fcntl, 0, F_SETOWN, 1},
		{SYS_fcntl, 0, F_SETFL, O_ASYNC},
		{SYS_newfstatat, AT_FDCWD, (long)BAD, (long)BAD},
	};

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		errno = 0;
		if (syscall(calls[i].number, calls[i].a, calls[i].b, calls[i].c, 0, 0, 0) != -1 || errno != EPERM)
			return (int)i + 1;
	}
	return 0;
}

static int executable_memory(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	if (!mprotect(memory, 4096, PROT_READ | PROT_EXEC))
		return 2;
#ifdef __s390x__ /* no filter sees the arguments of its mmap */
	return 0;
#else
	return mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 0 : 3;
#endif
}

static int what_a_worker_needs(void)
{
	char byte = 0;
	int pair[2];

	/* Made before is what may be used; here 0 to 2 stand for it. */
	if (fcntl(0, F_GETFL) < 0 || poll(NULL, 0, 0))
		return 1;
	if (write(2, &byte, 0) < 0 || lseek(0, 0, SEEK_CUR) == 77)
		return 2;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 && errno == EPERM ? 0 : 3;
}

/* Which system calls glibc makes of these differs from machine to machine. */
static int what_glibc_makes_of_it(void)
{
	struct timeval no_time = {0, 0};
	struct stat facts;
	char *memory;
	uint8_t byte;

	errno = 0;
	if (send(-1, "", 1, 0) != -1 || errno != EBADF || recv(-1, &byte, 1, 0) != -1 || errno != EBADF)
		return 1;
	if (fstat(0, &facts) || select(0, NULL, NULL, NULL, &no_time) || poll(NULL, 0, 0))
		return 2;
	if (time(NULL) < 0 || getrandom(&byte, 1, 0) != 1 || sched_yield())
		return 3;
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 4;
	memory = mremap(memory, 4096, 8192, MREMAP_MAYMOVE);
	if (memory == MAP_FAILED || madvise(memory, 8192, MADV_DONTNEED) || munlock(memory, 8192))
		return 5;
	return munmap(memory, 8192) ? 6 : 0;
}

static int give_up(void)
{
	abort();
}

static int exec_something(void)
{
	syscall(SYS_execve, BAD, BAD, BAD);
	return 0;
}

static int trace_something(void)
{
	syscall(SYS_ptrace, 0, 0, 0, 0);
	return 0;
}

static void refuses(void **state)
{
	(void)state;
	assert_int_equal(inside(forbidden_calls), 0);
}

static void nothing_is_executable(void **state)
{
	(void)state;
	assert_int_equal(inside(executable_memory), 0);
}

static void allows(void **state)
{
	int status;

	(void)state;
	assert_int_equal(inside(what_a_worker_needs), 0);
	assert_int_equal(inside(what_glibc_makes_of_it), 0);
	status = inside(give_up);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void kills(void **state)
{
	int status = inside(exec_something);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = inside(trace_something);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* The same calls without the sandbox: or the tests above would show nothing. */
static void outside_they_are_not_refused(void **state)
{
	(void)state;
	errno = 0;
	assert_int_equal(syscall(SYS_openat, AT_FDCWD, BAD, O_RDONLY), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_not_equal(forbidden_calls(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outside_they_are_not_refused),
		cmocka_unit_test(refuses),
		cmocka_unit_test(nothing_is_executable),
		cmocka_unit_test(allows),
		cmocka_unit_test(kills),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
