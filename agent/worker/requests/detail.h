/* SPDX-License-Identifier: ISC
 *
 * What a request's error was about: the name or the thing that the error's own sentence does not have.
 */
#ifndef SMIME_WORKER_DETAIL_H
#define SMIME_WORKER_DETAIL_H

/* What the request said itself, else what the keys did, else the broker; "" for none. */
const char *detail_text(void);
void detail_set(const char *text);
/* Before each request, since what was said of an earlier one is not this one's. */
void detail_clear(void);

#endif
