/* SPDX-License-Identifier: ISC
 *
 * Reads agent.conf. A line that is not understood is an error, so that a typing mistake in a limit
 * is not a limit that nobody set.
 */
#include "config.h"

#include "cleanup.h"
#include "log.h"
#include "uri.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define LINE_LENGTH_MAX 4096
#define LIST_MAX 64
/* No such file: not an error, the next one is tried. */
#define ABSENT 1

enum kind { PATH, NUMBER, YES_NO, LEVEL, CIPHER, MODULE, PIN_SOURCE, PKCS11_ALLOW };

static const struct setting {
	const char *name;
	enum kind kind;
	size_t offset;
	uint32_t smallest, largest;
} settings[] = {
	{"module", MODULE, offsetof(struct config, modules), 0, 0},
	{"pin-source", PIN_SOURCE, offsetof(struct config, pin_sources), 0, 0},
	{"pkcs11-allow", PKCS11_ALLOW, offsetof(struct config, pkcs11_allow), 0, 0},
	{"pinentry-program", PATH, offsetof(struct config, pinentry_program), 0, 0},
	{"certificates", PATH, offsetof(struct config, certificates), 0, 0},
	{"certificate-store", PATH, offsetof(struct config, certificate_store), 0, 0},
	{"trust-anchors", PATH, offsetof(struct config, trust_anchors), 0, 0},
	{"spool-directory", PATH, offsetof(struct config, spool_directory), 0, 0},
	{"log-file", PATH, offsetof(struct config, log_file), 0, 0},
	{"log-level", LEVEL, offsetof(struct config, log_level), 0, 0},
	{"pin-cache-ttl", NUMBER, offsetof(struct config, pin_cache_ttl), 0, 31536000},
	{"pin-cache-max", NUMBER, offsetof(struct config, pin_cache_max), 0, 31536000},
	{"keep-pin-on-removal", YES_NO, offsetof(struct config, keep_pin_on_removal), 0, 1},
	{"operation-timeout", NUMBER, offsetof(struct config, operation_timeout), 1, 3600},
	{"prompt-timeout", NUMBER, offsetof(struct config, prompt_timeout), 1, 3600},
	{"display-forwarded", YES_NO, offsetof(struct config, display_forwarded), 0, 1},
	{"max-connections", NUMBER, offsetof(struct config, max_connections), 1, 1024},
	{"idle-workers", NUMBER, offsetof(struct config, idle_workers), 1, 16},
	{"protect-headers", YES_NO, offsetof(struct config, protect_headers), 0, 1},
	{"encrypt-to-self", YES_NO, offsetof(struct config, encrypt_to_self), 0, 1},
	{"hide-subject", YES_NO, offsetof(struct config, hide_subject), 0, 1},
	{"content-cipher", CIPHER, offsetof(struct config, content_cipher), 0, 0},
	{"expiry-warning", NUMBER, offsetof(struct config, expiry_warning), 0, 3650},
	{"spool-max", NUMBER, offsetof(struct config, spool_max_mib), 1, 1048576},
};

static int set_string(char **into, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return ERR_NO_MEMORY;
	free(*into);
	*into = copy;
	return 0;
}

int config_init(struct config *config)
{
	int rc;

	*config = (struct config){
		.pin_cache_ttl = 1800,
		.pin_cache_max = 28800,
		.operation_timeout = 30,
		.prompt_timeout = 120,
		.max_connections = 64,
		.idle_workers = 4,
		.spool_max_mib = 65536,
		.expiry_warning = 30,
		.log_level = LOG_LEVEL_INFO,
		.protect_headers = 1,
		.encrypt_to_self = 1,
	};
	rc = set_string(&config->pinentry_program, PINENTRY_PROGRAM);
	rc = rc ? rc : set_string(&config->trust_anchors, "/etc/ssl/certs/ca-certificates.crt");
	return rc ? rc : set_string(&config->spool_directory, "/var/tmp");
}

static void list_free(struct config_list *list)
{
	while (list) {
		struct config_list *next = list->next;

		free(list->value);
		free(list->second);
		free(list);
		list = next;
	}
}

void config_done(struct config *config)
{
	list_free(config->modules);
	list_free(config->pin_sources);
	list_free(config->pkcs11_allow);
	free(config->pinentry_program);
	free(config->certificates);
	free(config->certificate_store);
	free(config->trust_anchors);
	free(config->spool_directory);
	free(config->log_file);
	*config = (struct config){0};
}

static int list_add(struct config_list **list, const char *value, const char *second, uint32_t number)
{
	struct config_list *item = calloc(1, sizeof *item);
	int length = 0;

	if (!item)
		return ERR_NO_MEMORY;
	item->number = number;
	item->value = strdup(value);
	item->second = second ? strdup(second) : NULL;
	for (; *list; list = &(*list)->next)
		length++;
	*list = item;
	if (!item->value || (second && !item->second))
		return ERR_NO_MEMORY;
	return length < LIST_MAX ? 0 : ERR_CONFIG;
}

static int read_number(const struct setting *setting, const char *value, uint32_t *into)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || number < setting->smallest ||
	    number > setting->largest)
		return ERR_CONFIG;
	*into = (uint32_t)number;
	return 0;
}

/* "TOKEN SOURCE": the token's label may have blanks, the source may not. */
static int read_pin_source(struct config_list **list, char *value)
{
	char *blank = strrchr(value, ' ');
	const char *source = blank ? blank + 1 : "";

	if (strncmp(source, "file:/", 6) && strncmp(source, "credential:", 11))
		return ERR_CONFIG;
	while (blank > value && blank[-1] == ' ')
		blank--;
	*blank = 0;
	return *value ? list_add(list, value, source, 0) : ERR_CONFIG;
}

/* The word at the front, ended with a NUL; *line goes on behind it. */
static char *take_word(char **line)
{
	char *word = *line;

	*line += strcspn(*line, " \t");
	if (**line)
		*(*line)++ = 0;
	*line += strspn(*line, " \t");
	return word;
}

static int read_operations(char *words, uint32_t *ret_bits)
{
	static const char *const names[] = {"sign", "decrypt", "derive"};
	char *word;

	*ret_bits = 0;
	if (!strcmp(words, "none"))
		return 0;
	while ((word = strsep(&words, ","))) {
		size_t i = 0;

		while (i < sizeof names / sizeof names[0] && strcmp(names[i], word))
			i++;
		if (i == sizeof names / sizeof names[0])
			return ERR_CONFIG;
		*ret_bits |= 1u << i;
	}
	return 0;
}

/* "OPERATIONS PROGRAM KEY": the key's label may have blanks. */
static int read_allow(struct config_list **list, char *value)
{
	char *operations = take_word(&value), *program = take_word(&value);
	struct uri uri = {0};
	uint32_t bits;
	int rc = read_operations(operations, &bits);

	if (rc || !*value || (*program != '/' && strcmp(program, "*")))
		return ERR_CONFIG;
	if (!strncmp(value, "pkcs11:", 7)) {
		rc = uri_parse(value, &uri);
		uri_done(&uri);
	}
	return rc ? ERR_CONFIG : list_add(list, value, program, bits);
}

/* In the order of enum content_cipher. */
static int read_cipher(const char *value, uint32_t *into)
{
	static const char *const names[] = {"auto",	   "aes-128-cbc", "aes-192-cbc", "aes-256-cbc",
					    "aes-128-gcm", "aes-192-gcm", "aes-256-gcm", "cbc"};

	for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!strcmp(names[i], value)) {
			*into = i;
			return 0;
		}
	return ERR_CONFIG;
}

static int set_value(struct config *config, const struct setting *setting, char *value)
{
	void *field = (char *)config + setting->offset;
	int level;

	switch (setting->kind) {
	case PATH:
		return *value == '/' ? set_string(field, value) : ERR_CONFIG;
	case MODULE:
		return *value == '/' ? list_add(field, value, NULL, 0) : ERR_CONFIG;
	case NUMBER:
		return read_number(setting, value, field);
	case YES_NO:
		*(uint32_t *)field = !strcmp(value, "yes");
		return !strcmp(value, "yes") || !strcmp(value, "no") ? 0 : ERR_CONFIG;
	case CIPHER:
		return read_cipher(value, field);
	case PIN_SOURCE:
		return read_pin_source(field, value);
	case PKCS11_ALLOW:
		return read_allow(field, value);
	case LEVEL:
		level = log_level_from_name(value);
		if (level >= 0)
			*(uint32_t *)field = (uint32_t)level;
		return level < 0 ? ERR_CONFIG : 0;
	}
	return ERR_CONFIG;
}

static void strip(char *line)
{
	size_t end = strlen(line);

	while (end && isspace((unsigned char)line[end - 1]))
		line[--end] = 0;
}

static int read_line(struct config *config, char *line)
{
	char *value;

	strip(line);
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return 0;
	value = line + strcspn(line, " \t");
	if (*value)
		*value++ = 0;
	value += strspn(value, " \t");
	for (size_t i = 0; *value && i < sizeof settings / sizeof settings[0]; i++)
		if (!strcmp(settings[i].name, line))
			return set_value(config, &settings[i], value);
	return ERR_CONFIG;
}

int config_read(struct config *config, FILE *file, const char *name)
{
	char line[LINE_LENGTH_MAX];
	unsigned int number = 0;

	while (fgets(line, sizeof line, file)) {
		int rc = strchr(line, '\n') || feof(file) ? read_line(config, line) : ERR_CONFIG;

		number++;
		if (rc) {
			log_error("%s, line %u: not understood: %s", name, number, log_quote(line));
			return rc;
		}
	}
	if (!ferror(file))
		return 0;
	log_error("%s: cannot be read", name);
	return ERR_CONFIG;
}

static int load_file(struct config *config, const char *path)
{
	FILE *file = fopen(path, "re");
	int rc;

	if (!file && errno == ENOENT)
		return ABSENT;
	if (!file) {
		log_error("%s: cannot be read: %s", path, strerror(errno));
		return ERR_CONFIG;
	}
	rc = config_read(config, file, path);
	fclose(file);
	return rc;
}

/* $XDG_CONFIG_HOME/smime-agent/agent.conf, or the same below ~/.config; empty without a home. */
static void user_path(char *into, size_t size)
{
	const char *base = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	*into = 0;
	if (base && *base == '/')
		snprintf(into, size, "%s/smime-agent/agent.conf", base);
	else if (home && *home == '/')
		snprintf(into, size, "%s/.config/smime-agent/agent.conf", home);
}

int config_load(struct config *config, const char *path)
{
	char user[4096];
	int rc = ABSENT;

	if (path) {
		rc = load_file(config, path);
		if (rc == ABSENT || rc == ERR_CONFIG)
			log_error("configuration %s cannot be used", path);
		return rc == ABSENT ? ERR_CONFIG : rc;
	}
	user_path(user, sizeof user);
	if (*user)
		rc = load_file(config, user);
	if (rc == ABSENT)
		rc = load_file(config, SYSTEM_CONFIG);
	return rc == ABSENT ? 0 : rc;
}
