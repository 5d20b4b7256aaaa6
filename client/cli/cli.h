/* SPDX-License-Identifier: ISC
 *
 * Shared by the verbs of the smime command: options, files, errors. Each verb is one file.
 */
#ifndef SMIME_CLI_H
#define SMIME_CLI_H

#include "smime-agent.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

/* A verb's main: argv[0] is the verb. The exit status; whether standard output was written is seen to by the
 * caller. */
typedef int (*cli_verb)(int argc, char **argv);

int cli_sign(int argc, char **argv);
int cli_encrypt(int argc, char **argv);
int cli_decrypt(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_keys(int argc, char **argv);
int cli_tokens(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_unlock(int argc, char **argv);
int cli_lock(int argc, char **argv);
int cli_agent(int argc, char **argv);
int cli_certs(int argc, char **argv);
int cli_token(int argc, char **argv);
int cli_setup(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_sendmail(int argc, char **argv);

/* Options that every verb has, beside its own. */
#define CLI_COMMON {"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 'J'}

/* Whether errors are printed as JSON: --json was given. */
extern bool cli_json;

/* For a wrong command line: says so, with where to find help. SMIME_AGENT_USAGE. */
int cli_usage(const char *verb);
/* Prints the help text of a verb on standard output. SMIME_AGENT_OK. */
int cli_help(const char *text);

/* Connects, starting the agent if there is none; NULL after having said why not, with *ret_status. */
smime_agent *cli_connect(int *ret_status);

/* Says why the last call failed, unless status is 0; closes the connection; gives status. */
int cli_finish(smime_agent *agent, const char *verb, int status);

/* The error line, or its JSON: name is as in "USAGE". */
void cli_error(const char *verb, int status, const char *name, const char *message);

/* Prints a JSON string (RFC 8259 section 7), with its quotes. */
void cli_json_string(FILE *to, const char *text);

/* A number of a descriptor, for --pin-fd; false if it is none that is open. */
bool cli_parse_fd(const char *text, int *ret_fd);

#endif
