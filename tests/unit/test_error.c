/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/error.h"

static const enum error_code codes[] = {
#define X(code, ...) ERR_##code,
        ERROR_CODES(X)
#undef X
};
#define N_CODES (sizeof codes / sizeof *codes)

static void every_code_is_negative_and_has_a_name_of_its_own(void)
{
        for (size_t i = 0; i < N_CODES; i++) {
                CHECK(codes[i] < 0);
                CHECK(error_name(codes[i])[0] != '\0');
                CHECK(error_text(codes[i])[0] != '\0');
                for (size_t k = 0; k < i; k++) {
                        CHECK(codes[i] != codes[k]);
                        CHECK(strcmp(error_name(codes[i]), error_name(codes[k])) != 0);
                }
        }
        CHECK_INT(N_CODES + 1, ERR__COUNT);
}

/* The wire's names and statuses: api-crr.md, "Errors". */
static void the_wire_has_the_names_and_statuses_that_are_documented(void)
{
        static const struct {
                const char *name;
                int status;
                enum error_code code;
        } table[] = {
                { "InvalidQueryParameter", 400, ERR_INVALID_QUERY },
                { "MalformedPOSTRequest", 400, ERR_MALFORMED_POST },
                { "AccessDenied", 403, ERR_ACCESS_DENIED },
                { "RouteNotFound", 404, ERR_ROUTE_NOT_FOUND },
                { "MethodNotAllowed", 405, ERR_METHOD_NOT_ALLOWED },
                { "EntityTooLarge", 413, ERR_TOO_LARGE },
                { "InternalError", 500, ERR_INTERNAL },
                { "ServiceUnavailable", 503, ERR_UNAVAILABLE },
                { "GatewayTimeout", 504, ERR_GATEWAY_TIMEOUT },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                CHECK_STR(error_name(table[i].code), table[i].name);
                CHECK_INT(error_http_status(table[i].code), table[i].status);
        }
}

static void a_repeat_may_help_exactly_where_the_status_says_so(void)
{
        for (size_t i = 0; i < N_CODES; i++) {
                int status = error_http_status(codes[i]);

                CHECK(status >= 400 && status < 600);
                CHECK_INT(error_is_retriable(codes[i]),
                          status == 408 || status == 421 || status == 503 || status == 504);
        }
}

static void a_message_is_kept_and_its_code_returned(void)
{
        struct error err;

        CHECK_INT(error_set(&err, ERR_KAFKA, "%s is %d", "it", 7), ERR_KAFKA);
        CHECK_INT(err.code, ERR_KAFKA);
        CHECK_STR(err.message, "it is 7");
}

static void fill(char *text, size_t n)
{
        memset(text, 'x', n);
        text[n] = '\0';
}

static void a_long_message_is_cut_and_terminated(void)
{
        static const size_t lengths[] = { 398, 399, 400, 5000 };
        static char text[5001];
        struct error err;

        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                size_t want = lengths[i] < sizeof err.message ? lengths[i] : sizeof err.message - 1;

                fill(text, lengths[i]);
                error_set(&err, ERR_SYSTEM, "%s", text);
                CHECK_INT(strlen(err.message), want);
        }
}

/* Rows: how many bytes are left of a message that is 398 letters and then these. */
static void no_character_is_cut_in_two(void)
{
        static const struct {
                const char *end;
                size_t want;
        } table[] = {
                { "\xc3\xa9", 398 },          { "\xe2\x82\xac", 398 }, { "\xf0\x9f\x98\x80", 398 },
                { "y\xf0\x9f\x98\x80", 399 }, { "yz", 399 },
        };
        static char text[500];
        struct error err;

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                fill(text, 398);
                snprintf(text + 398, sizeof text - 398, "%s", table[i].end);
                error_set(&err, ERR_SYSTEM, "%s", text);
                CHECK_INT(strlen(err.message), table[i].want);
                fill(text, 396);
                snprintf(text + 396, sizeof text - 396, "%s", table[i].end);
                error_set(&err, ERR_SYSTEM, "%s", text);
                error_prefix(&err, "%s", "");
                CHECK_INT(strlen(err.message), table[i].want);
        }
}

static void a_prefix_goes_before_what_was_said(void)
{
        struct error err;

        error_set(&err, ERR_BAD_CONFIG, "is %d", 0);
        CHECK_INT(error_prefix(&err, "%s.%s", "http", "listen"), ERR_BAD_CONFIG);
        CHECK_STR(err.message, "http.listen: is 0");
        error_prefix(&err, "file");
        CHECK_STR(err.message, "file: http.listen: is 0");
        CHECK_INT(err.code, ERR_BAD_CONFIG);
}

/* Rows: lengths of the message and of the prefix, and how much is left of both together. */
static void a_long_prefix_and_message_are_cut_at_the_end(void)
{
        static const struct {
                size_t message, prefix, want;
        } table[] = {
                { 399, 1, 399 },  { 399, 390, 399 }, { 10, 380, 392 },
                { 10, 396, 399 }, { 0, 396, 398 },   { 5, 5000, 399 },
        };
        static char text[5001];
        struct error err;

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                fill(text, table[i].message);
                error_set(&err, ERR_SYSTEM, "%s", text);
                fill(text, table[i].prefix);
                memset(text, 'p', table[i].prefix);
                error_prefix(&err, "%s", text);
                CHECK_INT(strlen(err.message), table[i].want);
                CHECK_INT(strspn(err.message, "p"), table[i].prefix < 399 ? table[i].prefix : 399);
        }
}

int main(void)
{
        RUN(every_code_is_negative_and_has_a_name_of_its_own);
        RUN(the_wire_has_the_names_and_statuses_that_are_documented);
        RUN(a_repeat_may_help_exactly_where_the_status_says_so);
        RUN(a_message_is_kept_and_its_code_returned);
        RUN(a_long_message_is_cut_and_terminated);
        RUN(no_character_is_cut_in_two);
        RUN(a_prefix_goes_before_what_was_said);
        RUN(a_long_prefix_and_message_are_cut_at_the_end);
        return 0;
}
