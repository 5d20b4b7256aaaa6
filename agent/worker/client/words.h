/* SPDX-License-Identifier: ISC
 *
 * The words of a command's line.
 */
#ifndef SMIME_WORKER_WORDS_H
#define SMIME_WORKER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the next word off the line, and ends it with a NUL; NULL at the line's end. */
char *words_next(char **line);

/* A word that sets a flag to a value. */
struct word_flag {
	const char *word;
	bool *flag, value;
};
/* Sets the word's flag; false for a word that the table does not have. */
bool words_set_flag(const struct word_flag *table, size_t count, const char *word);

#endif
