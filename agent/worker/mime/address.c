/* SPDX-License-Identifier: ISC
 *
 * Goes through an address list once. Quoted strings and comments may hold anything, commas and addresses
 * too, and are not looked into.
 */
#include "address.h"

#include <ctype.h>
#include <string.h>

static struct view after(struct view text, size_t length)
{
	return (struct view){text.data + length, text.length - length};
}

/* From behind the opening character to behind the closing one; comments nest. */
static struct view skip_to(struct view text, char open, char close)
{
	unsigned int depth = 1;

	while (text.length && depth) {
		char c = (char)text.data[0];

		if (c == '\\' && text.length > 1)
			text = after(text, 1);
		else if (c == close)
			depth--;
		else if (c == open)
			depth++;
		text = after(text, 1);
	}
	return text;
}

/* Beyond ASCII it is RFC 6532's. */
static bool is_address_character(uint8_t c)
{
	return c > ' ' && c != 127 && !strchr("<>,;:\"()[]\\", c);
}

/* What is collected of an entry. */
struct entry {
	char text[ADDRESS_SIZE];
	size_t length;
	bool words;   /* there was something */
	bool unclear; /* something that no address has */
};

static void put(struct entry *entry, uint8_t c)
{
	if (entry->length + 1 < sizeof entry->text)
		entry->text[entry->length++] = (char)c;
	else
		entry->unclear = true;
}

static void entry_begin(struct entry *entry, bool words)
{
	*entry = (struct entry){.words = words};
}

/* The text between < and >, or of a bare address. */
static void entry_finish(const struct entry *entry, char into[ADDRESS_SIZE])
{
	const char *at = memchr(entry->text, '@', entry->length);
	size_t local = at ? (size_t)(at - entry->text) : 0;
	bool good = !entry->unclear && local && local + 1 < entry->length &&
		    !memchr(at + 1, '@', entry->length - local - 1);

	if (good)
		memcpy(into, entry->text, entry->length);
	into[good ? entry->length : 0] = 0;
}

/* Behind the closing bracket. */
static struct view take_brackets(struct view text, struct entry *entry)
{
	bool gap = false;

	entry_begin(entry, true);
	while (text.length && text.data[0] != '>') {
		uint8_t c = text.data[0];

		if (isspace(c))
			gap = entry->length;
		else if (is_address_character(c) && !gap)
			put(entry, c);
		else
			entry->unclear = true;
		text = after(text, 1);
	}
	return text.length ? after(text, 1) : text;
}

/* A bare word: the one with an @ is the address, others are a name's. */
static struct view take_word(struct view text, struct entry *entry)
{
	size_t length = 0;

	while (length < text.length && is_address_character(text.data[length]))
		length++;
	if (memchr(text.data, '@', length)) {
		entry->unclear = entry->length; /* a second one */
		for (size_t i = 0; i < length; i++)
			put(entry, text.data[i]);
	} else {
		entry->unclear = entry->unclear || entry->length; /* behind an address nothing is a name */
	}
	entry->words = true;
	return after(text, length ? length : 1);
}

bool address_next(struct view *list, char into[ADDRESS_SIZE])
{
	struct view text = *list;
	struct entry entry;
	bool in_brackets = false, hidden = false;

	entry_begin(&entry, false);
	while (text.length) {
		uint8_t c = text.data[0];

		if (isspace(c) || c == '(') {
			text = c == '(' ? skip_to(after(text, 1), '(', ')') : after(text, 1);
		} else if (c == ',' || c == ';') {
			text = after(text, 1);
			if (entry.words)
				break;
		} else if (c == ':') {
			hidden = hidden || entry.length; /* no name has an @ that is not quoted */
			entry_begin(&entry, false);		 /* that was a group's name */
			in_brackets = false;
			text = after(text, 1);
		} else if (c == '"') {
			entry.words = true;
			text = skip_to(after(text, 1), '"', '"');
		} else if (c == '<' && !in_brackets) {
			text = take_brackets(after(text, 1), &entry);
			in_brackets = true;
		} else if (in_brackets) {
			entry.unclear = true;
			text = after(text, 1);
		} else {
			text = take_word(text, &entry);
		}
	}
	*list = text;
	entry.unclear = entry.unclear || hidden;
	if (entry.words)
		entry_finish(&entry, into);
	return entry.words;
}
