/* SPDX-License-Identifier: ISC
 *
 * smime setup [CLIENT [--yes|--undo]]
 */
#include "setup.h"

#include "cli.h"
#include "environment.h"
#include "file.h"
#include "mutt_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A configuration is text of a few pages. */
#define FILE_MAX_BYTES (1 << 20)

/* Of the program itself, of a snap and of a flatpak; older places and newer ones. */
static const char *const thunderbird_folders[] = {".thunderbird", ".config/thunderbird", "snap/thunderbird/common/.thunderbird",
						  ".var/app/org.mozilla.Thunderbird/.thunderbird", NULL};
static const char *const firefox_folders[] = {".mozilla/firefox", ".config/mozilla/firefox", "snap/firefox/common/.mozilla/firefox",
					      ".var/app/org.mozilla.firefox/.mozilla/firefox", NULL};
/* The person's own NSS database. Chromium has another where there was none when it was first started. */
static const char *const evolution_folders[] = {".pki/nssdb", NULL};
static const char *const chromium_folders[] = {".pki/nssdb", ".local/share/pki/nssdb", "snap/chromium/current/.pki/nssdb",
					       ".var/app/org.chromium.Chromium/.pki/nssdb", NULL};

static void thunderbird_places(setup_place place, void *context)
{
	setup_nss_profiles(thunderbird_folders, place, context);
}

static void firefox_places(setup_place place, void *context)
{
	setup_nss_profiles(firefox_folders, place, context);
}

static void evolution_places(setup_place place, void *context)
{
	setup_nss_shared(evolution_folders, place, context);
}

static void chromium_places(setup_place place, void *context)
{
	setup_nss_shared(chromium_folders, place, context);
}

static const struct client {
	const char *name;
	const struct setup_format *format;
	void (*places)(setup_place place, void *context);
	const char *program; /* the command that it runs; NULL: it loads the module */
} clients[] = {
	{"thunderbird", &setup_nss, thunderbird_places, NULL}, {"firefox", &setup_nss, firefox_places, NULL},
	{"evolution", &setup_nss, evolution_places, NULL},     {"chromium", &setup_nss, chromium_places, NULL},
	{"ssh", &setup_ssh, setup_ssh_config, NULL},
	{"mutt", &setup_mutt, setup_muttrc, SMIME_PROGRAM},   {"neomutt", &setup_mutt, setup_neomuttrc, SMIME_PROGRAM},
	{"mailx", &setup_mailx, setup_mailrc, SENDMAIL_PROGRAM},
	{"git-send-email", &setup_git_mail, setup_gitconfig, SENDMAIL_PROGRAM},
	{"emacs", &setup_emacs, setup_emacs_init, SENDMAIL_PROGRAM},
	{"gpgme", &setup_gpgme, setup_gpgconf, GPGSM_PROGRAM}, {"git", &setup_git, setup_gitconfig, GPGSM_PROGRAM},
};
#define CLIENTS (sizeof clients / sizeof clients[0])

enum action { LIST, SHOW, SET_UP, UNDO, INDEX };

struct run {
	const struct client *client;
	enum action action;
	const char *module, *program; /* NULL: the installed one */
	unsigned int places; /* of the client's that are there */
	unsigned int walled; /* of them, those that were left alone: a snap's or a flatpak's */
	bool existing;	     /* files that are not there are left alone */
	setup_found found;   /* LIST: who hears of it */
	void *context;
	bool comma;	     /* JSON: not the first */
	int status;
};

/* What is written into the client's configuration. */
static const char *target(const struct run *run)
{
	const char *given = run->client->program ? run->program : run->module;

	return given ? given : run->client->program ? run->client->program : SMIME_PKCS11_MODULE;
}

static void failed(struct run *run, const char *path, const char *why)
{
	char message[4096];

	snprintf(message, sizeof message, "%s: %s", path, why);
	run->status = SMIME_AGENT_UNAVAILABLE;
	cli_error("setup", run->status, "READ", message);
}

/* With half of the packages, what would be written into the configuration may not be there. */
static void warn_missing(const struct run *run)
{
	if (!run->module && !run->program && access(target(run), F_OK))
		fprintf(stderr, "smime: setup: %s is not there: install %s\n", target(run),
			run->client->program ? "smime-agent" : "smime-agent-p11");
}

/* The file's text; empty for one that may be made. NULL with errno. */
static char *read_text(bool may_create, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text;
	size_t length;

	if (!file)
		return errno == ENOENT && may_create ? strdup("") : NULL;
	text = malloc(FILE_MAX_BYTES + 1);
	length = text ? fread(text, 1, FILE_MAX_BYTES + 1, file) : 0;
	if (!text || ferror(file) || length > FILE_MAX_BYTES || memchr(text, 0, length)) {
		free(text);
		text = NULL;
		errno = EINVAL;
	} else {
		text[length] = 0;
	}
	fclose(file);
	return text;
}

static void make_folder(const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');

	snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
	for (char *part = strchr(folder + 1, '/'); part; part = strchr(part + 1, '/')) {
		*part = 0;
		(void)mkdir(folder, 0700); /* most are there, and the last one tells */
		*part = '/';
	}
	if (mkdir(folder, 0700) && errno != EEXIST)
		cli_error("setup", SMIME_AGENT_UNAVAILABLE, "WRITE", folder);
}

static bool write_text(const char *path, const char *text, mode_t mode)
{
	struct output_file file;
	bool fresh = access(path, F_OK);
	bool ok;

	if (fresh)
		make_folder(path);
	if (file_open_output(&file, path))
		return false;
	ok = (!fresh || !fchmod(file.fd, mode ? mode : 0600)) && write(file.fd, text, strlen(text)) == (ssize_t)strlen(text);
	return !file_close_output(&file, ok) && ok;
}

/* The part that one text has and the other has not, each line with its sign. */
static void print_difference(const char *before, const char *after)
{
	bool more = strlen(after) > strlen(before);
	const char *longer = more ? after : before, *shorter = more ? before : after;
	size_t same = 0, length = strlen(longer) - strlen(shorter);

	while (shorter[same] && shorter[same] == longer[same])
		same++;
	/* Whole lines: what is the same may end within one. */
	while (same && longer[same - 1] != '\n')
		same--;
	for (const char *line = longer + same; line < longer + same + length;) {
		int end = (int)strcspn(line, "\n");

		if (end)
			printf("  %c %.*s\n", more ? '+' : '-', end, line);
		line += end + 1;
	}
}

static void list_place(void *context, const char *client, const char *path, bool on)
{
	struct run *run = context;

	if (!cli_json) {
		printf("%-12s %-11s %s\n", client, on ? "set up" : "not set up", path);
		return;
	}
	printf("%s{\"client\":\"%s\",\"path\":", run->comma ? ",\n" : "", client);
	cli_json_string(stdout, path);
	printf(",\"state\":\"%s\"}", on ? "set-up" : "not-set-up");
	run->comma = true;
}

static bool keep(const struct run *run, const char *path, const char *text)
{
	if (run->action == UNDO && run->client->format->may_create && !*text)
		return !unlink(path);
	return write_text(path, text, run->client->format->mode);
}

/* A snap or a flatpak sees neither the module nor the agent's socket, if nobody lets it. */
static bool is_walled(const char *path)
{
	const char *home = environment_get("HOME");
	size_t length = home ? strlen(home) : 0;

	return length && !strncmp(path, home, length) &&
	       (!strncmp(path + length, "/snap/", 6) || !strncmp(path + length, "/.var/app/", 10));
}

static void leave_alone(struct run *run, const char *path)
{
	printf("%s: left alone, see `smime setup --help`\n", path);
	run->walled++;
}

static bool has(const struct run *run, const char *text)
{
	const struct setup_format *format = run->client->format;

	return format->block ? setup_block_has(text, format->block, target(run)) : format->has(text, target(run));
}

static char *change(const struct run *run, const char *text)
{
	const struct setup_format *format = run->client->format;

	if (run->action == UNDO)
		return format->block ? setup_block_remove(text, format->block) : format->remove(text, target(run));
	return format->block ? setup_block_add(text, format->block, target(run)) : format->add(text, target(run));
}

static void change_place(struct run *run, const char *path, const char *before)
{
	const struct setup_format *format = run->client->format;
	const char *busy = run->action == SHOW || !format->busy ? NULL : format->busy(path);
	char *after = change(run, before);

	if (busy || !after) {
		failed(run, path, busy ? busy : strerror(ENOMEM));
	} else if (!strcmp(before, after)) {
		failed(run, path, "it was changed by hand: take our lines out by hand");
	} else {
		printf("%s: %s\n", path,
		       run->action == SHOW ? "would add" : run->action == UNDO ? "removed" : "added");
		print_difference(before, after);
		if (run->action != SHOW && !keep(run, path, after))
			failed(run, path, strerror(errno));
	}
	free(after);
}

static void at_place(void *context, const char *path)
{
	struct run *run = context;
	char *text = read_text(run->client->format->may_create && !run->existing, path);
	bool on;

	if (!text) {
		if (errno != ENOENT && errno != ENOTDIR)
			failed(run, path, strerror(errno));
		return;
	}
	run->places++;
	on = has(run, text);
	if (run->action == LIST)
		run->found(run->context, run->client->name, path, on);
	else if (on == (run->action != UNDO))
		printf("%s: %s; nothing to do\n", path, on ? "is set up" : "is not set up");
	else if (run->action != UNDO && !run->module && is_walled(path))
		leave_alone(run, path);
	else
		change_place(run, path, text);
	if (run->action == SET_UP && !run->status && run->client->format->note && run->client->format->note(path))
		printf("%s: %s.\n", path, run->client->format->note(path));
	free(text);
}

static int run_all(struct run *run)
{
	if (cli_json)
		fputs("[", stdout);
	for (size_t i = 0; i < CLIENTS; i++) {
		run->client = &clients[i];
		run->places = 0;
		clients[i].places(at_place, run);
		if (!run->places && !cli_json)
			printf("%-12s %s\n", clients[i].name, "no profile found");
	}
	if (cli_json)
		fputs("]\n", stdout);
	return run->status;
}

/* "sendmail": every program that runs one and has a file of its own. */
static int run_sendmail(struct run *run)
{
	unsigned int places = 0;

	run->existing = true;
	for (size_t i = 0; i < CLIENTS; i++) {
		run->client = &clients[i];
		run->places = 0;
		if (clients[i].program && !strcmp(clients[i].program, SENDMAIL_PROGRAM))
			clients[i].places(at_place, run);
		places += run->places;
	}
	if (places || run->status)
		return run->status;
	cli_error("setup", SMIME_AGENT_UNAVAILABLE, "READ",
		  "no program that is known to run sendmail has a file of its own yet: name it, as in `smime setup mailx`");
	return SMIME_AGENT_UNAVAILABLE;
}

static int run_one(struct run *run, const char *name)
{
	char message[256];

	for (size_t i = 0; i < CLIENTS; i++)
		if (!strcmp(clients[i].name, name))
			run->client = &clients[i];
	if (!run->client || (run->action == INDEX && run->client->format != &setup_mutt))
		return cli_usage("setup");
	if (run->action == INDEX)
		return mutt_index_write();
	if (run->action != UNDO)
		warn_missing(run);
	run->client->places(at_place, run);
	if (!run->places && !run->status) {
		snprintf(message, sizeof message, "no profile of %s was found: start it once, then try again", name);
		cli_error("setup", SMIME_AGENT_UNAVAILABLE, "READ", message);
		return SMIME_AGENT_UNAVAILABLE;
	}
	if (run->walled && run->walled == run->places) {
		cli_error("setup", SMIME_AGENT_UNAVAILABLE, "READ",
			  "only profiles of a snap or flatpak were found, which sees no module: see `smime setup --help`");
		return SMIME_AGENT_UNAVAILABLE;
	}
	if (run->action == SHOW && !run->status)
		printf("Nothing was changed: `smime setup %s --yes` does it, `--undo` takes it back.\n", name);
	return run->status;
}

static const char help[] =
	"usage: smime setup [--json]\n"
	"       smime setup CLIENT [--yes | --undo] [--module PATH | --program PATH]\n"
	"Has another program use the agent. Shows what it would change; --yes changes it, --undo takes it\n"
	"back. Without a CLIENT: lists what is set up. CLIENT is\n\n"
	"  thunderbird, firefox, evolution, chromium, ssh\n"
	"                 which use its tokens, through its PKCS#11 module\n"
	"  mutt, neomutt  which run smime to sign, encrypt, decrypt and verify\n"
	"  mailx, git-send-email, emacs\n"
	"                 which run smime-sendmail in place of sendmail; `sendmail` is all of them that there are\n"
	"  gpgme          so KMail, Kleopatra, Claws Mail, and mutt with crypt_use_gpgme, which take it for gpgsm\n"
	"  git            whose commits and tags it signs and verifies (gpg.format=x509)\n\n"
	"  --module PATH  the module, where it is not the installed one\n"
	"  --program PATH smime, smime-sendmail or smime-gpgsm, where it is not the installed one\n"
	"  --index        for mutt: its lists of keys and certificates, anew; it does so itself when it starts\n\n"
	"A snap or flatpak sees neither the module nor the agent's socket. Profiles of one are left alone, but\n"
	"with --module: give the path at which it sees the module, once you let it see that and the socket.\n";

int cli_setup(int argc, char **argv)
{
	static const struct option table[] = {CLI_COMMON,
					      {"yes", no_argument, NULL, 'y'},
					      {"undo", no_argument, NULL, 'u'},
					      {"module", required_argument, NULL, 'm'},
					      {"program", required_argument, NULL, 'p'},
					      {"index", no_argument, NULL, 'i'},
					      {0}};
	struct run run = {.action = SHOW};
	int option;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (option == 'h')
			return cli_help(help);
		if (option == 'y' && run.action == SHOW)
			run.action = SET_UP;
		else if (option == 'u' && run.action == SHOW)
			run.action = UNDO;
		else if (option == 'i' && run.action == SHOW)
			run.action = INDEX;
		else if (option == 'm' && *optarg == '/' && !strpbrk(optarg, "\n\""))
			run.module = optarg;
		else if (option == 'p' && *optarg == '/' && !strpbrk(optarg, "\n\"'`$%\\"))
			run.program = optarg;
		else if (option != 'J')
			return cli_usage("setup");
	}
	if (argc - optind > 1 || (optind == argc && run.action != SHOW) || (optind < argc && cli_json))
		return cli_usage("setup");
	if (optind < argc && !strcmp(argv[optind], "sendmail") && run.action != INDEX)
		return run_sendmail(&run);
	if (optind < argc)
		return run_one(&run, argv[optind]);
	run.action = LIST;
	run.found = list_place;
	run.context = &run;
	return run_all(&run);
}

void setup_each(setup_found found, void *context)
{
	struct run run = {.action = LIST, .found = found, .context = context};

	for (size_t i = 0; i < CLIENTS; i++) {
		run.client = &clients[i];
		run.existing = clients[i].program; /* not everybody has each of them */
		clients[i].places(at_place, &run);
	}
}
