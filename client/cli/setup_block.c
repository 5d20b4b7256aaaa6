/* SPDX-License-Identifier: ISC
 *
 * Lines of ours between two comment lines, at the end of another program's configuration. Taking them out
 * gives the text before them back, to the byte. And where such a file is.
 */
#include "setup.h"

#include "environment.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The last line before had no line end, so that the one after it is ours. */
#define JOINED " (the line above had no end)"

static char *make_line(const struct setup_block *block, const char *which)
{
	char *line;

	return asprintf(&line, "%s smime-agent (smime setup %s): %s\n", block->comment, block->name, which) < 0 ? NULL : line;
}

/* Where the block begins and what follows its end; false where it is not there whole. */
static bool find(const char *text, const struct setup_block *block, const char **ret_start, const char **ret_rest)
{
	char *begin = make_line(block, "begin"), *joined = make_line(block, "begin" JOINED), *end = make_line(block, "end");
	const char *at = begin ? strstr(text, begin) : NULL, *after = NULL;

	if (!at && joined) {
		at = strstr(text, joined);
		if (at && at > text)
			at--; /* the line end that is ours */
	}
	if (at && end)
		after = strstr(at, end);
	if (after) {
		*ret_start = at;
		*ret_rest = after + strlen(end);
	}
	free(begin);
	free(joined);
	free(end);
	return after != NULL;
}

/* One that somebody cut short is there, too: it is not ours to mend. */
static bool is_cut(const char *text, const struct setup_block *block)
{
	char *begin = make_line(block, "begin");
	const char *start, *rest;
	bool cut = begin && !find(text, block, &start, &rest);

	if (cut) {
		begin[strlen(begin) - 1] = 0; /* the joined one begins with it */
		cut = strstr(text, begin);
	}
	free(begin);
	return cut;
}

static bool has_lines(const char *text, const struct setup_block *block, const char *lines)
{
	const char *start, *rest, *at;
	size_t length = strlen(lines);

	if (!find(text, block, &start, &rest))
		return is_cut(text, block);
	at = strchr(start + (*start == '\n'), '\n') + 1;
	return (size_t)(rest - at) > length && !strncmp(at, lines, length) && strstr(at, block->comment) == at + length;
}

bool setup_block_has(const char *text, const struct setup_block *block, const char *target)
{
	char *lines = block->make_lines(target);
	bool found = lines && has_lines(text, block, lines);

	free(lines);
	return found;
}

char *setup_block_remove(const char *text, const struct setup_block *block)
{
	const char *start, *rest;
	char *after;

	if (!find(text, block, &start, &rest))
		return strdup(text);
	return asprintf(&after, "%.*s%s", (int)(start - text), text, rest) < 0 ? NULL : after;
}

char *setup_block_add(const char *text, const struct setup_block *block, const char *target)
{
	char *others = setup_block_remove(text, block), *lines = block->make_lines(target), *begin, *end, *after = NULL;
	size_t length = others ? strlen(others) : 0;
	bool joined = length && others[length - 1] != '\n';

	begin = make_line(block, joined ? "begin" JOINED : "begin");
	end = make_line(block, "end");
	if (!others || !lines || !begin || !end ||
	    asprintf(&after, "%s%s%s%s%s", others, joined ? "\n" : "", begin, lines, end) < 0)
		after = NULL;
	free(others);
	free(lines);
	free(begin);
	free(end);
	return after;
}

/* Below $XDG_CONFIG_HOME for names that begin with "~config/", else below the home. */
static bool expand(const char *name, char path[PATH_MAX])
{
	static const char config[] = "~config/";
	const char *xdg = environment_get("XDG_CONFIG_HOME"), *home = environment_get("HOME");

	if (strncmp(name, config, sizeof config - 1))
		return home && snprintf(path, PATH_MAX, "%s/%s", home, name) < PATH_MAX;
	name += sizeof config - 1;
	if (xdg && *xdg == '/')
		return snprintf(path, PATH_MAX, "%s/%s", xdg, name) < PATH_MAX;
	return home && snprintf(path, PATH_MAX, "%s/.config/%s", home, name) < PATH_MAX;
}

void setup_first_place(const char *const *names, setup_place place, void *context)
{
	char path[PATH_MAX];

	for (size_t i = 0; names[i]; i++) {
		if (expand(names[i], path) && !access(path, F_OK)) {
			place(context, path);
			return;
		}
	}
	if (expand(names[0], path))
		place(context, path);
}
