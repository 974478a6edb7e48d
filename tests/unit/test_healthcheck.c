/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "healthcheck.h"
#include "quiet.h"

/*
 * A server for one connection: it keeps the request's first lines and answers with a text; without
 * a text it closes.
 */
struct server {
        int listener, port;
        bool v6;
        const char *answer;
        char request[4096];
        pthread_t thread;
};

static void *serve(void *data)
{
        struct server *s = data;
        int fd = accept(s->listener, NULL, NULL);
        size_t n = 0;
        ssize_t more;

        while (fd >= 0 && strstr(s->request, "\r\n\r\n") == NULL &&
               (more = read(fd, s->request + n, sizeof s->request - 1 - n)) > 0)
                n += (size_t)more;
        if (s->answer != NULL && write(fd, s->answer, strlen(s->answer)) < 0)
                abort();
        if (fd >= 0)
                close(fd);
        return NULL;
}

/* False: this machine has no IPv6. */
static bool start(struct server *s, bool v6, const char *answer)
{
        struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
        struct sockaddr_in four = { .sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 bound = { 0 }; /* the port stands where that of sockaddr_in does */
        socklen_t size = sizeof bound;

        *s = (struct server){ .v6 = v6, .answer = answer };
        s->listener = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
        if (v6 && s->listener < 0)
                return false;
        if (v6 && bind(s->listener, (void *)&six, sizeof six) != 0) {
                close(s->listener);
                return false;
        }
        CHECK(v6 || bind(s->listener, (void *)&four, sizeof four) == 0);
        CHECK(listen(s->listener, 1) == 0);
        CHECK(getsockname(s->listener, (void *)&bound, &size) == 0);
        s->port = ntohs(bound.sin6_port);
        CHECK(pthread_create(&s->thread, NULL, serve, s) == 0);
        return true;
}

static void stop(struct server *s)
{
        pthread_join(s->thread, NULL);
        close(s->listener);
}

/* The complaint of a failure is not the test's. */
static int quiet(int (*check)(const char *text), const char *text)
{
        int kept = quiet_begin(), rc = check(text);

        quiet_end(kept);
        return rc;
}

static void the_answer_is_the_exit_status(void)
{
        static const struct {
                const char *name, *answer;
                int want;
        } table[] = {
                { "ready", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0 },
                { "ready, in few words", "HTTP/1.1 200 \r\n\r\n", 0 },
                { "not ready", "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"ready\":false}", 1 },
                { "another place", "HTTP/1.1 404 Not Found\r\n\r\n", 1 },
                { "almost ready", "HTTP/1.1 2000 OK\r\n\r\n", 1 },
                { "elsewhere", "HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", 1 },
                { "something else", "SSH-2.0-OpenSSH\r\n", 1 },
                { "nothing", NULL, 1 },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct server s;
                char url[64];

                CHECK(start(&s, false, table[i].answer));
                snprintf(url, sizeof url, "http://127.0.0.1:%d", s.port);
                if (quiet(healthcheck, url) != table[i].want)
                        check_fail(__FILE__, __LINE__, table[i].name, "");
                stop(&s);
        }
}

#define OK "HTTP/1.1 200 OK\r\n\r\n"

/* Rows: a URL or an address with a port put into it, and the path that is asked for. */
static void the_place_is_understood(void)
{
        static const struct {
                int (*check)(const char *text);
                bool v6;
                const char *before, *after, *path;
        } table[] = {
                { healthcheck, false, "http://127.0.0.1:", "", "/ready" },
                { healthcheck, false, "http://127.0.0.1:", "/", "/" },
                { healthcheck, false, "http://127.0.0.1:", "/_/live", "/_/live" },
                { healthcheck, false, "http://127.0.0.1:", "/a/b?c=d", "/a/b?c=d" },
                { healthcheck, true, "http://[::1]:", "", "/ready" },
                { healthcheck, true, "http://[::1]:", "/live", "/live" },
                { healthcheck_address, false, "127.0.0.1:", "", "/ready" },
                { healthcheck_address, false, "0.0.0.0:", "", "/ready" },
                { healthcheck_address, true, "[::1]:", "", "/ready" },
                { healthcheck_address, true, "[::]:", "", "/ready" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct server s;
                char text[64], want[256];

                if (!start(&s, table[i].v6, OK))
                        continue;
                snprintf(text, sizeof text, "%s%d%s", table[i].before, s.port, table[i].after);
                CHECK_INT(quiet(table[i].check, text), 0);
                stop(&s);
                snprintf(want, sizeof want,
                         "GET %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: close\r\n\r\n",
                         table[i].path, table[i].v6 ? "[::1]" : "127.0.0.1", s.port);
                CHECK_STR(s.request, want);
        }
}

static void what_is_no_place_is_refused_without_asking(void)
{
        static const char *const urls[] = {
                "",
                "nonsense",
                "127.0.0.1:80",
                "https://127.0.0.1",
                "http://",
                "http:///x",
                "http://:80",
                "http://[::1",
                "http://127.0.0.1:123456789",
                "HTTP://127.0.0.1",
        };
        static const char *const addresses[] = { "", ":8900", "127.0.0.1:0", "[::1" };
        char host[400];

        for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
                CHECK_INT(quiet(healthcheck, urls[i]), 1);
        for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
                CHECK_INT(quiet(healthcheck_address, addresses[i]), 1);
        snprintf(host, sizeof host, "http://%0300d:80", 0);
        CHECK_INT(quiet(healthcheck, host), 1);
}

static void nobody_there_is_a_failure(void)
{
        struct server s;
        char url[64];

        CHECK(start(&s, false, OK));
        snprintf(url, sizeof url, "http://127.0.0.1:%d", s.port);
        CHECK_INT(quiet(healthcheck, url), 0);
        stop(&s); /* nobody listens there any more */
        CHECK_INT(quiet(healthcheck, url), 1);
}

int main(void)
{
        RUN(the_answer_is_the_exit_status);
        RUN(the_place_is_understood);
        RUN(what_is_no_place_is_refused_without_asking);
        RUN(nobody_there_is_a_failure);
        return 0;
}
