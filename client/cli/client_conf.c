/* SPDX-License-Identifier: ISC
 *
 * Reads smime.conf: a name and a value a line, as agent.conf. A line that is not understood is an error: a
 * typing mistake must not send a mail unsigned.
 */
#include "client_conf.h"

#include "environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool client_conf_when(const char *word, enum when *ret_when)
{
	static const char *const words[] = {"never", "when-possible", "always"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!strcmp(words[i], word)) {
			*ret_when = WHEN_NEVER + (enum when)i;
			return true;
		}
	}
	return false;
}

static bool set(struct client_conf *conf, const char *name, const char *value)
{
	if (!strcmp(name, "sendmail-sign"))
		return client_conf_when(value, &conf->sendmail_sign);
	if (!strcmp(name, "sendmail-encrypt"))
		return client_conf_when(value, &conf->sendmail_encrypt);
	if (strcmp(name, "sendmail-program") || *value != '/' || strlen(value) >= sizeof conf->sendmail_program)
		return false;
	strcpy(conf->sendmail_program, value);
	return true;
}

unsigned int client_conf_read(struct client_conf *conf, FILE *file)
{
	char line[PATH_MAX + 64];
	unsigned int number = 0;

	while (fgets(line, sizeof line, file)) {
		size_t length = strlen(line);
		char *name = line + strspn(line, " \t"), *value = name + strcspn(name, " \t\r\n");

		number++;
		if (length == sizeof line - 1 && line[length - 1] != '\n')
			return number;
		while (length && strchr(" \t\r\n", line[length - 1]))
			line[--length] = 0;
		if (value > line + length)
			value = line + length;
		if (*value)
			*value++ = 0;
		value += strspn(value, " \t");
		if (*name && *name != '#' && !set(conf, name, value))
			return number;
	}
	return ferror(file) ? number + 1 : 0;
}

static bool load(struct client_conf *conf, const char *path, char *why, size_t size)
{
	FILE *file = fopen(path, "re");
	unsigned int line;

	if (!file) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return errno == ENOENT || errno == ENOTDIR;
	}
	line = client_conf_read(conf, file);
	fclose(file);
	snprintf(why, size, "%s: line %u is not understood", path, line);
	return !line;
}

bool client_conf_load(struct client_conf *conf, char *why, size_t size)
{
	const char *config = environment_get("XDG_CONFIG_HOME"), *home = environment_get("HOME");
	char path[PATH_MAX];

	*conf = (struct client_conf){0};
	if (!load(conf, SYSTEM_CLIENT_CONFIG, why, size))
		return false;
	if (config && *config == '/')
		snprintf(path, sizeof path, "%s/smime-agent/smime.conf", config);
	else if (home)
		snprintf(path, sizeof path, "%s/.config/smime-agent/smime.conf", home);
	else
		return true;
	return load(conf, path, why, size);
}
