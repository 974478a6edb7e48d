/* SPDX-License-Identifier: Apache-2.0 */
/* What the server answers to bytes that are not, or not quite, a request; whole and one by one. */
#include "http_fixture.h"

#define HOST    "Host: h\r\n"
#define GET     "GET / HTTP/1.1\r\n" HOST
#define POST    "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define TE(v)   POST "Transfer-Encoding:" v "\r\n\r\n0\r\n\r\n"
#define CL(v)   POST "Content-Length:" v "\r\n\r\nhello"
#define NEXT    "GET /next HTTP/1.1\r\n" HOST "\r\n"

struct row {
        const char *name;
        struct str bytes;
        int status;
        bool closes;     /* if not, the request behind it is answered too */
        unsigned routed; /* requests that reach the application, NEXT not counted */
};

/* clang-format off */
#define BYTES(literal)   { (literal), sizeof(literal) - 1 }
#define BAD(name, bytes) { name, BYTES(bytes), 400, true, 0 }
/* clang-format on */

static const struct row rows[] = {
        BAD("Transfer-Encoding and Content-Length",
            POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        BAD("Content-Length and Transfer-Encoding",
            POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        BAD("Content-Length twice, the same", CL(" 5\r\nContent-Length: 5")),
        BAD("Content-Length twice, another", CL(" 5\r\nContent-Length: 0")),
        BAD("Transfer-Encoding twice", TE(" chunked\r\nTransfer-Encoding: chunked")),
        BAD("Transfer-Encoding: xchunked", TE(" xchunked")),
        BAD("Transfer-Encoding: chunkedx", TE(" chunkedx")),
        BAD("Transfer-Encoding: identity", TE(" identity")),
        BAD("Transfer-Encoding without a value", TE("")),
        BAD("Transfer-Encoding: gzip, chunked", TE(" gzip, chunked")),
        BAD("Transfer-Encoding: chunked, gzip", TE(" chunked, gzip")),
        BAD("Transfer-Encoding: chunked, chunked", TE(" chunked, chunked")),
        BAD("Transfer-Encoding: chunked and a vertical tab", TE(" \x0b"
                                                                "chunked")),
        BAD("Transfer-Encoding : chunked", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        BAD("Transfer-Encoding in HTTP/1.0",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        BAD("Content-Length folded", CL("\r\n 5")),
        BAD("Content-Length folded with a tab", CL("\r\n\t5")),
        BAD("Transfer-Encoding folded", TE("\r\n chunked")),
        BAD("another header folded", GET "A: b\r\n c\r\n\r\n"),
        BAD("a blank before the first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"),
        BAD("LF alone behind the request line", "GET / HTTP/1.1\n" HOST "\r\n"),
        BAD("LF alone behind a header", "GET / HTTP/1.1\r\nHost: h\n\r\n"),
        BAD("LF alone for the end of the headers", GET "\n"),
        BAD("LF alone before the request", "\nGET / HTTP/1.1\r\n" HOST "\r\n"),
        BAD("CR alone in a value", GET "A: b\rc\r\n\r\n"),
        BAD("CR alone behind a value", GET "A: b\rB: c\r\n\r\n"),
        BAD("CR alone behind the request line", "GET / HTTP/1.1\rHost: h\r\n\r\n"),
        BAD("CR alone for the end of the headers", GET "\rA: b\r\n\r\n"),
        BAD("CR CR LF", GET "A: b\r\r\n\r\n"),
        BAD("CR alone before the request", "\r\rGET / HTTP/1.1\r\n" HOST "\r\n"),
        BAD("NUL before the method", "\0GET / HTTP/1.1\r\n" HOST "\r\n"),
        BAD("NUL in the method", "G\0ET / HTTP/1.1\r\n" HOST "\r\n"),
        BAD("NUL in the target", "GET /\0 HTTP/1.1\r\n" HOST "\r\n"),
        BAD("NUL in the version", "GET / HTTP/1.\0\r\n" HOST "\r\n"),
        BAD("NUL in a name", GET "A\0: b\r\n\r\n"),
        BAD("NUL in a value", GET "A: b\0\r\n\r\n"),
        BAD("NUL for the end of the headers", GET "\0\r\n"),
        BAD("NUL in a chunk's size", CHUNKED "5\0\r\nhello\r\n0\r\n\r\n"),
        BAD("NUL in a chunk's extension", CHUNKED "5;\0\r\nhello\r\n0\r\n\r\n"),
        BAD("NUL in a trailer", CHUNKED "0\r\nA: \0\r\n\r\n"),
        BAD("Content-Length : 5", POST "Content-Length : 5\r\n\r\nhello"),
        BAD("Content-Length, tab, colon", POST "Content-Length\t: 5\r\n\r\nhello"),
        BAD("Content-Length: -1", CL(" -1")),
        BAD("Content-Length: +5", CL(" +5")),
        BAD("Content-Length: 0x5", CL(" 0x5")),
        BAD("Content-Length: 5abc", CL(" 5abc")),
        BAD("Content-Length: 5 5", CL(" 5 5")),
        BAD("Content-Length: 5, 5", CL(" 5, 5")),
        BAD("Content-Length: 5.0", CL(" 5.0")),
        BAD("Content-Length without a value", CL("")),
        BAD("Content-Length: 2^64", CL(" 18446744073709551616")),
        BAD("Content-Length: 2^64 + 5", CL(" 18446744073709551621")),
        BAD("Content-Length: 2^63", CL(" 9223372036854775808")),
        BAD("two Hosts", GET "Host: i\r\n\r\n"),
        BAD("two Hosts that agree", GET HOST "\r\n"),
        BAD("no Host", "GET / HTTP/1.1\r\n\r\n"),
        BAD("garbage", "garbage\r\n\r\n"),
        BAD("a blank line's worth of garbage", "()\r\n\r\n"),
        BAD("TLS on the plain port", "\x16\x03\x01\x02\x01\x01\xfc\x03\x03"),
        BAD("SSLv2", "\x80\x2e\x01\x03\x01"),
        BAD("a line without a colon", GET "garbage\r\n\r\n"),
        BAD("a header without a name", GET ": v\r\n\r\n"),
        BAD("a blank in a name", GET "A B: v\r\n\r\n"),
        BAD("a control character in a value", GET "A: \x01\r\n\r\n"),
        BAD("DEL in a value", GET "A: \x7f\r\n\r\n"),
        BAD("a method in lower case", "get / HTTP/1.1\r\n" HOST "\r\n"),
        BAD("a method of nobody", "BREW / HTTP/1.1\r\n" HOST "\r\n"),
        BAD("no target", "GET HTTP/1.1\r\n" HOST "\r\n"),
        BAD("a blank in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
        BAD("a control character in the target", "GET /\x01 HTTP/1.1\r\n" HOST "\r\n"),
        BAD("something behind the version", "GET / HTTP/1.1 x\r\n" HOST "\r\n"),
        BAD("another protocol", "GET / ICE/1.0\r\n" HOST "\r\n"),
        BAD("a version of nobody", "GET / HTTP/1.9\r\n" HOST "\r\n"),
        BAD("a chunk's size that is none", CHUNKED "zz\r\n"),
        BAD("a chunk's size with a sign", CHUNKED "-5\r\nhello\r\n0\r\n\r\n"),
        BAD("a chunk's size with 0x", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"),
        BAD("a blank before a chunk's size", CHUNKED " 5\r\nhello\r\n0\r\n\r\n"),
        BAD("a chunk's size of 17 digits", CHUNKED "FFFFFFFFFFFFFFFFF\r\n"),
        BAD("a chunk that is longer than it says", CHUNKED "4\r\nhello\r\n0\r\n\r\n"),
        BAD("LF alone behind a chunk's size", CHUNKED "5\nhello\r\n0\r\n\r\n"),
        BAD("LF alone behind an extension", CHUNKED "5;a\nhello\r\n0\r\n\r\n"),
        BAD("CR alone in an extension", CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        BAD("LF alone behind a chunk", CHUNKED "5\r\nhello\n0\r\n\r\n"),
        BAD("LF alone behind a trailer", CHUNKED "0\r\nA: b\n\r\n"),
        BAD("LF alone for the end of the trailers", CHUNKED "0\r\n\n"),
        BAD("a trailer folded", CHUNKED "0\r\nA: b\r\n c\r\n\r\n"),
        { "a chunk of 2^64 - 1", BYTES(CHUNKED "FFFFFFFFFFFFFFFF\r\n"), 413, true, 0 },
        { "a body over the limit by its length", BYTES(CL(" 100001")), 413, true, 0 },
        { "a body far over the limit", BYTES(CL(" 9223372036854775807")), 413, true, 0 },
        { "a chunk over the limit", BYTES(CHUNKED "186A1\r\n"), 413, true, 0 },
        { "CONNECT", BYTES("CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n"), 501, true, 0 },
        { "another method that is known", BYTES("PURGE / HTTP/1.1\r\n" HOST "\r\n"), 501, true, 0 },
        { "another expectation", BYTES(GET "Expect: 200-maybe\r\n\r\n"), 417, true, 0 },
        { "HTTP/2 without asking", BYTES("GET / HTTP/2.0\r\n" HOST "\r\n"), 505, true, 0 },
        { "a request", BYTES(GET "\r\n"), 200, false, 1 },
        { "empty lines before it", BYTES("\r\n\r\n" GET "\r\n"), 200, false, 1 },
        { "any method that the application may know", BYTES("DELETE / HTTP/1.1\r\n" HOST "\r\n"),
          200, false, 1 },
        { "PATCH", BYTES("PATCH / HTTP/1.1\r\n" HOST "\r\n"), 200, false, 1 },
        { "a body", BYTES(CL(" 5")), 200, false, 1 },
        { "a body with leading zeros in its length", BYTES(CL(" 0005")), 200, false, 1 },
        { "a body that says it is none", BYTES(POST "Content-Length: 0\r\n\r\n"), 200, false, 1 },
        { "a body of nothing", BYTES(POST "\r\n"), 200, false, 1 },
        { "chunks", BYTES(CHUNKED "3\r\nhel\r\n2;a=\"b\"\r\nlo\r\n0\r\nT: v\r\n\r\n"), 200, false,
          1 },
        { "a chunk of one byte in many zeros", BYTES(CHUNKED "0000001\r\na\r\n000\r\n\r\n"), 200,
          false, 1 },
        { "Transfer-Encoding: Chunked", BYTES(TE(" Chunked ")), 200, false, 1 },
        { "an upgrade that is not done", BYTES(GET "Upgrade: h2c\r\nConnection: upgrade\r\n\r\n"),
          200, false, 1 },
        { "the last request", BYTES(GET "Connection: close\r\n\r\n"), 200, true, 1 },
        { "bytes over 127 in a value", BYTES(GET "A: \xc3\xa4\r\n\r\n"), 200, false, 1 },
};

static void send_bytewise(struct client *c, struct str bytes)
{
        for (size_t i = 0; i < bytes.len; i++) {
                client_send(c, bytes.base + i, 1);
                client_flush(c);
                uv_run(&fixture.loop, UV_RUN_NOWAIT);
        }
}

static void next_is_answered(struct client *c)
{
        struct reply r;

        CHECK(client_reply(c, false, &r));
        CHECK_INT(r.status, 200);
        CHECK(str_eq_c(r.body, "GET /next "));
}

/* A request behind the bytes shows whether the connection is understood as it is meant. */
static void row_holds(const struct row *row, bool bytewise)
{
        struct client *c = client_new();
        struct reply r = { 0 };
        unsigned routed_before = fixture.n_routed;

        if (bytewise)
                send_bytewise(c, row->bytes);
        else
                client_send(c, row->bytes.base, row->bytes.len);
        client_send_c(c, NEXT);
        if (!client_reply(c, false, &r) || r.status != row->status || r.close != row->closes) {
                fprintf(stderr, "%d, close %d: ", r.status, r.close);
                check_fail(__FILE__, __LINE__, row->name, bytewise ? " (bytewise)" : " (whole)");
        }
        CHECK(reply_header(&r, "x-request-id").len == HTTP_REQUEST_ID_SIZE - 1);
        CHECK(reply_header(&r, "date").len > 0);
        if (row->closes)
                WAIT(client_is_ended(c));
        else
                next_is_answered(c);
        CHECK(!c->reset);
        if (fixture.n_routed - routed_before != row->routed + !row->closes)
                check_fail(__FILE__, __LINE__, row->name, " routed something");
        client_free(c);
        WAIT(http_server_connections(fixture.server) == 0);
}

static void every_row_has_its_answer(void)
{
        fixture_start((struct http_limits){ 0 });
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                row_holds(&rows[i], false);
                row_holds(&rows[i], true);
        }
        fixture_stop();
}

/* What is long, in pieces of any size; the answer is read while the client still sends. */
static void repeated_is_refused(int line, const char *begin, const char *piece, size_t times,
                                int status)
{
        struct client *c = client_new();
        struct reply r = { 0 };

        client_send_c(c, begin);
        for (size_t i = 0; i < times; i++)
                client_send_c(c, piece);
        if (!client_reply(c, false, &r) || r.status != status || !r.close)
                check_fail(__FILE__, line, begin, piece);
        client_flush(c);
        WAIT(client_is_ended(c));
        CHECK(c->eof && !c->reset);
        client_free(c);
        WAIT(http_server_connections(fixture.server) == 0);
        CHECK_INT(fixture.server->budget.used, 0);
}

#define REFUSED(begin, piece, times, status) \
        repeated_is_refused(__LINE__, begin, piece, times, status)
#define HUNDRED \
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void what_is_too_long_has_an_answer_that_can_be_read(void)
{
        fixture_start((struct http_limits){ 0 });
        REFUSED(GET, "A: b\r\n", 1000, 431);
        REFUSED(GET "A: ", HUNDRED, 11000, 431);
        REFUSED(GET "", HUNDRED, 11000, 431);
        REFUSED("GET /", HUNDRED, 11000, 414);
        REFUSED("GET", HUNDRED, 11000, 400);
        REFUSED("", "\r\n", 500000, 431);
        REFUSED(CHUNKED "1;", HUNDRED, 1100, 413);
        REFUSED(CHUNKED "1;a=\"", HUNDRED, 1100, 413);
        REFUSED(CHUNKED "0\r\n", "A: b\r\n", 20000, 413);
        REFUSED(CHUNKED "0\r\nA: ", HUNDRED, 11000, 413);
        REFUSED(CHUNKED, "1;0123456789abcdef\r\na\r\n", 50000, 413);
        REFUSED(CHUNKED, "60\r\n" HUNDRED "\r\n", 20000, 413);
        REFUSED(POST "Content-Length: 3000000\r\n\r\n", HUNDRED, 30000, 413);
        CHECK_INT(fixture.n_routed, 0);
        fixture_stop();
}

int main(void)
{
        RUN(every_row_has_its_answer);
        RUN(what_is_too_long_has_an_answer_that_can_be_read);
        return 0;
}
