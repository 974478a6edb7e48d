/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CLIENT_SIGV4_H
#define CRR_SRC_CLIENT_SIGV4_H

#include <stdint.h>

/*
 * AWS signature version 4 of a GET, service s3 ("Authenticating Requests: Using the Authorization
 * Header" in the Amazon S3 API reference).
 *
 * Not by CURLOPT_AWS_SIGV4: keys may have the segments "." and "..", so paths go out as they are
 * (CURLOPT_PATH_AS_IS), and with that option libcurl 8 refuses to sign; libcurl 7.88 does not send
 * the body's hash that S3 asks for; and the two read the name of a key differently.
 */
struct sigv4_key {
        const char *region, *access_key, *secret_key; /* at most 63, 255 and 255 bytes */
};

#define SIGV4_HEADERS 4

struct sigv4 {
        char lines[SIGV4_HEADERS][1024]; /* "Name: value", to be sent as they are */
};

/* The URL's path and query stand as they are signed: encoded, with sorted parameters that have
 * values. */
void sigv4_sign(const struct sigv4_key *key, const char *url, int64_t wall_ms, struct sigv4 *ret);

#endif
