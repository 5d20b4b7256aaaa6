/* SPDX-License-Identifier: ISC
 *
 * Finding certificates by address, through the agent, on a kept connection: all that a program waits for, the
 * reading and the words of the certificate included.
 *
 *     bench_certs ADDRESS-FORMAT COUNT LOOKUPS      the format has a %u for a number below COUNT
 */
#include "smime-agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int count(void *context, const void *data, size_t length)
{
	(void)data;
	*(size_t *)context += length;
	return 0;
}

static int compare(const void *a, const void *b)
{
	double first = *(const double *)a, second = *(const double *)b;

	return (first > second) - (first < second);
}

int main(int argc, char **argv)
{
	unsigned int of = argc == 4 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
	unsigned int lookups = argc == 4 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;
	double *took = calloc(lookups ? lookups : 1, sizeof *took);
	const char *at = argc == 4 ? strstr(argv[1], "%u") : NULL;
	smime_agent *agent;

	if (!of || !lookups || !took || !at || smime_agent_connect(&agent, SMIME_AGENT_START)) {
		fprintf(stderr, "bench_certs: no agent, or bad arguments\n");
		return 1;
	}
	for (unsigned int i = 0; i < lookups; i++) {
		char address[200];
		size_t length = 0;
		double began;

		snprintf(address, sizeof address, "%.*s%u%s", (int)(at - argv[1]), argv[1], i * 7919u % of, at + 2);
		began = now_us();
		if (smime_agent_certs_list(agent, SMIME_AGENT_CERTS_LIST, address, 1, count, &length) || length < 10) {
			fprintf(stderr, "bench_certs: no certificate for %s: %s\n", address, smime_agent_message(agent));
			return 1;
		}
		took[i] = now_us() - began;
	}
	qsort(took, lookups, sizeof *took, compare);
	printf("%.0f %.0f\n", took[lookups / 2], took[lookups * 99 / 100]);
	smime_agent_close(agent);
	free(took);
	return 0;
}
