/* SPDX-License-Identifier: ISC
 *
 * Holds the one configuration.
 */
#include "settings.h"

#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static struct config current;
static char *config_path;

const struct config *settings(void)
{
	return &current;
}

struct msg_hello settings_hello(void)
{
	return (struct msg_hello){
		.log_level = (uint8_t)current.log_level,
		.spool_max = (uint64_t)current.spool_max_mib << 20,
		.timeout_ms = current.prompt_timeout * 1000,
		.mail = (uint8_t)((current.protect_headers ? MAIL_PROTECT_HEADERS : 0) |
				  (current.encrypt_to_self ? MAIL_ENCRYPT_TO_SELF : 0) |
				  (current.hide_subject ? MAIL_HIDE_SUBJECT : 0)),
		.cipher = (uint8_t)current.content_cipher,
		.expiry_days = current.expiry_warning,
	};
}

int settings_read(void)
{
	struct config fresh;
	int rc = config_init(&fresh);

	rc = rc ? rc : config_load(&fresh, config_path);
	if (rc) {
		config_done(&fresh);
		return rc;
	}
	config_done(&current);
	current = fresh;
	return 0;
}

int settings_load(const char *path)
{
	free(config_path);
	config_path = path ? realpath(path, NULL) : NULL; /* the agent may leave this folder */
	if (path && !config_path) {
		log_error("configuration %s: %s", path, strerror(errno));
		return ERR_CONFIG;
	}
	return settings_read();
}

int settings_open_certificates(void)
{
	int fd;

	if (!current.certificates)
		return -1;
	fd = open(current.certificates, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		log_error("certificates %s: %s", current.certificates, strerror(errno));
	return fd;
}

void settings_end(void)
{
	config_done(&current);
	free(TAKE(config_path));
}
