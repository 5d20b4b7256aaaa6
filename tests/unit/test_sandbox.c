/* SPDX-License-Identifier: ISC
 *
 * The sandbox, tried from inside, with each right. Pointers are bad on purpose: EFAULT would say that the
 * kernel looked at them, EPERM that the filter refused before.
 */
#include "sandbox.h"

#include "cleanup.h"
#include "fixture.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define BAD ((void *)8)

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* The status of a process that entered this sandbox and then did this. */
static int inside_with(const struct sandbox *sandbox, int (*action)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		log_open(quiet, LOG_LEVEL_ERROR);
		_exit(sandbox_enter(sandbox) ? 100 : action());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* The same, in a worker's. */
static int inside(int (*action)(void))
{
	return inside_with(&(struct sandbox){0}, action);
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

static int start_something(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == -1 && errno == EPERM &&
			       syscall(SYS_kill, 1, 0) == -1 && errno == EPERM &&
			       syscall(SYS_ioctl, 0, 0x5412, BAD) == -1 && errno == EPERM
		       ? 0
		       : 1;
}

static int trace_something(void)
{
	syscall(SYS_ptrace, 0, 0, 0, 0);
	return 0;
}

static const char *own_folder, *other_folder;

/* The path of a file in a folder. */
static const char *file_in(const char *folder, const char *name)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static bool refused(int result)
{
	return result < 0 && (errno == EACCES || errno == EPERM);
}

static bool can_write(const char *path)
{
	CLEAN_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 && write(fd, "x", 1) == 1 && !ftruncate(fd, 0);
}

static int use_folder(void)
{
	char to[4096];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd;

	if (!can_write(file_in(own_folder, "new")))
		return 1;
	snprintf(to, sizeof to, "%s", file_in(own_folder, "old"));
	if (rename(file_in(own_folder, "new"), to) || link(to, file_in(own_folder, "link")) || unlink(to))
		return 2;
	fd = open(file_in(own_folder, "link"), O_RDWR);
	return fd < 0 || fcntl(fd, F_SETLK, &lock) || fsync(fd) || close(fd) ? 3 : 0;
}

/* What no folder of its own gives it. */
static int leave_folder(void)
{
	char from[4096];

	if (!refused(open("/etc/passwd", O_RDONLY)) || !refused(open(file_in(other_folder, "there"), O_RDONLY)))
		return 1;
	if (!refused(open(file_in(other_folder, "new"), O_WRONLY | O_CREAT, 0600)) ||
	    !refused(unlink(file_in(other_folder, "there"))))
		return 2;
	snprintf(from, sizeof from, "%s", file_in(other_folder, "there"));
	if (!refused(link(from, file_in(own_folder, "taken"))) || !refused(rename(from, file_in(own_folder, "taken"))))
		return errno == EXDEV ? 0 : 3;
	return 0;
}

static int make_what_is_no_file(void)
{
	if (!refused(mkdir(file_in(own_folder, "folder"), 0700)))
		return 1;
	if (!refused(symlink("/etc/passwd", file_in(own_folder, "symlink"))) ||
	    !refused(mknod(file_in(own_folder, "fifo"), S_IFIFO | 0600, 0)))
		return 2;
	return refused(socket(AF_UNIX, SOCK_STREAM, 0)) && refused(socket(AF_INET, SOCK_STREAM, 0)) ? 0 : 3;
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

static void files_of_its_folder(void **state)
{
	char own[] = "/tmp/smime-sandbox.XXXXXX", other[] = "/tmp/smime-sandbox.XXXXXX";
	struct sandbox sandbox = {SANDBOX_FILES, {-1, -1}};

	(void)state;
	own_folder = mkdtemp(own);
	other_folder = mkdtemp(other);
	assert_true(own_folder && other_folder && can_write(file_in(other_folder, "there")));
	sandbox.folders[0] = open(own_folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(inside_with(&sandbox, use_folder), 0);
	if (has_landlock()) {
		assert_int_equal(inside_with(&sandbox, leave_folder), 0);
		assert_int_equal(inside_with(&sandbox, make_what_is_no_file), 0);
	}
	close(sandbox.folders[0]);
	unlink(file_in(own_folder, "link"));
	unlink(file_in(other_folder, "there"));
	assert_int_equal(rmdir(own), 0);
	assert_int_equal(rmdir(other), 0);
}

static int use_sockets(void)
{
	struct sockaddr_un nobody = {AF_UNIX, "/nonexistent/socket"};
	CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEAN_FD int watch = inotify_init1(IN_CLOEXEC);

	if (fd < 0 || watch < 0 || inotify_add_watch(watch, "/", IN_CREATE) < 0)
		return 1;
	if (connect(fd, (struct sockaddr *)&nobody, sizeof nobody) != -1 || errno != ENOENT)
		return 2;
	if (!refused(socket(AF_INET, SOCK_STREAM, 0)) || !refused(socket(AF_NETLINK, SOCK_RAW, 0)))
		return 3;
	return refused(open("/etc/passwd", O_RDONLY)) ? 0 : 4;
}

static void sockets_of_this_machine(void **state)
{
	(void)state;
	assert_int_equal(inside_with(&(struct sandbox){.rights = SANDBOX_SOCKETS}, use_sockets), 0);
}

static int wait_for_nobody(void)
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 1;
}

static void a_child_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(inside_with(&(struct sandbox){.rights = SANDBOX_CHILD}, wait_for_nobody), 0);
	assert_int_not_equal(inside(wait_for_nobody), 0);
}

/* No right gives another process, or code of its own. */
static void no_right_is_a_way_out(void **state)
{
	struct sandbox all = {SANDBOX_FILES | SANDBOX_SOCKETS | SANDBOX_CHILD, {-1, -1}};
	int status = inside_with(&all, exec_something);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	assert_int_equal(inside_with(&all, executable_memory), 0);
	assert_int_equal(inside_with(&all, start_something), 0);
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
		cmocka_unit_test(files_of_its_folder),
		cmocka_unit_test(sockets_of_this_machine),
		cmocka_unit_test(a_child_of_its_own),
		cmocka_unit_test(no_right_is_a_way_out),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
