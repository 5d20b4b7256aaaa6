/* SPDX-License-Identifier: ISC
 *
 * What sendmail, Postfix, Exim and msmtp take, as far as it matters who the recipients are and where the
 * mail ends. An option that is not known here is passed on as it stands.
 */
#include "sendmail_options.h"

#include <stdlib.h>
#include <string.h>

/* Options with a value, in the same word or the next one; those of which only the same word counts. */
static const char with_value[] = "ABbCDeFfhLMNOopRrVXxa", with_rest[] = "dq";

/* A flag as a word of its own, taken out of a word like -ti. */
static const char *flag_word(char letter)
{
	static char words[128][3];
	char *word = words[(unsigned char)letter & 127];

	word[0] = '-';
	word[1] = letter;
	return word;
}

static void add(struct sendmail_options *options, const char *word)
{
	options->words[options->word_count++] = word;
}

static void take_value(struct sendmail_options *options, char letter, const char *value)
{
	if (letter == 'f' || letter == 'r')
		options->sender = value;
	if (letter == 'b')
		options->other |= strcmp(value, "m") != 0;
	if (letter == 'o')
		options->whole |= !strcmp(value, "i");
	if (letter == 'O')
		options->whole |= !strcmp(value, "IgnoreDots") || !strcmp(value, "IgnoreDots=True");
}

static void take_flag(struct sendmail_options *options, char letter)
{
	options->whole |= letter == 'i';
	options->other |= letter == 'I';
	if (letter == 't')
		options->from_header = true;
	else
		add(options, flag_word(letter));
}

/* A word of single letters: flags, then perhaps one with a value. False where the value is missing. */
static bool take_letters(struct sendmail_options *options, const char *word, char *const **next)
{
	for (const char *at = word + 1; *at; at++) {
		const char *value = at + 1;

		if (!strchr(with_value, *at) && !strchr(with_rest, *at)) {
			take_flag(options, *at);
			continue;
		}
		options->other |= *at == 'q';
		add(options, at == word + 1 ? word : flag_word(*at));
		if (strchr(with_rest, *at))
			return true;
		if (!*value || at > word + 1) {
			value = *value ? value : *(*next)++;
			if (!value)
				return false;
			add(options, value);
		}
		take_value(options, *at, value);
		return true;
	}
	return true;
}

/* The value of --name=value or --name value; NULL if the word is another, "" if none is there. */
static const char *own_value(const char *name, const char *word, char *const **next)
{
	size_t length = strlen(name);

	if (strncmp(word, name, length) || (word[length] && word[length] != '='))
		return NULL;
	if (word[length])
		return word + length + 1;
	return **next ? *(*next)++ : "";
}

/* An option of ours, or a long one of msmtp. False: a wrong value. */
static bool take_long(struct sendmail_options *options, const char *word, char *const **next)
{
	const char *value;

	if ((value = own_value("--sign", word, next)))
		return client_conf_when(value, &options->sign);
	if ((value = own_value("--encrypt", word, next)))
		return client_conf_when(value, &options->encrypt);
	if ((value = own_value("--program", word, next)))
		return *(options->program = value);
	if ((value = own_value("--key", word, next)))
		return *(options->key = value);
	if (!strcmp(word, "--help"))
		options->help = true;
	else if (!strcmp(word, "--read-recipients"))
		options->from_header = true;
	else if (strcmp(word, "--json"))
		add(options, word);
	if (!strncmp(word, "--from=", 7))
		options->sender = word + 7;
	return true;
}

static bool parse(struct sendmail_options *options, char *const *next)
{
	bool ok = true, ended = false;

	while (*next && ok) {
		const char *word = *next++;

		if (ended || *word != '-' || !word[1])
			options->recipients[options->recipient_count++] = word;
		else if (!strcmp(word, "--"))
			ended = true;
		else
			ok = word[1] == '-' ? take_long(options, word, &next) : take_letters(options, word, &next);
	}
	return ok;
}

bool sendmail_options_parse(struct sendmail_options *options, int argc, char *const *argv)
{
	size_t room = 1;

	*options = (struct sendmail_options){0};
	/* A word gives at most as many as it has letters. */
	for (int i = 0; i < argc; i++)
		room += strlen(argv[i]) + 1;
	options->words = calloc(room, sizeof *options->words);
	options->recipients = calloc((size_t)argc + 1, sizeof *options->recipients);
	return options->words && options->recipients && argc > 0 && parse(options, argv + 1);
}

void sendmail_options_done(struct sendmail_options *options)
{
	free(options->words);
	free(options->recipients);
}
