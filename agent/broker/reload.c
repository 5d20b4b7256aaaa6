/* SPDX-License-Identifier: ISC
 *
 * Everybody who holds settings takes the new ones. Clients keep their workers, and those their old settings.
 */
#include "reload.h"

#include "certificate_store.h"
#include "modules.h"
#include "log.h"
#include "peer.h"
#include "pincache.h"
#include "settings.h"

static void reload_log(void)
{
	const struct config *config = settings();

	log_set_level((enum log_level)config->log_level);
	if (config->log_file && !log_open_file(config->log_file))
		log_open(log_to_file, (enum log_level)config->log_level);
	else if (config->log_file)
		log_error("log file %s cannot be opened", config->log_file);
}

int reload_settings(void)
{
	int rc = settings_read();

	if (rc) {
		log_error("the configuration was not read again; the old one stays in force");
		return rc;
	}
	reload_log();
	modules_configure(settings());
	certificate_store_configure();
	peers_renew();
	pincache_settings_changed();
	log_info("configuration read again");
	return 0;
}
