/* SPDX-License-Identifier: ISC
 *
 * Protected memory: that it is locked, undumped, gone after fork and refused when it cannot be
 * locked; and what secret_harden_process does, seen from a child.
 */
#include "secret.h"

#include "fixture.h"
#include "log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* AddressSanitizer makes mlock a success that does nothing; this is NULL without it. */
extern void __asan_init(void) __attribute__((weak));

static bool mlock_works(void)
{
	return !__asan_init;
}

/* The exit status of what a child makes of `run`. */
static int in_child(int (*run)(void *context), void *context)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child)
		_exit(run(context));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void copies(void **state)
{
	CLEAN_SECRET struct secret *secret = secret_new(view_string("123456"));

	(void)state;
	assert_non_null(secret);
	assert_int_equal(secret->length, 6);
	assert_string_equal((char *)secret->data, "123456");
}

static void length_limit(void **state)
{
	uint8_t bytes[SECRET_MAX + 1];
	CLEAN_SECRET struct secret *empty = secret_new((struct view){NULL, 0});
	CLEAN_SECRET struct secret *longest = NULL;

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	longest = secret_new((struct view){bytes, SECRET_MAX});
	assert_non_null(longest);
	assert_int_equal(longest->data[SECRET_MAX], 0);
	assert_non_null(empty);
	assert_int_equal(empty->length, 0);
	assert_null(secret_new((struct view){bytes, SECRET_MAX + 1}));
	assert_null(secret_new((struct view){bytes, SIZE_MAX}));
}

static void equality(void **state)
{
	CLEAN_SECRET struct secret *a = secret_new(view_string("123456"));
	CLEAN_SECRET struct secret *same = secret_new(view_string("123456"));
	CLEAN_SECRET struct secret *last = secret_new(view_string("123457"));
	CLEAN_SECRET struct secret *longer = secret_new((struct view){(const uint8_t *)"123456\0", 7});

	(void)state;
	assert_true(secret_equal(a, a));
	assert_true(secret_equal(a, same));
	assert_false(secret_equal(a, last));
	assert_false(secret_equal(a, longer));
	assert_false(secret_equal(a, NULL));
	assert_false(secret_equal(NULL, a));
	assert_false(secret_equal(NULL, NULL));
}

static void null_is_fine(void **state)
{
	(void)state;
	secret_free(NULL);
	secret_release(NULL, 10);
}

/* VmFlags of the mapping that holds the address (proc_pid_smaps(5)). */
static void flags_of(const void *address, char *into, size_t size)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	char line[512];
	bool inside = false;

	assert_non_null(maps);
	*into = 0;
	while (!*into && fgets(line, sizeof line, maps)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (uintptr_t)address >= start && (uintptr_t)address < end;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			snprintf(into, size, "%s", line + 8);
	}
	fclose(maps);
}

static void memory_is_protected(void **state)
{
	static const size_t sizes[] = {0, 1, 4096, 4097, 100000};
	char flags[512];

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint8_t *memory = secret_alloc(sizes[i]);

		assert_non_null(memory);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(memory[j], 0);
		flags_of(memory, flags, sizeof flags);
		assert_int_equal(!!strstr(flags, " lo"), mlock_works()); /* locked */
		assert_non_null(strstr(flags, " dd"));			 /* not dumped */
		assert_non_null(strstr(flags, " wf"));			 /* wiped on fork */
		secret_release(memory, sizes[i]);
	}
}

static int all_zero(void *context)
{
	const uint8_t *bytes = context;

	for (size_t i = 0; i < 100; i++)
		if (bytes[i])
			return 1;
	return 0;
}

static void absent_after_fork(void **state)
{
	uint8_t plain[100], *memory = secret_alloc(sizeof plain);

	(void)state;
	assert_non_null(memory);
	memset(memory, 'x', sizeof plain);
	memset(plain, 'x', sizeof plain);
	assert_int_equal(in_child(all_zero, memory), 0);
	assert_int_equal(in_child(all_zero, plain), 1); /* the test sees what it should */
	assert_int_equal(memory[99], 'x');
	secret_release(memory, sizeof plain);
}

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static int alloc_without_locking(void *context)
{
	struct rlimit none = {0, 0};

	(void)context;
	log_open(quiet, LOG_LEVEL_INFO);
	/* Root may lock without a limit. */
	if (setrlimit(RLIMIT_MEMLOCK, &none) || (!geteuid() && setuid(65534)))
		return 2;
	return secret_alloc(10) || secret_new(view_string("x"));
}

static void unlockable_memory_is_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(alloc_without_locking, NULL), mlock_works() ? 0 : 1);
}

static void wiping(void **state)
{
	uint8_t bytes[50];

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	secret_wipe(bytes, 49);
	for (size_t i = 0; i < 49; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(bytes[49], 'x');
}

static int harden(void *context)
{
	struct rlimit core;
	struct stat null, st;

	(void)context;
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	if (secret_harden_process() || stat("/dev/null", &null))
		return 1;
	for (int fd = 0; fd <= 2; fd++)
		if (fstat(fd, &st) || st.st_rdev != null.st_rdev)
			return 2;
	if (prctl(PR_GET_DUMPABLE))
		return 3;
	return getrlimit(RLIMIT_CORE, &core) || core.rlim_cur || core.rlim_max ? 4 : 0;
}

static void hardened_process(void **state)
{
	(void)state;
	assert_int_equal(in_child(harden, NULL), 0);
}

static int harden_without_descriptors(void *context)
{
	struct rlimit few = {2, 2};

	(void)context;
	close(2);
	return setrlimit(RLIMIT_NOFILE, &few) || secret_harden_process() != ERR_INTERNAL;
}

static void hardening_fails_loudly(void **state)
{
	(void)state;
	assert_int_equal(in_child(harden_without_descriptors, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(length_limit),
		cmocka_unit_test(equality),
		cmocka_unit_test(null_is_fine),
		cmocka_unit_test(memory_is_protected),
		cmocka_unit_test(absent_after_fork),
		cmocka_unit_test(unlockable_memory_is_refused),
		cmocka_unit_test(wiping),
		cmocka_unit_test(hardened_process),
		cmocka_unit_test(hardening_fails_loudly),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
