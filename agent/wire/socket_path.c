/* SPDX-License-Identifier: ISC
 *
 * Agent and clients find each other here. secure_getenv, since the PKCS#11 module may be loaded into a
 * program that has more rights than whoever set its environment.
 */
#include "socket_path.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

int socket_path(char *ret_path, size_t size)
{
	const char *own = secure_getenv("SMIME_AGENT_SOCKET");
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	const char *home = secure_getenv("HOME");
	char user[64];
	int length = -1;

	snprintf(user, sizeof user, "/run/user/%u", getuid());
	if ((!runtime || *runtime != '/') && is_folder(user))
		runtime = user;
	if (own && *own == '/')
		length = snprintf(ret_path, size, "%s", own);
	else if (runtime && *runtime == '/')
		length = snprintf(ret_path, size, "%s/smime-agent/S.smime-agent", runtime);
	else if (home && *home == '/')
		length = snprintf(ret_path, size, "%s/.smime-agent/S.smime-agent", home);
	return length < 0 || (size_t)length >= size ? ERR_CONFIG : 0;
}
