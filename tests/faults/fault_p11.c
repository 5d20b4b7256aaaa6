/* SPDX-License-Identifier: ISC
 *
 * A PKCS#11 module for tests: passes every call on to another module (FAULT_P11_MODULE), and
 * fails where the file FAULT_P11_RULES, read again at each call, tells it to. One rule a line:
 *     FUNCTION ACTION [TIMES]
 * FUNCTION is a name, or * for all; C_Login:context is the login of an always-authenticate key.
 * TIMES bounds how often the rule fires over all processes, by files RULES.LINE.N; 0: always.
 *     rv=N        return N instead of calling
 *     after=N     call, then return N
 *     gate=FILE   wait until there is such a file
 *     delay=MS, hang, segv, abort, exit
 *     drop        close every session first, as when another program resets the card
 *     logout      log out first
 *     flags=N     C_GetTokenInfo: these flags are set, too
 *     sessions=N  C_GetTokenInfo: as many sessions at most
 *     stranger=PID  C_GetTokenInfo: in that process the serial number is 0, and nothing is found any more
 *     hide=N      C_GetMechanismList: without this mechanism
 *     corrupt     C_Sign: another last byte
 *     none        C_FindObjects: nothing was found
 *     pad=PIN     C_Login without a PIN: as if this one was typed at the reader
 *     always-auth C_GetAttributeValue: CKA_ALWAYS_AUTHENTICATE is true
 *     garbage     call, then spoil what it wrote
 *     huge        call, then say that it wrote very much more
 * With FAULT_P11_LOG, each call is written there: process, function, result, open sessions. A PIN
 * never is. Not for use outside of tests.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/p11-kit.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS_MAX 16
#define HIDDEN_MAX 4

struct rule {
	char function[64], action[64];
	unsigned int times, line;
};

/* What the rules say about one call. */
struct verdict {
	CK_RV rv, after;
	CK_FLAGS flags;
	CK_ULONG sessions; /* 0: as many as there are */
	unsigned long stranger;
	char pad[64];
	CK_MECHANISM_TYPE hidden[HIDDEN_MAX];
	unsigned int hidden_count;
	bool drop, logout, always_auth, corrupt, none, garbage, huge;
};

static CK_FUNCTION_LIST *real, mine;
static CK_SLOT_ID used_slots[SLOTS_MAX];
static unsigned int slot_count;
static int open_sessions;
static bool blind;

static void write_log(const char *function, CK_RV rv)
{
	const char *path = getenv("FAULT_P11_LOG");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%d %s 0x%lx %d\n", getpid(), function, rv,
		__atomic_load_n(&open_sessions, __ATOMIC_SEQ_CST));
	close(fd);
}

/* Takes one of the rule's turns, if one is left. */
static bool claim(const char *rules, const struct rule *rule)
{
	char path[4096];

	for (unsigned int i = 1; i <= rule->times; i++) {
		int fd;

		snprintf(path, sizeof path, "%s.%u.%u", rules, rule->line, i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0) {
			close(fd);
			return true;
		}
	}
	return !rule->times;
}

static void hang(void)
{
	for (;;)
		pause();
}

static bool number(const char *action, const char *name, unsigned long *into)
{
	size_t length = strlen(name);

	if (strncmp(action, name, length))
		return false;
	*into = strtoul(action + length, NULL, 0);
	return true;
}

/* What is done before the call rather than noted for it. */
static bool act_now(const char *action, const char *function)
{
	unsigned long ms;

	if (number(action, "delay=", &ms)) {
		usleep((useconds_t)ms * 1000);
		return true;
	}
	if (!strncmp(action, "gate=", 5)) {
		while (access(action + 5, F_OK))
			usleep(10000);
		return true;
	}
	if (strcmp(action, "hang") && strcmp(action, "segv") && strcmp(action, "abort") &&
	    strcmp(action, "exit"))
		return false;
	write_log(function, CKR_GENERAL_ERROR);
	if (*action == 'h')
		hang();
	signal(SIGSEGV, SIG_DFL); /* a sanitizer would report it */
	if (*action == 's')
		raise(SIGSEGV);
	if (*action == 'a')
		abort();
	_exit(0);
}

static bool hide(const char *action, struct verdict *verdict)
{
	unsigned long mechanism;

	if (verdict->hidden_count == HIDDEN_MAX || !number(action, "hide=", &mechanism))
		return false;
	verdict->hidden[verdict->hidden_count++] = mechanism;
	return true;
}

static void apply(const char *action, const char *function, struct verdict *verdict)
{
	if (hide(action, verdict) || act_now(action, function) || number(action, "rv=", &verdict->rv) ||
	    number(action, "after=", &verdict->after) || number(action, "flags=", &verdict->flags) ||
	    number(action, "sessions=", &verdict->sessions) || number(action, "stranger=", &verdict->stranger))
		return;
	if (!strcmp(action, "drop"))
		verdict->drop = true;
	else if (!strcmp(action, "logout"))
		verdict->logout = true;
	else if (!strcmp(action, "always-auth"))
		verdict->always_auth = true;
	else if (!strcmp(action, "corrupt"))
		verdict->corrupt = true;
	else if (!strcmp(action, "none"))
		verdict->none = true;
	else if (!strcmp(action, "garbage"))
		verdict->garbage = true;
	else if (!strcmp(action, "huge"))
		verdict->huge = true;
	else if (!strncmp(action, "pad=", 4))
		snprintf(verdict->pad, sizeof verdict->pad, "%s", action + 4);
	else
		fprintf(stderr, "fault_p11: not an action: %s\n", action);
}

/* Reads all rules first: an action may not return. */
static unsigned int read_rules(const char *path, struct rule *rules, unsigned int most)
{
	FILE *file = path ? fopen(path, "re") : NULL;
	unsigned int count = 0, line = 0;
	char text[256];

	while (file && count < most && fgets(text, sizeof text, file)) {
		struct rule *rule = &rules[count];

		*rule = (struct rule){.line = ++line};
		if (sscanf(text, "%63s %63s %u", rule->function, rule->action, &rule->times) >= 2)
			count++;
	}
	if (file)
		fclose(file);
	return count;
}

static struct verdict judge(const char *function)
{
	const char *path = getenv("FAULT_P11_RULES");
	struct verdict verdict = {0};
	struct rule rules[32];
	unsigned int count = read_rules(path, rules, 32);

	for (unsigned int i = 0; i < count; i++)
		if ((!strcmp(rules[i].function, "*") || !strcmp(rules[i].function, function)) &&
		    claim(path, &rules[i]))
			apply(rules[i].action, function, &verdict);
	return verdict;
}

static void drop_sessions(void)
{
	for (unsigned int i = 0; i < slot_count; i++)
		real->C_CloseAllSessions(used_slots[i]);
	__atomic_store_n(&open_sessions, 0, __ATOMIC_SEQ_CST);
}

/* Any session will do: a login is the whole token's. */
static void log_out(void)
{
	CK_SESSION_HANDLE session;

	for (unsigned int i = 0; i < slot_count; i++)
		if (!real->C_OpenSession(used_slots[i], CKF_SERIAL_SESSION, NULL, NULL, &session)) {
			real->C_Logout(session);
			real->C_CloseSession(session);
		}
}

static struct verdict before(const char *function)
{
	struct verdict verdict = judge(function);

	if (verdict.drop)
		drop_sessions();
	if (verdict.logout)
		log_out();
	return verdict;
}

static CK_RV after(const char *function, const struct verdict *verdict, CK_RV rv)
{
	if (rv == CKR_OK && verdict->after)
		rv = verdict->after;
	write_log(function, rv);
	return rv;
}

static void spoil(const struct verdict *how, void *data, size_t length)
{
	unsigned char *bytes = data;

	for (size_t i = 0; i < length && bytes && how->garbage; i++)
		bytes[i] ^= 0xa5;
}

static void spoil_size(const struct verdict *how, CK_ULONG *size)
{
	if (how->huge)
		*size = 1UL << 30;
}

static void spoil_bytes(const struct verdict *how, unsigned char *bytes, CK_ULONG *size)
{
	spoil(how, bytes, *size);
	spoil_size(how, size);
}

static void spoil_list(const struct verdict *how, CK_ULONG *list, CK_ULONG *count)
{
	spoil(how, list, *count * sizeof *list);
	spoil_size(how, count);
}

static void spoil_found(const struct verdict *how, CK_OBJECT_HANDLE *objects, CK_ULONG *count)
{
	if (how->none || blind)
		*count = 0;
	spoil_list(how, objects, count);
}

#define CALL(name, parameters, arguments, spoil)                                                 \
	static CK_RV fault_##name parameters                                                     \
	{                                                                                        \
		struct verdict verdict = before(#name), *how = &verdict;                         \
		CK_RV rv = verdict.rv ? verdict.rv : real->name arguments;                       \
                                                                                                 \
		if (rv == CKR_OK)                                                                \
			spoil;                                                                   \
		return after(#name, how, rv);                                                    \
	}
#include "calls.def"
#undef CALL

static void remember_slot(CK_SLOT_ID slot)
{
	for (unsigned int i = 0; i < slot_count; i++)
		if (used_slots[i] == slot)
			return;
	if (slot_count < SLOTS_MAX)
		used_slots[slot_count++] = slot;
}

static CK_RV fault_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
				 CK_SESSION_HANDLE *session)
{
	struct verdict verdict = before("C_OpenSession");
	CK_RV rv = verdict.rv;

	remember_slot(slot);
	if (!rv)
		rv = real->C_OpenSession(slot, flags, application, notify, session);
	if (!rv) {
		__atomic_add_fetch(&open_sessions, 1, __ATOMIC_SEQ_CST);
		spoil(&verdict, session, sizeof *session);
	}
	return after("C_OpenSession", &verdict, rv);
}

static CK_RV fault_C_CloseSession(CK_SESSION_HANDLE session)
{
	struct verdict verdict = before("C_CloseSession");
	CK_RV rv = verdict.rv ? verdict.rv : real->C_CloseSession(session);

	if (!rv)
		__atomic_sub_fetch(&open_sessions, 1, __ATOMIC_SEQ_CST);
	return after("C_CloseSession", &verdict, rv);
}

static CK_RV fault_C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin,
			   CK_ULONG length)
{
	const char *name = user == CKU_CONTEXT_SPECIFIC ? "C_Login:context" : "C_Login";
	struct verdict verdict = before(name);

	if (!pin && *verdict.pad) {
		pin = (unsigned char *)verdict.pad;
		length = strlen(verdict.pad);
	}
	return after(name, &verdict, verdict.rv ? verdict.rv : real->C_Login(session, user, pin, length));
}

static CK_RV fault_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	struct verdict verdict = before("C_GetTokenInfo");
	CK_RV rv = verdict.rv ? verdict.rv : real->C_GetTokenInfo(slot, info);

	if (!rv)
		spoil(&verdict, info, sizeof *info);
	if (!rv && verdict.sessions)
		info->ulMaxSessionCount = verdict.sessions;
	if (!rv)
		info->flags |= verdict.flags;
	if (!rv && verdict.stranger == (unsigned long)getpid()) {
		memset(info->serialNumber, ' ', sizeof info->serialNumber);
		info->serialNumber[0] = '0';
		blind = true;
	}
	return after("C_GetTokenInfo", &verdict, rv);
}

static CK_RV fault_C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
				       CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct verdict verdict = before("C_GetAttributeValue");
	CK_RV rv = verdict.rv ? verdict.rv : real->C_GetAttributeValue(session, object, template, count);

	for (CK_ULONG i = 0; i < count && !rv; i++) {
		if (verdict.always_auth && template[i].type == CKA_ALWAYS_AUTHENTICATE && template[i].pValue)
			*(CK_BBOOL *)template[i].pValue = CK_TRUE;
		spoil(&verdict, template[i].pValue, template[i].ulValueLen);
		spoil_size(&verdict, &template[i].ulValueLen);
	}
	return after("C_GetAttributeValue", &verdict, rv);
}

static CK_RV fault_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	struct verdict verdict = before("C_GetMechanismList");
	CK_RV rv = verdict.rv ? verdict.rv : real->C_GetMechanismList(slot, list, count);

	for (unsigned int i = 0; i < verdict.hidden_count && !rv && list; i++)
		for (CK_ULONG at = 0; at < *count; at++)
			if (list[at] == verdict.hidden[i])
				list[at--] = list[--*count];
	if (!rv)
		spoil_list(&verdict, list, count);
	return after("C_GetMechanismList", &verdict, rv);
}

static CK_RV fault_C_Sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG length,
			  unsigned char *into, CK_ULONG *size)
{
	struct verdict verdict = before("C_Sign");
	CK_RV rv = verdict.rv ? verdict.rv : real->C_Sign(session, data, length, into, size);

	if (!rv && into && *size && verdict.corrupt)
		into[*size - 1] ^= 1;
	if (!rv)
		spoil_bytes(&verdict, into, size);
	return after("C_Sign", &verdict, rv);
}

static CK_FUNCTION_LIST *load_real(void)
{
	const char *path = getenv("FAULT_P11_MODULE");
	void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get = NULL;
	CK_FUNCTION_LIST *list = NULL;

	if (library)
		get = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
	if (!get || get(&list)) {
		fprintf(stderr, "fault_p11: FAULT_P11_MODULE: %s\n", path ? dlerror() : "not set");
		return NULL;
	}
	return list;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list)
{
	real = real ? real : load_real();
	if (!real)
		return CKR_GENERAL_ERROR;
	mine = *real;
	mine.C_GetFunctionList = C_GetFunctionList;
#define CALL(name, parameters, arguments, spoil) mine.name = fault_##name;
#include "calls.def"
#undef CALL
	mine.C_OpenSession = fault_C_OpenSession;
	mine.C_CloseSession = fault_C_CloseSession;
	mine.C_Login = fault_C_Login;
	mine.C_GetTokenInfo = fault_C_GetTokenInfo;
	mine.C_GetMechanismList = fault_C_GetMechanismList;
	mine.C_Sign = fault_C_Sign;
	mine.C_GetAttributeValue = fault_C_GetAttributeValue;
	*ret_list = &mine;
	return CKR_OK;
}
