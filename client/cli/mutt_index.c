/* SPDX-License-Identifier: ISC
 *
 * Lines of "address name label issuer trust purpose", with blanks between (mutt's smime_keys makes the same).
 */
#include "mutt_index.h"

#include "cli.h"
#include "environment.h"
#include "text.h"
#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

bool mutt_index_folder(char path[PATH_MAX])
{
	const char *data = environment_get("XDG_DATA_HOME"), *home = environment_get("HOME");

	if (data && *data == '/')
		return snprintf(path, PATH_MAX, "%s/smime-agent/mutt", data) < PATH_MAX;
	return home && snprintf(path, PATH_MAX, "%s/.local/share/smime-agent/mutt", home) < PATH_MAX;
}

/* What mutt, or the shell that it starts, would not take for an address. */
static bool is_plain(const char *address)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-=_@";

	return *address != '-' && strchr(address, '@') && !address[strspn(address, safe)];
}

static int compare(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

/* The addresses for a use, sorted, each once; they stay in the text. */
static char **addresses_for(char *text, const char *use, size_t *ret_count)
{
	size_t length = strlen(use), count = 0, room = 1, kept = 0;
	char **list;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		room++;
	list = calloc(room, sizeof *list);
	for (char *at = text; list && at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, use, length) && at[length] == '\t')
			list[count++] = at + length + 1;
	for (size_t i = 0; i < count; i++)
		list[i][strcspn(list[i], "\n")] = 0;
	if (list)
		qsort(list, count, sizeof *list, compare);
	for (size_t i = 0; i < count; i++)
		if (is_plain(list[i]) && (!kept || strcasecmp(list[kept - 1], list[i])))
			list[kept++] = list[i];
	*ret_count = kept;
	return list;
}

static void say(const char *path)
{
	char message[PATH_MAX + 200];

	snprintf(message, sizeof message, "%s: %s", path, strerror(errno));
	cli_error("setup", SMIME_AGENT_UNAVAILABLE, "WRITE", message);
}

static void make_folders(const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		mkdir(part, 0700);
	}
}

static bool write_list(const char *folder, const char *name, const char *purpose, char *const *list, size_t count)
{
	char path[PATH_MAX];
	struct output_file file;
	bool ok;

	if (snprintf(path, sizeof path, "%s/%s/.index", folder, name) >= (int)sizeof path)
		return false;
	make_folders(path);
	ok = !file_open_output(&file, path);
	for (size_t i = 0; i < count && ok; i++)
		ok = dprintf(file.fd, "%s %s - ? t %s\n", list[i], list[i], purpose) > 0;
	ok = !file_close_output(&file, ok) && ok;
	if (!ok)
		say(path);
	return ok;
}

static bool write_lists(const char *text)
{
	char folder[PATH_MAX], *copies[2] = {strdup(text), strdup(text)};
	size_t signs = 0, encrypts = 0;
	char **own = copies[0] ? addresses_for(copies[0], "sign", &signs) : NULL;
	char **all = copies[1] ? addresses_for(copies[1], "encrypt", &encrypts) : NULL;
	bool ok = own && all && mutt_index_folder(folder) && write_list(folder, "keys", "es", own, signs) &&
		  write_list(folder, "certificates", "e", all, encrypts);

	if (ok && signs)
		printf("set smime_default_key='%s'\n", own[0]);
	for (int i = 0; i < 2; i++)
		free(copies[i]);
	free(own);
	free(all);
	return ok;
}

int mutt_index_write(void)
{
	struct text text = {0};
	int status;
	smime_agent *agent = cli_connect(&status);

	if (!agent)
		return status;
	status = smime_agent_certs_list(agent, SMIME_AGENT_CERTS_ADDRESSES, NULL, 0, text_collect, &text);
	status = cli_finish(agent, "setup", status);
	if (!status && !write_lists(text.data ? text.data : ""))
		status = SMIME_AGENT_UNAVAILABLE;
	free(text.data);
	return status;
}
