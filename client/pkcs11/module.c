/* SPDX-License-Identifier: ISC
 *
 * smime-agent-pkcs11.so: the agent's tokens, as a PKCS#11 module in other people's programs. Holds no
 * private key and no PIN. Must never end the program, print, change its signals or leave anything
 * behind; what the agent says is checked as if it were a stranger's.
 */
#include "module.h"

#include "agent.h"
#include "functions.h"
#include "keyring.h"
#include "log.h"
#include "secret_key.h"
#include "session.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define MANUFACTURER "smime-agent"
#define DESCRIPTION "S/MIME agent's tokens"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static _Atomic pid_t initialised_by; /* 0: not initialised */
static unsigned long generation;

/* In a forked process: another thread may have held the lock when it was made. What the parent had is
 * left where it is, but for the connections, which must not be shared. */
static void leave_parent(void)
{
	pthread_mutex_t fresh_lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t fresh_cond = PTHREAD_COND_INITIALIZER;

	memcpy(&lock, &fresh_lock, sizeof lock);
	memcpy(&woken, &fresh_cond, sizeof woken);
	agent_abandon();
	keyring_abandon();
	sessions_abandon();
	secret_keys_abandon();
	initialised_by = 0;
}

static void check_fork(void)
{
	if (initialised_by && initialised_by != getpid())
		leave_parent();
}

CK_RV module_enter(void)
{
	check_fork();
	pthread_mutex_lock(&lock);
	if (initialised_by)
		return CKR_OK;
	pthread_mutex_unlock(&lock);
	return CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV module_leave(CK_RV rv)
{
	pthread_mutex_unlock(&lock);
	return rv;
}

static __thread unsigned long waiting_generation;

void module_wait_begin(void)
{
	waiting_generation = generation;
	pthread_mutex_unlock(&lock);
}

CK_RV module_wait_end(void)
{
	pthread_mutex_lock(&lock);
	return initialised_by && generation == waiting_generation ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

unsigned long module_life(void)
{
	return initialised_by ? generation : 0;
}

void module_sleep(void)
{
	pthread_cond_wait(&woken, &lock);
}

void module_wake(void)
{
	pthread_cond_broadcast(&woken);
}

static const struct {
	int err;
	CK_RV rv;
} translations[] = {
	{0, CKR_OK},
	{ERR_NO_MEMORY, CKR_HOST_MEMORY},
	{ERR_TOO_LARGE, CKR_DATA_LEN_RANGE},
	{ERR_CANCELLED, CKR_FUNCTION_CANCELED},
	{ERR_CLOSED, CKR_DEVICE_REMOVED},
	{ERR_SPAWN, CKR_DEVICE_REMOVED},
	{ERR_BUSY, CKR_DEVICE_MEMORY},
	{ERR_USAGE, CKR_ARGUMENTS_BAD},
	{ERR_DECRYPT, CKR_ENCRYPTED_DATA_INVALID},
	{ERR_NOT_SUPPORTED, CKR_MECHANISM_INVALID},
	{ERR_NO_KEY, CKR_KEY_HANDLE_INVALID},
	{ERR_KEY_STALE, CKR_KEY_HANDLE_INVALID},
	{ERR_KEY_UNUSABLE, CKR_KEY_FUNCTION_NOT_PERMITTED},
	{ERR_FORBIDDEN, CKR_KEY_FUNCTION_NOT_PERMITTED},
	{ERR_NO_TOKEN, CKR_TOKEN_NOT_PRESENT},
	{ERR_TOKEN_REMOVED, CKR_DEVICE_REMOVED},
	{ERR_TOKEN, CKR_DEVICE_ERROR},
	{ERR_TOKEN_CRASHED, CKR_DEVICE_ERROR},
	{ERR_TIMEOUT, CKR_DEVICE_ERROR},
	{ERR_MODULE, CKR_DEVICE_ERROR},
	{ERR_MECHANISM, CKR_MECHANISM_INVALID},
	{ERR_PIN_WRONG, CKR_PIN_INCORRECT},
	{ERR_PIN_LENGTH, CKR_PIN_LEN_RANGE},
	{ERR_PIN_LOCKED, CKR_PIN_LOCKED},
	{ERR_PIN_LAST_TRY, CKR_PIN_LOCKED}, /* for a program that asks with a PIN of its own, it is */
	{ERR_PIN_EXPIRED, CKR_PIN_EXPIRED},
	{ERR_PIN_NOT_SET, CKR_USER_PIN_NOT_INITIALIZED},
	{ERR_PIN_NEEDED, CKR_USER_NOT_LOGGED_IN},
	{ERR_PINENTRY, CKR_USER_NOT_LOGGED_IN},
	{ERR_NOT_LOGGED_IN, CKR_USER_NOT_LOGGED_IN},
};

CK_RV module_rv(int err)
{
	for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++)
		if (translations[i].err == err)
			return translations[i].rv;
	return CKR_FUNCTION_FAILED;
}

/* The module locks with the system's threads, or not at all where there are none: a program's own
 * mutexes alone are not enough for it. */
static CK_RV check_arguments(const CK_C_INITIALIZE_ARGS *args)
{
	unsigned int mutexes;

	if (!args)
		return CKR_OK;
	if (args->pReserved)
		return CKR_ARGUMENTS_BAD;
	mutexes = !!args->CreateMutex + !!args->DestroyMutex + !!args->LockMutex + !!args->UnlockMutex;
	if (mutexes && mutexes != 4)
		return CKR_ARGUMENTS_BAD;
	return mutexes && !(args->flags & CKF_OS_LOCKING_OK) ? CKR_CANT_LOCK : CKR_OK;
}

/* The program's standard error is not ours to write to. */
static void drop_line(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

CK_RV p11_initialize(void *init_args)
{
	CK_RV rv = check_arguments(init_args);

	check_fork();
	pthread_mutex_lock(&lock);
	if (rv == CKR_OK && initialised_by)
		rv = CKR_CRYPTOKI_ALREADY_INITIALIZED;
	if (rv == CKR_OK) {
		log_open(drop_line, LOG_LEVEL_ERROR);
		initialised_by = getpid();
		generation++;
	}
	pthread_mutex_unlock(&lock);
	return rv;
}

CK_RV p11_finalize(void *reserved)
{
	CK_RV rv = reserved ? CKR_ARGUMENTS_BAD : module_enter();

	if (rv != CKR_OK)
		return rv;
	sessions_end();
	secret_keys_end();
	keyring_end();
	agent_end();
	initialised_by = 0;
	module_wake();
	return module_leave(CKR_OK);
}

static void pad(unsigned char *field, size_t size, const char *text)
{
	memset(field, ' ', size);
	memcpy(field, text, strnlen(text, size));
}

static CK_RV get_info(CK_INFO *info, unsigned char major, unsigned char minor)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (!info)
		return module_leave(CKR_ARGUMENTS_BAD);
	memset(info, 0, sizeof *info);
	info->cryptokiVersion = (CK_VERSION){major, minor};
	info->libraryVersion = (CK_VERSION){0, 1};
	pad(info->manufacturerID, sizeof info->manufacturerID, MANUFACTURER);
	pad(info->libraryDescription, sizeof info->libraryDescription, DESCRIPTION);
	return module_leave(CKR_OK);
}

CK_RV p11_get_info(CK_INFO *info)
{
	return get_info(info, 2, 40);
}

CK_RV p11_get_info_3(CK_INFO *info)
{
	return get_info(info, 3, 0);
}
