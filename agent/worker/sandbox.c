/* SPDX-License-Identifier: ISC
 *
 * No new privileges, resource limits, Landlock without a single rule, and a list of system calls.
 * Entered before the first byte of a client is read.
 */
#include "sandbox.h"

#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

/* The rights of version 1, and linking across folders, are handled, and none is granted: no file can
 * be opened. What later versions know, seccomp refuses. */
static int enter_landlock(void)
{
	struct landlock_ruleset_attr attr = {0};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	CLEAN_FD int fd = -1;

	if (version < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
		log_warn("sandbox: this kernel has no Landlock; seccomp alone refuses to open files");
		return 0;
	}
	if (version < 1)
		return failed("landlock");
	attr.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* version 1 */
#ifdef LANDLOCK_ACCESS_FS_REFER
	if (version >= 2)
		attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
#endif
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0))
		return failed("landlock");
	return 0;
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
static int add_fcntl_rules(scmp_filter_ctx filter)
{
	static const int harmless[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC};
	struct scmp_arg_cmp set_flags[] = {{1, SCMP_CMP_EQ, F_SETFL, 0}, {2, SCMP_CMP_MASKED_EQ, O_ASYNC, 0}};
	int bad = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2, set_flags);

	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0] && !bad; i++) {
		struct scmp_arg_cmp command = {1, SCMP_CMP_EQ, (scmp_datum_t)harmless[i], 0};

		bad = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, command);
	}
	return bad;
}

static int add_rules(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp empty_path = {3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0};
	struct scmp_arg_cmp itself = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
	int bad = add_memory_rules(filter) || add_fcntl_rules(filter);

	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && !bad; i++)
		bad = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < sizeof deadly / sizeof deadly[0] && !bad; i++)
		bad = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
	/* glibc's fstat. */
	bad = bad || seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, empty_path);
	/* abort() signals itself, and nobody else. */
	bad = bad || seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, itself);
	return bad;
}

static int enter_seccomp(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int bad = !filter || add_rules(filter) || seccomp_load(filter);

	seccomp_release(filter);
	return bad ? failed("seccomp") : 0;
}

int sandbox_enter(void)
{
	int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? failed("no_new_privs") : 0;

	rc = rc ? rc : limit_resources();
	rc = rc ? rc : enter_landlock();
	return rc ? rc : enter_seccomp();
}
