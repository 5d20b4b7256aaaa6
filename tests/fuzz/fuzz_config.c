/* SPDX-License-Identifier: ISC
 *
 * agent.conf. What is accepted is within its limits.
 */
#include "config.h"
#include "fuzz.h"
#include "log.h"

static void drop(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static void check(const struct config *config)
{
	require(config->operation_timeout >= 1 && config->operation_timeout <= 3600);
	require(config->prompt_timeout >= 1 && config->prompt_timeout <= 3600);
	require(config->max_connections >= 1 && config->max_connections <= 1024);
	require(config->idle_workers >= 1 && config->idle_workers <= 16);
	require(config->spool_max_mib >= 1 && config->log_level <= LOG_LEVEL_DEBUG);
	require(*config->pinentry_program == '/' && *config->spool_directory == '/');
	for (const struct config_list *item = config->modules; item; item = item->next)
		require(*item->value == '/' && !item->second);
	for (const struct config_list *item = config->pin_sources; item; item = item->next)
		require(*item->value && *item->second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct config config;

	if (!file)
		return 0;
	log_open(drop, LOG_LEVEL_DEBUG);
	require(!config_init(&config));
	if (!config_read(&config, file, "fuzz"))
		check(&config);
	config_done(&config);
	fclose(file);
	return 0;
}
