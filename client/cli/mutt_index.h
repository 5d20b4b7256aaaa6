/* SPDX-License-Identifier: ISC
 *
 * mutt's lists of keys and certificates: it finds none that is not in a file ".index".
 */
#ifndef SMIME_CLI_MUTT_INDEX_H
#define SMIME_CLI_MUTT_INDEX_H

#include <limits.h>
#include <stdbool.h>

/* The folder with the two lists' folders, "keys" and "certificates". False without a home. */
bool mutt_index_folder(char path[PATH_MAX]);

/* Writes both lists anew, as the agent knows addresses, and prints mutt's setting of the key to sign with. An
 * entry's name is its address: smime finds the certificate for it. The exit status, having said why. */
int mutt_index_write(void);

#endif
