/* SPDX-License-Identifier: ISC
 *
 * Stands in for libFuzzer: gives a fuzzer every file of its corpus, cut short at many places and
 * with bits turned, the same ones each time. One TAP test: nothing crashed and no promise broke.
 */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>

#define FILE_LENGTH_MAX 65536
#define CUTS 48
#define FLIPS 128

static char now[512]; /* what is being tried, for the handler */

static void say_what(int number)
{
	if (write(STDERR_FILENO, now, strlen(now)) > 0)
		signal(number, SIG_DFL);
	raise(number);
}

/* Each time in memory of exactly that size, so that a sanitizer sees the end. */
static void try(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	require(copy);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void try_changes(uint8_t *data, size_t size, const char *name)
{
	uint32_t random = 2463534242; /* Marsaglia's xorshift */
	size_t step = size / CUTS + 1;

	for (size_t cut = 0; cut < size; cut += step) {
		snprintf(now, sizeof now, "# %s cut to %zu bytes\n", name, cut);
		try(data, cut);
	}
	for (int i = 0; i < FLIPS && size; i++) {
		size_t at;
		uint8_t was;

		random ^= random << 13;
		random ^= random >> 17;
		random ^= random << 5;
		at = random % size;
		was = data[at];
		data[at] ^= (uint8_t)(1 << (random >> 29));
		snprintf(now, sizeof now, "# %s with byte %zu %02x for %02x\n", name, at, data[at], was);
		try(data, size);
		data[at] = was;
	}
}

static void try_file(const char *directory, const char *name)
{
	static uint8_t data[FILE_LENGTH_MAX];
	char path[4400];
	FILE *file;
	size_t size;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "rb");
	require(file);
	size = fread(data, 1, sizeof data, file);
	fclose(file);
	snprintf(now, sizeof now, "# %s as it is\n", name);
	try(data, size);
	try_changes(data, size, name);
}

/* The corpus of fuzz_x is corpus/x. */
int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = argc ? strrchr(argv[0], '/') : NULL;
	char directory[4000];
	struct dirent *entry;
	unsigned int files = 0;
	DIR *corpus;

	signal(SIGABRT, say_what);
	name = strstr(name ? name : argc ? argv[0] : "", "fuzz_");
	name = name ? name + strlen("fuzz_") : "";
	snprintf(directory, sizeof directory, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name);
	corpus = opendir(directory);
	puts("1..1");
	fflush(stdout);
	while (corpus && (entry = readdir(corpus)))
		if (*entry->d_name != '.') {
			try_file(directory, entry->d_name);
			files++;
		}
	if (corpus)
		closedir(corpus);
	printf("%sok 1 - replay of %u inputs in %s\n", files ? "" : "not ", files, directory);
	return files ? 0 : 1;
}
