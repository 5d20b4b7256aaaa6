/* SPDX-License-Identifier: ISC
 *
 * What is believed of a client's words about its terminal.
 */
#include "terminal.h"

#include "cleanup.h"
#include "fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void ttys(void **state)
{
	CLEAN_FD int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64], path[128], folder[] = "/tmp/smime-terminal.XXXXXX", link[64];
	struct stat facts;

	(void)state;
	assert_true(master >= 0 && !grantpt(master) && !unlockpt(master) && !ptsname_r(master, name, sizeof name));
	assert_int_equal(stat(name, &facts), 0);
	assert_null(terminal_doubt_tty(name, facts.st_uid));
	assert_string_equal(terminal_doubt_tty(name, facts.st_uid + 1), "it belongs to another user");
	snprintf(path, sizeof path, "/dev/../%s", name);
	assert_non_null(terminal_doubt_tty(path, facts.st_uid));
	/* Who could make this link could lead it elsewhere later. */
	assert_non_null(mkdtemp(folder));
	snprintf(link, sizeof link, "%s/tty", folder);
	assert_int_equal(symlink(name, link), 0);
	assert_non_null(terminal_doubt_tty(link, facts.st_uid));
	assert_false(unlink(link) || rmdir(folder));
	close(TAKE_FD(master)); /* and with it, its other end */
	assert_non_null(terminal_doubt_tty(name, facts.st_uid));
}

static void what_is_no_tty(void **state)
{
	static const char *const paths[] = {"",		   "/",		 "/dev",	"/dev/null",	"/dev/zero", "/dev/tty",
					    "/dev/shm",	   "/dev/full",	 "/etc/passwd", "/dev/ptmx",	"/dev/pts",  "pts/0",
					    "/dev/pts/ptmx", "/dev/random", "/dev/console", "/dev/pts/99999"};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_non_null(terminal_doubt_tty(paths[i], getuid()));
}

static void displays(void **state)
{
	static const char *const good[] = {":0", ":99", ":0.0", ":10.1"};
	static const char *const bad[] = {":",	    ":x",	 ":0.",		 ":0.0.0",   ":-1",	   ":0 ",	"evil.example:0",
					  "0",	    "10.0.0.1:0", ":12345",	 ":0;x",     "localhost",  "localhost:", "unix:0",
					  "local/:0", "tcp/x:0",  "localhost:1x", "[::1]:0", "\\localhost:0"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_null(terminal_doubt_display(good[i], false, getuid()));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_non_null(terminal_doubt_display(bad[i], true, getuid()));
}

static void forwarded_displays(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	CLEAN_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char display[32];
	int number = 900;

	(void)state;
	do
		address.sin_port = htons((uint16_t)(6000 + ++number));
	while (number < 999 && bind(fd, (struct sockaddr *)&address, sizeof address));
	assert_true(number < 999);
	snprintf(display, sizeof display, "localhost:%d.0", number);
	assert_non_null(terminal_doubt_display(display, true, getuid())); /* nobody listens */
	assert_int_equal(listen(fd, 1), 0);
	assert_null(terminal_doubt_display(display, true, getuid()));
	assert_non_null(terminal_doubt_display(display, false, getuid()));
	assert_non_null(terminal_doubt_display(display, true, getuid() + 1));
}

static void wayland(void **state)
{
	char folder[] = "/tmp/smime-terminal.XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof address.sun_path, "%s/wayland-0", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_null(terminal_doubt_wayland("wayland-0", folder, getuid()));
	assert_null(terminal_doubt_wayland(address.sun_path, folder, getuid()));
	assert_non_null(terminal_doubt_wayland("wayland-0", folder, getuid() + 1));
	assert_non_null(terminal_doubt_wayland("wayland-1", folder, getuid()));
	assert_non_null(terminal_doubt_wayland("../wayland-0", folder, getuid()));
	assert_non_null(terminal_doubt_wayland(address.sun_path, "/run", getuid()));
	assert_non_null(terminal_doubt_wayland("wayland-0", NULL, getuid()));
	assert_false(unlink(address.sun_path) || rmdir(folder));
}

static void xauthority(void **state)
{
	char path[] = "/tmp/smime-terminal.XXXXXX";
	CLEAN_FD int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_null(terminal_doubt_xauthority(path, getuid()));
	assert_non_null(terminal_doubt_xauthority(path, getuid() + 1));
	assert_non_null(terminal_doubt_xauthority(path + 1, getuid()));
	assert_non_null(terminal_doubt_xauthority("/tmp", getuid()));
	assert_int_equal(unlink(path), 0);
	assert_non_null(terminal_doubt_xauthority(path, getuid()));
}

static void names(void **state)
{
	static const char *const good[] = {"xterm-256color", "de_DE.UTF-8", "C", "ca_ES.UTF-8@valencia", "screen.xterm+x"};
	static const char *const bad[] = {"../../tmp/x", "x/y", "a b", ".hidden", "x\ny", "%n",
					  "0123456789012345678901234567890123456789012345678901234567890123456789"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_null(terminal_doubt_name(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_non_null(terminal_doubt_name(bad[i]));
}

static void buses(void **state)
{
	static const char *const bad[] = {"", "unix:path=/", "unix:path=x", "unixexec:path=/bin/sh", "tcp:host=x",
					  "unix:path=/a;unixexec:path=/bin/sh", "autolaunch:", "unix:abstract="};

	(void)state;
	assert_null(terminal_doubt_bus("unix:path=/run/user/1000/bus,guid=0123"));
	assert_null(terminal_doubt_bus("unix:abstract=/tmp/dbus-x"));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_non_null(terminal_doubt_bus(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ttys),	   cmocka_unit_test(what_is_no_tty), cmocka_unit_test(displays),
		cmocka_unit_test(forwarded_displays), cmocka_unit_test(wayland), cmocka_unit_test(xauthority),
		cmocka_unit_test(names),   cmocka_unit_test(buses),
	};

	return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
