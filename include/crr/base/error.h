/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_ERROR_H
#define CRR_BASE_ERROR_H

#include <stdbool.h>

/*
 * Errors: a code the program branches on, and a message a person reads.
 *
 * A function that can fail returns 0 or the (negative) code it stored in *err.
 * It writes *err only on failure, and never logs: the caller that decides what
 * to do about the failure logs it, once. Outcomes ("not found") are not errors.
 */

/* X(code, wire name, HTTP status, a repeat may help, text) */
#define ERROR_CODES(X)                                                                          \
        X(INVALID_QUERY, "InvalidQueryParameter", 400, false, "a query parameter is wrong")     \
        X(MALFORMED_POST, "MalformedPOSTRequest", 400, false, "the body is not as documented")  \
        X(BAD_HTTP, "BadRequest", 400, false, "the request is not valid HTTP/1.1")              \
        X(ACCESS_DENIED, "AccessDenied", 403, false, "access denied")                           \
        X(ROUTE_NOT_FOUND, "RouteNotFound", 404, false, "no such route")                        \
        X(METHOD_NOT_ALLOWED, "MethodNotAllowed", 405, false, "not a method of this route")     \
        X(REQUEST_TIMEOUT, "RequestTimeout", 408, true, "the request did not arrive in time")   \
        X(TOO_LARGE, "EntityTooLarge", 413, false, "a documented limit was exceeded")           \
        X(MISDIRECTED, "MisdirectedRequest", 421, true, "another member owns it")               \
        X(URI_TOO_LONG, "URITooLong", 414, false, "the request target is too long")             \
        X(EXPECTATION, "ExpectationFailed", 417, false, "the expectation is not supported")     \
        X(HEADERS_TOO_LARGE, "RequestHeadersTooLarge", 431, false, "the headers are too large") \
        X(INTERNAL, "InternalError", 500, false, "internal error")                              \
        X(NOT_IMPLEMENTED, "NotImplemented", 501, false, "not implemented")                     \
        X(UNAVAILABLE, "ServiceUnavailable", 503, true, "not available now")                    \
        X(GATEWAY_TIMEOUT, "GatewayTimeout", 504, true, "the outcome is not known yet")         \
        X(HTTP_VERSION, "HTTPVersionNotSupported", 505, false, "only HTTP/1.0 and HTTP/1.1")    \
        X(BAD_JSON, "BadJson", 400, false, "not the JSON that is expected")                     \
        X(BAD_CONFIG, "BadConfiguration", 500, false, "the configuration is wrong")             \
        X(TABLE_FULL, "TableFull", 503, true, "the table's memory limit is reached")            \
        X(TOO_MANY_SITES, "TooManySites", 503, true, "there are more sites than can be held")   \
        X(KAFKA, "KafkaError", 503, true, "Kafka refused")                                      \
        X(SYSTEM, "SystemError", 500, false, "the system refused")

enum error_code {
        ERR__ORDINAL_NONE,
#define X(code, ...) ERR__ORDINAL_##code,
        ERROR_CODES(X)
#undef X
                ERR__COUNT,
#define X(code, ...) ERR_##code = -ERR__ORDINAL_##code,
        ERROR_CODES(X)
#undef X
};

struct error {
        enum error_code code;
        char message[400]; /* terminated; truncated, never allocated */
};

/* Fill *err and return the code, so that `return error_set(err, ...)` reads well. */
int error_set(struct error *err, enum error_code code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the message of an error that is being passed up; returns its code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *error_name(enum error_code code); /* stable, for the wire */
const char *error_text(enum error_code code);
int error_http_status(enum error_code code);
bool error_is_retriable(enum error_code code);

#endif
