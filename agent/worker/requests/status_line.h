/* SPDX-License-Identifier: ISC
 *
 * What a request tells its client while it runs.
 */
#ifndef SMIME_WORKER_STATUS_LINE_H
#define SMIME_WORKER_STATUS_LINE_H

/* Takes a keyword and what is said under it. ERR_CLOSED. */
typedef int (*status_line)(const char *keyword, const char *text);

#endif
