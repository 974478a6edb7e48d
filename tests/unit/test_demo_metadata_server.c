/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "crr/base/json_write.h"
#include "crr/base/time.h"
#include "crr/base/url.h"
#include "metadata.h"
#include "metadata_server.h"
#include "objects.h"

/* A server on any free port, and the objects that it knows. */
struct served {
        struct options options;
        struct objects objects;
        struct metadata_server *server;
        const char *address;
        uint16_t port;
};

static void serve(struct served *s)
{
        struct error err;
        const char *address = "", *colon;

        s->options.format = OPTIONS_BACKBEAT;
        s->options.count = 900;
        s->options.successes = 100;
        s->options.seed = 1;
        s->options.sites = 5;
        s->options.buckets = 8;
        s->options.metadata_listen = "127.0.0.1:0";
        options_objects(&s->options, &s->objects);
        s->server = metadata_server_start(&s->options, &address, &err);
        CHECK(s->server != NULL);
        s->address = address;
        colon = strrchr(address, ':');
        CHECK(colon != NULL);
        s->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

static int connect_to(const struct served *s)
{
        struct sockaddr_in to = {
                .sin_family = AF_INET,
                .sin_port = htons(s->port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
        return fd;
}

static void send_request(int fd, const char *method, struct str target)
{
        struct buf text;

        buf_init(&text, SIZE_MAX);
        buf_printf(&text, "%s %.*s HTTP/1.1\r\nHost: source\r\nConnection: close\r\n\r\n", method,
                   STR_ARG(target));
        CHECK_INT(send(fd, text.base, text.len, MSG_NOSIGNAL), (long long)text.len);
        buf_deinit(&text);
}

/* The status of the one answer of a connection, 0: none; its body. */
static int receive(int fd, struct buf *body)
{
        static char bytes[65536];
        struct buf in;
        const char *end;
        int status = 0;
        ssize_t n;

        buf_init(&in, SIZE_MAX);
        while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
                buf_append(&in, bytes, (size_t)n);
        close(fd);
        buf_clear(body);
        if (in.len > 0) {
                end = memmem(in.base, in.len, "\r\n\r\n", 4);
                CHECK(end != NULL && str_has_prefix(buf_str(&in), "HTTP/1.1 "));
                status = (int)strtol(in.base + strlen("HTTP/1.1 "), NULL, 10);
                buf_append(body, end + 4, (size_t)(in.base + in.len - (end + 4)));
        }
        buf_deinit(&in);
        return status;
}

static int ask(const struct served *s, struct str target, struct buf *body)
{
        int fd = connect_to(s);

        send_request(fd, "GET", target);
        return receive(fd, body);
}

static int ask_c(const struct served *s, const char *target)
{
        struct buf body;
        int status;

        buf_init(&body, SIZE_MAX);
        status = ask(s, str_from(target), &body);
        buf_deinit(&body);
        return status;
}

static void write_target(const struct object *o, const struct object_version *v, struct buf *out)
{
        buf_clear(out);
        buf_append_c(out, "/_/backbeat/metadata/");
        url_encode(out, o->bucket);
        buf_append_char(out, '/');
        url_encode(out, o->key);
        if (v == NULL)
                return;
        buf_append_c(out, "?versionId=");
        objects_wire_id(v->id, out);
}

/* Asked for the version (NULL: the current one), does it answer the metadata of that one? */
static bool answers(const struct served *s, const struct object *o,
                    const struct object_version *asked, const struct object_version *want)
{
        struct buf target, body, metadata, expected;
        struct json_writer w;
        bool same;

        buf_init(&target, SIZE_MAX);
        buf_init(&body, SIZE_MAX);
        buf_init(&metadata, SIZE_MAX);
        buf_init(&expected, SIZE_MAX);
        write_target(o, asked, &target);
        metadata_write(o, want, &metadata);
        json_writer_init(&w, &expected);
        json_object_open(&w);
        json_key(&w, "Body");
        json_str(&w, buf_str(&metadata));
        json_object_close(&w);
        same = ask(s, buf_str(&target), &body) == 200 && str_eq(buf_str(&body), buf_str(&expected));
        buf_deinit(&target);
        buf_deinit(&body);
        buf_deinit(&metadata);
        buf_deinit(&expected);
        return same;
}

static void every_object_is_found_under_its_name(void)
{
        struct served s = { 0 };
        struct object o;

        serve(&s);
        for (uint64_t i = 0; i < 1000; i += 7) {
                objects_make(&s.objects, i, &o);
                CHECK(answers(&s, &o, &o.version, &o.version));
        }
        metadata_server_stop(s.server);
}

static void without_a_version_the_current_one_is_answered(void)
{
        struct served s = { .options.superseded = 1 };
        struct object o;

        serve(&s);
        objects_make(&s.objects, 3, &o);
        CHECK(!str_eq(o.version.id, o.current.id));
        CHECK(answers(&s, &o, NULL, &o.current));
        CHECK(answers(&s, &o, &o.current, &o.current));
        CHECK(answers(&s, &o, &o.version, &o.version));
        metadata_server_stop(s.server);
}

static void what_was_not_generated_is_not_found(void)
{
        static const struct {
                const char *target;
                int want;
        } table[] = {
                { "/_/backbeat/metadata/photos/no-such.jpg", 404 },
                { "/_/backbeat/metadata/photos/2026/01/photos-00001000.jpg", 404 },
                { "/_/backbeat/metadata/photos/2026/01/photos-99999999999999999999.jpg", 404 },
                { "/_/backbeat/metadata/photos/", 404 },
                { "/_/backbeat/metadata/photos/bad%zz", 400 },
                { "/_/backbeat/data/photos/x", 404 },
                { "/", 404 },
        };
        struct served s = { 0 };
        struct object_version unknown = { .id = STR("98401234771912000000RG001  7.0") };
        struct object o;
        struct buf target, body;

        serve(&s);
        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                CHECK_INT(ask_c(&s, table[i].target), table[i].want);

        buf_init(&target, SIZE_MAX);
        buf_init(&body, SIZE_MAX);
        objects_make(&s.objects, 3, &o);
        write_target(&o, &unknown, &target);
        CHECK_INT(ask(&s, buf_str(&target), &body), 404);
        o.bucket = STR("elsewhere");
        write_target(&o, &o.version, &target);
        CHECK_INT(ask(&s, buf_str(&target), &body), 404);
        buf_deinit(&target);
        buf_deinit(&body);
        metadata_server_stop(s.server);
}

static void a_share_of_the_answers_are_errors(void)
{
        struct served s = { .options.metadata_errors = 0.25 };
        struct buf target, body;
        unsigned errors = 0;
        struct object o;

        serve(&s);
        buf_init(&target, SIZE_MAX);
        buf_init(&body, SIZE_MAX);
        objects_make(&s.objects, 5, &o);
        write_target(&o, &o.version, &target);
        for (unsigned n = 0; n < 400; n++) {
                int status = ask(&s, buf_str(&target), &body);

                CHECK(status == 200 || status == 503);
                errors += status == 503;
        }
        CHECK(errors > 60 && errors < 140);
        buf_deinit(&target);
        buf_deinit(&body);
        metadata_server_stop(s.server);
}

static void an_answer_takes_its_latency(void)
{
        struct served s = { .options.metadata_latency_ms = 30 };
        int64_t began;
        struct object o;

        serve(&s);
        objects_make(&s.objects, 5, &o);
        began = time_monotonic_ms();
        CHECK(answers(&s, &o, &o.version, &o.version));
        CHECK(time_monotonic_ms() - began >= 29);
        metadata_server_stop(s.server);
}

static void a_stop_lets_go_what_is_held(void)
{
        struct served s = { .options.metadata_latency_ms = 60000 };
        struct buf body;
        int fds[3];

        serve(&s);
        buf_init(&body, SIZE_MAX);
        for (int i = 0; i < 3; i++) {
                fds[i] = connect_to(&s);
                send_request(fds[i], "GET", STR("/_/backbeat/metadata/photos/x-1.jpg"));
        }
        CHECK_INT(ask_c(&s, "/"), 404); /* not held: what came before it is */
        metadata_server_stop(s.server);
        for (int i = 0; i < 3; i++)
                CHECK_INT(receive(fds[i], &body), 0);
        buf_deinit(&body);
}

static void an_address_that_is_taken_is_refused(void)
{
        struct served s = { 0 };
        struct options second;
        const char *address;
        struct error err;

        serve(&s);
        second = s.options;
        second.metadata_listen = s.address;
        CHECK(metadata_server_start(&second, &address, &err) == NULL);
        CHECK(err.message[0] != '\0');
        second.metadata_listen = "nowhere";
        CHECK(metadata_server_start(&second, &address, &err) == NULL);
        metadata_server_stop(s.server);
}

int main(void)
{
        RUN(every_object_is_found_under_its_name);
        RUN(without_a_version_the_current_one_is_answered);
        RUN(what_was_not_generated_is_not_found);
        RUN(a_share_of_the_answers_are_errors);
        RUN(an_answer_takes_its_latency);
        RUN(a_stop_lets_go_what_is_held);
        RUN(an_address_that_is_taken_is_refused);
        return 0;
}
