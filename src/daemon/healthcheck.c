/* SPDX-License-Identifier: Apache-2.0 */
#include "healthcheck.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "crr/base/str.h"

#define TIMEOUT_S    5
#define HOST_BYTES   256
#define ANSWER_BYTES 8192

struct target {
        char host[HOST_BYTES], port[8];
        const char *path;
};

static int fail(const char *what, const char *why)
{
        fprintf(stderr, "crr-retryd: healthcheck: %s: %s\n", what, why);
        return 1;
}

/* "[::1]:8900" -> "::1" and "8900"; false when it does not fit. */
static bool split_authority(struct str authority, struct target *ret)
{
        struct str host = authority, rest = STR_ABSENT, port = STR("80");

        if (str_has_prefix(authority, "[")) {
                if (!str_split(authority, ']', &host, &rest))
                        return false;
                host.base++;
                host.len--;
                if (str_has_prefix(rest, ":"))
                        port = (struct str){ rest.base + 1, rest.len - 1 };
        } else {
                str_split(authority, ':', &host, &port);
        }
        if (host.len == 0 || host.len >= sizeof ret->host || port.len >= sizeof ret->port)
                return false;
        snprintf(ret->host, sizeof ret->host, "%.*s", STR_ARG(host));
        snprintf(ret->port, sizeof ret->port, "%.*s", STR_ARG(port));
        return true;
}

static bool parse_url(const char *url, struct target *ret)
{
        static const char scheme[] = "http://";
        struct str authority = str_from(url), rest;

        if (!str_has_prefix(authority, scheme))
                return false;
        authority.base += strlen(scheme);
        authority.len -= strlen(scheme);
        ret->path = strchr(authority.base, '/');
        if (ret->path == NULL)
                ret->path = "/ready";
        str_split(authority, '/', &authority, &rest);
        return split_authority(authority, ret);
}

static int connect_one(const struct addrinfo *place)
{
        struct timeval timeout = { .tv_sec = TIMEOUT_S };
        int fd = socket(place->ai_family, place->ai_socktype | SOCK_CLOEXEC, place->ai_protocol);

        if (fd < 0)
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        if (connect(fd, place->ai_addr, place->ai_addrlen) == 0)
                return fd;
        close(fd);
        return -1;
}

static int connect_to(const struct target *target)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *places;
        int fd = -1;

        if (getaddrinfo(target->host, target->port, &hints, &places) != 0)
                return -1;
        for (struct addrinfo *place = places; place != NULL && fd < 0; place = place->ai_next)
                fd = connect_one(place);
        freeaddrinfo(places);
        return fd;
}

static bool ask(int fd, const struct target *target)
{
        char request[2048];
        bool is_v6 = strchr(target->host, ':') != NULL;
        int n = snprintf(request, sizeof request,
                         "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nConnection: close\r\n\r\n",
                         target->path, is_v6 ? "[" : "", target->host, is_v6 ? "]" : "",
                         target->port);

        if (n >= (int)sizeof request)
                return false;
        return send(fd, request, (size_t)n, MSG_NOSIGNAL) == n;
}

/* The answer as far as it fits. */
static size_t read_answer(int fd, char answer[ANSWER_BYTES])
{
        size_t n = 0;

        while (n < ANSWER_BYTES - 1) {
                ssize_t more = read(fd, answer + n, ANSWER_BYTES - 1 - n);

                if (more <= 0)
                        break;
                n += (size_t)more;
        }
        answer[n] = '\0';
        return n;
}

static int judge(const char *url, const char *answer)
{
        const char *body = strstr(answer, "\r\n\r\n");

        if (strncmp(answer, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) == 0)
                return 0;
        if (strncmp(answer, "HTTP/1.1 ", strlen("HTTP/1.1 ")) != 0)
                return fail(url, "no answer");
        return fail(url, body != NULL ? body + 4 : "not ready");
}

int healthcheck(const char *url)
{
        char answer[ANSWER_BYTES];
        struct target target;
        int fd;

        if (!parse_url(url, &target))
                return fail(url, "not a URL such as http://127.0.0.1:8900");
        fd = connect_to(&target);
        if (fd < 0)
                return fail(url, "cannot connect");
        answer[0] = '\0';
        if (ask(fd, &target))
                read_answer(fd, answer);
        close(fd);
        return judge(url, answer);
}

int healthcheck_address(const char *address)
{
        char url[HOST_BYTES + 16];
        struct target target;

        if (!split_authority(str_from(address), &target))
                return fail(address, "not an address");
        if (strcmp(target.port, "0") == 0)
                return fail(address, "port 0 is any port: give the URL");
        if (strcmp(target.host, "0.0.0.0") == 0)
                snprintf(url, sizeof url, "http://127.0.0.1:%s", target.port);
        else if (strcmp(target.host, "::") == 0)
                snprintf(url, sizeof url, "http://[::1]:%s", target.port);
        else
                snprintf(url, sizeof url, "http://%s", address);
        return healthcheck(url);
}
