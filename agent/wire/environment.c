/* SPDX-License-Identifier: ISC
 *
 * What the environment may say.
 */
#include "environment.h"

#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

bool environment_is_foreign(void)
{
	return getauxval(AT_SECURE) || getuid() != geteuid() || getgid() != getegid();
}

const char *environment_get(const char *name)
{
	return environment_is_foreign() ? NULL : getenv(name);
}
