/* SPDX-License-Identifier: ISC
 *
 * What a worker does while it waits for its client.
 */
#ifndef SMIME_WORKER_WARMUP_H
#define SMIME_WORKER_WARMUP_H

/* Signs something with a key that is thrown away, so that OpenSSL has looked up and built what a
 * first signature needs (2 ms that the client would wait for). Failing costs only the time. */
void warmup_openssl(void);

#endif
