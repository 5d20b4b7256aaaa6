/* SPDX-License-Identifier: ISC
 *
 * Blanks stand between words; a word has none.
 */
#include "words.h"

#include <string.h>

char *words_next(char **line)
{
	char *word = *line + strspn(*line, " ");
	size_t length = strcspn(word, " ");

	if (!length)
		return NULL;
	*line = word + length;
	if (**line)
		*(*line)++ = 0;
	return word;
}

bool words_set_flag(const struct word_flag *table, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(table[i].word, word)) {
			*table[i].flag = table[i].value;
			return true;
		}
	return false;
}
