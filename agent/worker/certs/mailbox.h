/* SPDX-License-Identifier: ISC
 *
 * Whether a mail address is a certificate's (RFC 8550 section 3, with RFC 8398 and 9598 for those that are
 * not ASCII).
 */
#ifndef SMIME_WORKER_MAILBOX_H
#define SMIME_WORKER_MAILBOX_H

#include "cert.h"

/* RFC 5321 has 254 bytes; an A-label's Unicode is shorter than four times as long. */
#define MAILBOX_SIZE 1100

/* Whether both mean one mailbox: without regard to ASCII case, and to how the domain's labels are
 * written (RFC 9598 section 3). Look-alikes are others. */
bool mailbox_equal(const char *a, const char *b);

/* Whether it is one of the certificate's: rfc822Name, SmtpUTF8Mailbox, emailAddress. One with a NUL in it is
 * none. */
bool mailbox_in_cert(X509 *cert, const char *address);

/* Whether the certificate has any, be it one that cannot be read. */
bool mailbox_any_in_cert(X509 *cert);

#endif
