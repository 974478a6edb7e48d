/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "sigv4.h"

/* The examples of the Amazon S3 API reference, in two halves: the names look like keys. */
static const struct sigv4_key example = { "us-east-1",
                                          "AKIAIOSF"
                                          "ODNN7EXAMPLE",
                                          "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
#define EXAMPLE_MS INT64_C(1369353600000)
#define HOST       "examplebucket.s3.amazonaws.com"

static const char *signature(const struct sigv4_key *key, const char *url, struct sigv4 *s)
{
        sigv4_sign(key, url, EXAMPLE_MS, s);
        return strstr(s->lines[3], "Signature=") + strlen("Signature=");
}

static void signatures_are_those_of_the_reference(void)
{
        struct sigv4 s;

        CHECK_STR(signature(&example, "http://" HOST "/?lifecycle=", &s),
                  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
        CHECK_STR(signature(&example, "http://" HOST "/?max-keys=2&prefix=J", &s),
                  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
        CHECK_STR(s.lines[0], "Host: " HOST);
        CHECK_STR(s.lines[1], "x-amz-content-sha256: "
                              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        CHECK_STR(s.lines[2], "x-amz-date: 20130524T000000Z");
        CHECK(strstr(s.lines[3], "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSF"
                                 "ODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                                 "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
                                 "Signature=") == s.lines[3]);
}

static void the_port_is_part_of_the_host_unless_it_is_the_own_one_of_the_scheme(void)
{
        static const struct {
                const char *url, *line;
        } rows[] = {
                { "http://a:80/", "Host: a" },
                { "https://a:443/", "Host: a" },
                { "http://a:443/x:80", "Host: a:443" },
                { "https://a:80/", "Host: a:80" },
                { "http://[::1]:9000/", "Host: [::1]:9000" },
        };
        struct sigv4 s;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                sigv4_sign(&example, rows[i].url, EXAMPLE_MS, &s);
                CHECK_STR(s.lines[0], rows[i].line);
        }
}

static void everything_that_is_signed_changes_the_signature(void)
{
        static const struct sigv4_key others[] = { { "us-east-2", "a", "b" },
                                                   { "us-east-1", "a", "c" } };
        static const struct sigv4_key key = { "us-east-1", "a", "b" };
        static const char *const urls[] = { "http://h/a", "http://h/b", "http://i/a",
                                            "http://h/a?b=c", "http://h/./a" };
        struct sigv4 first, other;

        sigv4_sign(&key, urls[0], EXAMPLE_MS, &first);
        for (size_t i = 1; i < sizeof urls / sizeof *urls; i++)
                CHECK(strcmp(signature(&key, urls[0], &first), signature(&key, urls[i], &other)));
        for (size_t i = 0; i < 2; i++)
                CHECK(strcmp(signature(&key, urls[0], &first),
                             signature(&others[i], urls[0], &other)));
        sigv4_sign(&key, urls[0], EXAMPLE_MS + 1000, &other);
        CHECK(strcmp(first.lines[3], other.lines[3]));
}

int main(void)
{
        RUN(signatures_are_those_of_the_reference);
        RUN(the_port_is_part_of_the_host_unless_it_is_the_own_one_of_the_scheme);
        RUN(everything_that_is_signed_changes_the_signature);
        return 0;
}
