/* SPDX-License-Identifier: ISC
 *
 * Agent and clients find each other here.
 */
#include "socket_path.h"

#include "environment.h"

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
	const char *own = environment_get("SMIME_AGENT_SOCKET");
	const char *runtime = environment_get("XDG_RUNTIME_DIR");
	const char *home = environment_get("HOME");
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
