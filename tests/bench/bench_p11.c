/* SPDX-License-Identifier: ISC
 *
 * C_Sign and searches through PKCS#11 modules, each loaded and used in turn in this one process: the
 * agent's, p11-kit's client and the token's own. One run measures all, so that ratios hold on a noisy
 * machine.
 *
 *     bench_p11 PIN-FILE KEY-LABEL SECONDS THREADS MODULE...
 *
 * prints a line for each module: signatures a second, the median of the first thread in us, and a search in us.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES_MAX 400000
#define THREADS_MAX 16
#define SEARCHES 900

static CK_FUNCTION_LIST *p11;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE key;
static CK_KEY_TYPE key_type;
static const char *label;
static double seconds;
static atomic_bool stop;

struct load {
	pthread_t thread;
	uint32_t *samples; /* in 0.1 us */
	size_t count;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "bench_p11: %s: 0x%lx\n", what, rv);
	exit(1);
}

static bool find_key(CK_SESSION_HANDLE session)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
				   {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_ATTRIBUTE type = {CKA_KEY_TYPE, &key_type, sizeof key_type};
	CK_ULONG found = 0;

	check(p11->C_FindObjectsInit(session, template, 2), "C_FindObjectsInit");
	check(p11->C_FindObjects(session, &key, 1, &found), "C_FindObjects");
	check(p11->C_FindObjectsFinal(session), "C_FindObjectsFinal");
	return found && p11->C_GetAttributeValue(session, key, &type, 1) == CKR_OK;
}

/* Logs in where the token wants it, and keeps the session for the login's sake. */
static CK_SESSION_HANDLE open_key(const char *path, const char *pin)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	void *library = dlopen(path, RTLD_NOW);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	CK_SESSION_HANDLE session;
	CK_SLOT_ID slots[16];
	CK_ULONG count = 16;

	check(get && get(&p11) == CKR_OK ? CKR_OK : CKR_GENERAL_ERROR, path);
	check(p11->C_Initialize(&args), "C_Initialize");
	check(p11->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		slot = slots[i];
		check(p11->C_GetTokenInfo(slot, &info), "C_GetTokenInfo");
		if (!(info.flags & CKF_TOKEN_INITIALIZED))
			continue;
		check(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
		if (info.flags & CKF_LOGIN_REQUIRED)
			check(p11->C_Login(session, CKU_USER, (unsigned char *)(uintptr_t)pin, strlen(pin)), "C_Login");
		if (find_key(session))
			return session;
	}
	check(CKR_KEY_HANDLE_INVALID, label);
	return 0;
}

static void *sign(void *context)
{
	CK_MECHANISM mechanism = {key_type == CKK_RSA ? CKM_SHA256_RSA_PKCS : CKM_ECDSA, NULL, 0};
	unsigned char data[32] = {1}, signature[1024];
	struct load *load = context;
	CK_SESSION_HANDLE session;

	check(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
	do {
		double began = now();
		CK_ULONG length = sizeof signature;

		check(p11->C_SignInit(session, &mechanism, key), "C_SignInit");
		check(p11->C_Sign(session, data, sizeof data, signature, &length), "C_Sign");
		check(load->count < SAMPLES_MAX ? CKR_OK : CKR_HOST_MEMORY, "too many signatures to keep: measure fewer seconds");
		load->samples[load->count++] = (uint32_t)((now() - began) * 1e7);
	} while (!stop);
	check(p11->C_CloseSession(session), "C_CloseSession");
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

static void measure(int threads, double *ret_rate, double *ret_median)
{
	struct load loads[THREADS_MAX] = {0};
	double began = now();
	size_t total = 0;
	struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	stop = false;
	for (int i = 0; i < threads; i++) {
		loads[i].samples = calloc(SAMPLES_MAX, sizeof *loads[i].samples);
		if (!loads[i].samples || pthread_create(&loads[i].thread, NULL, sign, &loads[i]))
			check(CKR_HOST_MEMORY, "threads");
	}
	nanosleep(&time, NULL);
	stop = true;
	for (int i = 0; i < threads; i++) {
		pthread_join(loads[i].thread, NULL);
		total += loads[i].count;
	}
	*ret_rate = (double)total / (now() - began);
	qsort(loads[0].samples, loads[0].count, sizeof *loads[0].samples, compare);
	*ret_median = loads[0].samples[loads[0].count / 2] / 10.0;
	for (int i = 0; i < threads; i++)
		free(loads[i].samples);
}

int main(int argc, char **argv)
{
	char pin[64] = "";
	FILE *file = argc > 5 ? fopen(argv[1], "r") : NULL;
	int threads = argc > 5 ? atoi(argv[4]) : 0;

	if (!file || !fgets(pin, sizeof pin, file) || threads < 1 || threads > THREADS_MAX) {
		fprintf(stderr, "usage: bench_p11 PIN-FILE KEY-LABEL SECONDS THREADS MODULE...\n");
		return 2;
	}
	fclose(file);
	pin[strcspn(pin, "\n")] = 0;
	label = argv[2];
	seconds = atof(argv[3]);
	for (int i = 5; i < argc; i++) {
		CK_SESSION_HANDLE session = open_key(argv[i], pin);
		double rate, median, began;

		measure(threads, &rate, &median);
		began = now();
		for (int search = 0; search < SEARCHES; search++)
			check(find_key(session) ? CKR_OK : CKR_KEY_HANDLE_INVALID, label);
		printf("%.0f %.1f %.2f\n", rate, median, (now() - began) * 1e6 / SEARCHES);
		check(p11->C_Finalize(NULL), "C_Finalize");
	}
	return 0;
}
