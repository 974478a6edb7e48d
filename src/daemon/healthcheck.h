/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_HEALTHCHECK_H
#define CRR_SRC_DAEMON_HEALTHCHECK_H

/*
 * GET a URL (http://host[:port][/path]; /ready when it has no path) and tell whether it answers
 * 200. Returns the exit status, 0 or 1; what is not well is said on stderr. Blocks at most some
 * seconds.
 */
int healthcheck(const char *url);

/* The same at the address of a listener, "0.0.0.0:8900". */
int healthcheck_address(const char *address);

#endif
