/* SPDX-License-Identifier: ISC
 *
 * What every process in a sandbox may call, and what each right adds.
 */
#include "sandbox.h"

#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Descriptors: the channel, the connection, three at a time from the client and a spool file; one
 * that libassuan refuses stays open, so a client can use up the rest, and then only harms itself. */
#define DESCRIPTORS 24
/* What a message of any size needs is a tenth of it. */
#define HEAP_BYTES (192u << 20)

static int failed(const char *step)
{
	log_error("sandbox: %s: %s", step, strerror(errno));
	return ERR_INTERNAL;
}

static int set_limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit limit = {value, value};

	return setrlimit(resource, &limit) ? failed("setrlimit") : 0;
}

static int limit_resources(void)
{
	int rc = set_limit(RLIMIT_NOFILE, DESCRIPTORS);

	rc = rc ? rc : set_limit(RLIMIT_NPROC, 0);
	rc = rc ? rc : set_limit(RLIMIT_CORE, 0);
#ifndef SANITIZERS /* whose shadow memory counts */
	rc = rc ? rc : set_limit(RLIMIT_DATA, HEAP_BYTES);
#endif
	return rc;
}

/* struct landlock_ruleset_attr of version 6 of Landlock, which older kernels' headers do not have whole. A kernel takes
 * the longer one where what it does not know is 0. */
struct ruleset {
	uint64_t fs, net, scoped;
};

#define SCOPE_ABSTRACT_SOCKET 1u
#define SCOPE_SIGNAL 2u

/* What each version can refuse, from the first on. Files: the rights of version 1, linking across folders, truncating,
 * controlling devices. Network: binding and connecting TCP ports. Scope: abstract Unix sockets, and signals, to processes
 * that are not in the sandbox. */
static const struct ruleset versions[] = {
	{.fs = (1u << 13) - 1}, {.fs = 1u << 13}, {.fs = 1u << 14}, {.net = 3}, {.fs = 1u << 15},
	{.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL},
};

/* What SANDBOX_FILES may do below its folders: all but to execute, to make devices, sockets and links, and to control
 * devices. */
#define FOLDER_RIGHTS                                                                                             \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |             \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | 1u << 14)

static int allow_folders(int ruleset, const struct sandbox *sandbox, uint64_t handled)
{
	for (size_t i = 0; i < SANDBOX_FOLDERS && sandbox->rights & SANDBOX_FILES; i++) {
		const struct landlock_path_beneath_attr rule = {FOLDER_RIGHTS & handled, sandbox->folders[i]};

		if (rule.parent_fd >= 0 &&
		    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
			return failed("landlock");
	}
	return 0;
}

/* All that this kernel's version can refuse is refused, but for the folders. */
static int enter_landlock(const struct sandbox *sandbox)
{
	struct ruleset refused = {0};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	CLEAN_FD int fd = -1;
	int rc;

	if (version < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
		log_warn("sandbox: this kernel has no Landlock; seccomp alone refuses to open files");
		return 0;
	}
	if (version < 1)
		return failed("landlock");
	for (long i = 0; i < version && i < (long)(sizeof versions / sizeof versions[0]); i++) {
		refused.fs |= versions[i].fs;
		refused.net |= versions[i].net;
		refused.scoped |= versions[i].scoped;
	}
	/* Or the kernel would not end the child with this process (PR_SET_PDEATHSIG). */
	if (sandbox->rights & SANDBOX_CHILD)
		refused.scoped &= ~SCOPE_SIGNAL;
	fd = (int)syscall(SYS_landlock_create_ruleset, &refused, sizeof refused, 0);
	if (fd < 0)
		return failed("landlock");
	rc = allow_folders(fd, sandbox, refused.fs);
	if (!rc && syscall(SYS_landlock_restrict_self, fd, 0))
		rc = failed("landlock");
	return rc;
}

static const int allowed[] = {
	SCMP_SYS(read),		SCMP_SYS(write),	  SCMP_SYS(readv),	   SCMP_SYS(writev),
	SCMP_SYS(pread64),	SCMP_SYS(recvmsg),	  SCMP_SYS(sendmsg),	   SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),	SCMP_SYS(poll),		  SCMP_SYS(ppoll),	   SCMP_SYS(select),
	SCMP_SYS(pselect6),	SCMP_SYS(close),	  SCMP_SYS(lseek),	   SCMP_SYS(fstat),
	SCMP_SYS(munmap),	  SCMP_SYS(mremap),	   SCMP_SYS(brk),
	SCMP_SYS(madvise),	SCMP_SYS(mlock),	  SCMP_SYS(munlock),	   SCMP_SYS(futex),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),  SCMP_SYS(time),	   SCMP_SYS(getrandom),
	SCMP_SYS(getpid),	SCMP_SYS(gettid),	  SCMP_SYS(getuid),	   SCMP_SYS(exit),
	SCMP_SYS(exit_group),	SCMP_SYS(rt_sigreturn),	  SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack),	SCMP_SYS(restart_syscall), SCMP_SYS(getsockopt),   SCMP_SYS(sched_yield),
	SCMP_SYS(shutdown),	SCMP_SYS(ftruncate),
	/* System calls on s390x alone: elsewhere glibc calls recvfrom and sendto. */
	SCMP_SYS(recv),		SCMP_SYS(send),
};

/* Of SANDBOX_FILES. The names of folders and files that exist are no secret from it: Landlock does not hide them. */
static const int files_allowed[] = {
	SCMP_SYS(openat),	SCMP_SYS(unlinkat),	  SCMP_SYS(renameat),	   SCMP_SYS(renameat2),
	SCMP_SYS(linkat),	SCMP_SYS(mkdirat),	  SCMP_SYS(newfstatat),	   SCMP_SYS(statx),
	SCMP_SYS(faccessat),	SCMP_SYS(faccessat2),	  SCMP_SYS(readlinkat),	   SCMP_SYS(getdents64),
	SCMP_SYS(open),		SCMP_SYS(unlink),	  SCMP_SYS(rename),	   SCMP_SYS(link),
	SCMP_SYS(mkdir),	SCMP_SYS(stat),		  SCMP_SYS(lstat),	   SCMP_SYS(access),
	SCMP_SYS(readlink),	SCMP_SYS(getcwd),	  SCMP_SYS(fsync),	   SCMP_SYS(fdatasync),
	SCMP_SYS(pwrite64),	SCMP_SYS(fallocate),	  SCMP_SYS(fchmod),	   SCMP_SYS(fchown),
	SCMP_SYS(flock),	SCMP_SYS(geteuid),	  SCMP_SYS(memfd_create),  SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
};

/* Of SANDBOX_SOCKETS: what it connects is a Unix socket. */
static const int sockets_allowed[] = {
	SCMP_SYS(connect),	SCMP_SYS(inotify_init1),  SCMP_SYS(inotify_add_watch), SCMP_SYS(newfstatat),
	SCMP_SYS(statx),	SCMP_SYS(stat),		  SCMP_SYS(nanosleep),	   SCMP_SYS(clock_nanosleep),
};

static const int child_allowed[] = {SCMP_SYS(wait4), SCMP_SYS(waitid)};

/* What nobody here asks for by mistake. */
static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(mount), SCMP_SYS(unshare), SCMP_SYS(setns),
};

/* On s390x mmap has one argument, the address of the others, and no filter can look there. */
#ifdef __s390x__
#define MMAP_CONDITIONS 0
#else
#define MMAP_CONDITIONS 1
#endif

/* Memory is mapped and protected, but never to be executed. */
static int add_memory_rules(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp not_executable = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), MMAP_CONDITIONS, not_executable) ||
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
}

/* Not F_SETOWN and its like, nor O_ASYNC: they make the kernel send signals. */
static int add_fcntl_rules(scmp_filter_ctx filter, unsigned int rights)
{
	static const int harmless[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC, F_GETLK, F_SETLK, F_SETLKW};
	static const size_t without_locks = 4;
	size_t count = rights & SANDBOX_FILES ? sizeof harmless / sizeof harmless[0] : without_locks;
	struct scmp_arg_cmp set_flags[] = {{1, SCMP_CMP_EQ, F_SETFL, 0}, {2, SCMP_CMP_MASKED_EQ, O_ASYNC, 0}};
	int bad = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2, set_flags);

	for (size_t i = 0; i < count && !bad; i++) {
		struct scmp_arg_cmp command = {1, SCMP_CMP_EQ, (scmp_datum_t)harmless[i], 0};

		bad = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, command);
	}
	return bad;
}

static int add_list(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	int bad = 0;

	for (size_t i = 0; i < count && !bad; i++)
		bad = seccomp_rule_add(filter, action, calls[i], 0);
	return bad;
}

#define ADD_LIST(filter, action, calls) add_list((filter), (action), (calls), sizeof(calls) / sizeof((calls)[0]))

static int add_rights(scmp_filter_ctx filter, unsigned int rights)
{
	struct scmp_arg_cmp unix_socket = {0, SCMP_CMP_EQ, AF_UNIX, 0};
	struct scmp_arg_cmp empty_path = {3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0};
	int bad = 0;

	if (rights & SANDBOX_FILES)
		bad = ADD_LIST(filter, SCMP_ACT_ALLOW, files_allowed);
	if (!bad && rights & SANDBOX_SOCKETS)
		bad = ADD_LIST(filter, SCMP_ACT_ALLOW, sockets_allowed) ||
		      seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, unix_socket);
	if (!bad && rights & SANDBOX_CHILD)
		bad = ADD_LIST(filter, SCMP_ACT_ALLOW, child_allowed);
	/* glibc's fstat. */
	if (!bad && !(rights & (SANDBOX_FILES | SANDBOX_SOCKETS)))
		bad = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, empty_path);
	return bad;
}

static int add_rules(scmp_filter_ctx filter, unsigned int rights)
{
	struct scmp_arg_cmp itself = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};

	return add_memory_rules(filter) || add_fcntl_rules(filter, rights) || ADD_LIST(filter, SCMP_ACT_ALLOW, allowed) ||
	       ADD_LIST(filter, SCMP_ACT_KILL_PROCESS, deadly) || add_rights(filter, rights) ||
	       /* abort() signals itself, and nobody else. */
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, itself);
}

static int enter_seccomp(unsigned int rights)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int bad = !filter || add_rules(filter, rights) || seccomp_load(filter);

	seccomp_release(filter);
	return bad ? failed("seccomp") : 0;
}

int sandbox_enter(const struct sandbox *sandbox)
{
	int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? failed("no_new_privs") : 0;

	rc = rc ? rc : limit_resources();
	rc = rc ? rc : enter_landlock(sandbox);
	return rc ? rc : enter_seccomp(sandbox->rights);
}
