/* SPDX-License-Identifier: ISC
 *
 * Where the agent listens, for every mix of the environment's variables.
 */
#include "socket_path.h"

#include "fixture.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void set(const char *name, const char *value)
{
	if (value)
		assert_int_equal(setenv(name, value, 1), 0);
	else
		assert_int_equal(unsetenv(name), 0);
}

static int path_for(const char *own, const char *runtime, const char *home, char *path, size_t size)
{
	set("SMIME_AGENT_SOCKET", own);
	set("XDG_RUNTIME_DIR", runtime);
	set("HOME", home);
	return socket_path(path, size);
}

static void order(void **state)
{
	char path[200];

	(void)state;
	assert_int_equal(path_for("/a/sock", "/b", "/c", path, sizeof path), 0);
	assert_string_equal(path, "/a/sock");
	assert_int_equal(path_for(NULL, "/b", "/c", path, sizeof path), 0);
	assert_string_equal(path, "/b/smime-agent/S.smime-agent");
	/* a relative path would name another socket in each folder */
	assert_int_equal(path_for("a/sock", "/b", "/c", path, sizeof path), 0);
	assert_string_equal(path, "/b/smime-agent/S.smime-agent");
	assert_int_equal(path_for("", "/b", "/c", path, sizeof path), 0);
	assert_string_equal(path, "/b/smime-agent/S.smime-agent");
}

static bool user_folder(char *path, size_t size)
{
	struct stat st;

	snprintf(path, size, "/run/user/%u", getuid());
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Unset, empty and relative are the same (XDG Base Directory Specification). */
static void without_runtime_folder(void **state)
{
	static const char *const runtimes[] = {NULL, "", "relative"};
	char path[200], user[64], expected[200];

	(void)state;
	if (user_folder(user, sizeof user))
		snprintf(expected, sizeof expected, "%s/smime-agent/S.smime-agent", user);
	else
		snprintf(expected, sizeof expected, "/c/.smime-agent/S.smime-agent");
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(path_for(NULL, runtimes[i], "/c", path, sizeof path), 0);
		assert_string_equal(path, expected);
		if (strncmp(expected, "/c", 2))
			continue;
		assert_int_equal(path_for(NULL, runtimes[i], NULL, path, sizeof path), ERR_CONFIG);
		assert_int_equal(path_for(NULL, runtimes[i], "c", path, sizeof path), ERR_CONFIG);
		assert_int_equal(path_for("own", runtimes[i], "", path, sizeof path), ERR_CONFIG);
	}
}

static void sizes(void **state)
{
	char path[16];

	(void)state;
	assert_int_equal(path_for("/23456789012345", NULL, NULL, path, sizeof path), 0);
	assert_string_equal(path, "/23456789012345");
	assert_int_equal(path_for("/234567890123456", NULL, NULL, path, sizeof path), ERR_CONFIG);
	assert_int_equal(path_for(NULL, "/b", NULL, path, sizeof path), ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(without_runtime_folder),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests_name("socket_path", tests, NULL, NULL);
}
