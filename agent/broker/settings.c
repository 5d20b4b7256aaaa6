/* SPDX-License-Identifier: ISC
 *
 * Holds the one configuration.
 */
#include "settings.h"

#include "certs.h"
#include "cleanup.h"
#include "hosts.h"
#include "log.h"
#include "peer.h"
#include "pincache.h"

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

static int load(void)
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
	return load();
}

int settings_reload(void)
{
	int rc = load();

	if (rc) {
		log_error("the configuration was not read again; the old one stays in force");
		return rc;
	}
	log_set_level((enum log_level)current.log_level);
	if (current.log_file && !log_open_file(current.log_file))
		log_open(log_to_file, (enum log_level)current.log_level);
	else if (current.log_file)
		log_error("log file %s cannot be opened", current.log_file);
	hosts_configure(&current);
	certs_configure();
	peers_renew();
	pincache_settings_changed();
	log_info("configuration read again");
	return 0;
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
