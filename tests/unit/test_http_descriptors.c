/* SPDX-License-Identifier: Apache-2.0 */
/* A process that runs out of descriptors: a child with few of them is the server, its parent has
 * the clients. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http_fixture.h"

#define DESCRIPTORS 64
#define RESERVED    (DESCRIPTORS / 4)
#define DEADLINE_MS 20000
#define GET         "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

/* THE CHILD: does what its parent says, and turns the loop meanwhile. */

enum order {
        OPEN_SOME = 'o', /* open files: as many as are reserved must be there */
        OPEN_ALL = 'a',  /* open files until none can be opened, and take the server's spare one */
        CLOSE_ALL = 'c',
        TELL_LISTENING = 'l', /* is the listener watched? */
        END = 'e',
};

static int files[DESCRIPTORS], n_files;

static void open_files(int most)
{
        while (n_files < most) {
                int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

                if (fd < 0)
                        return;
                files[n_files++] = fd;
        }
}

static void close_files(void)
{
        while (n_files > 0)
                close(files[--n_files]);
}

static void look_for_listener(uv_handle_t *handle, void *found)
{
        int listens = 0;
        socklen_t n = sizeof listens;
        uv_os_fd_t fd;

        if (handle->type == UV_POLL && uv_is_active(handle) && uv_fileno(handle, &fd) == 0 &&
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens != 0)
                *(bool *)found = true;
}

static char obey(char order)
{
        bool found = false;

        switch ((enum order)order) {
        case OPEN_SOME:
                open_files(RESERVED / 2);
                return n_files == RESERVED / 2 ? 'y' : 'n';
        case OPEN_ALL:
                close(fixture.server->spare_fd);
                fixture.server->spare_fd = -1;
                open_files(DESCRIPTORS);
                return 'y';
        case CLOSE_ALL:
                close_files();
                return 'y';
        case TELL_LISTENING:
                uv_walk(&fixture.loop, look_for_listener, &found);
                return found ? 'y' : 'n';
        case END:
                break;
        }
        return 'e';
}

static void on_order(uv_poll_t *poll, int status, int events)
{
        int fd = *(int *)poll->data;
        char order, answer;

        CHECK_INT(read(fd, &order, 1), 1);
        answer = obey(order);
        if (answer == 'e')
                uv_close((uv_handle_t *)poll, NULL);
        CHECK_INT(write(fd, &answer, 1), 1);
}

static void be_the_server(int orders)
{
        struct rlimit few = { DESCRIPTORS, DESCRIPTORS };
        uv_poll_t poll;

        CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
        fixture_start((struct http_limits){ 0 });
        CHECK_INT(write(orders, &fixture.port, sizeof fixture.port), sizeof fixture.port);
        CHECK_INT(uv_poll_init(&fixture.loop, &poll, orders), 0);
        poll.data = &orders;
        uv_poll_start(&poll, UV_READABLE, on_order);
        while (!uv_is_closing((uv_handle_t *)&poll))
                fixture_turn();
        fixture_stop();
        close(orders);
}

/* THE PARENT */

static pid_t child;
static int orders;
static uint16_t port;

static void start_child(void)
{
        int pair[2];

        CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
                close(pair[0]);
                be_the_server(pair[1]);
                exit(0);
        }
        close(pair[1]);
        orders = pair[0];
        CHECK_INT(read(orders, &port, sizeof port), sizeof port);
}

static bool order(enum order what)
{
        char byte = (char)what;

        CHECK_INT(write(orders, &byte, 1), 1);
        CHECK_INT(read(orders, &byte, 1), 1);
        return byte == 'y';
}

static void end_child(void)
{
        int status;

        order(END);
        CHECK_INT(waitpid(child, &status, 0), child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        close(orders);
}

static int connect_to_child(void)
{
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        CHECK(fd >= 0);
        CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
        return fd;
}

static bool has_input(int fd, int wait_ms)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, wait_ms) == 1;
}

/* False: it was closed instead. */
static bool is_answered(int fd)
{
        char bytes[1024];

        CHECK(has_input(fd, DEADLINE_MS));
        return recv(fd, bytes, sizeof bytes, 0) > 0;
}

static bool ask(int fd)
{
        return send(fd, GET, strlen(GET), MSG_NOSIGNAL) > 0 && is_answered(fd);
}

/* Connections until one is closed at once; their number. */
static int fill(int fds[DESCRIPTORS])
{
        int n = 0;

        while (true) {
                fds[n] = connect_to_child();
                if (!ask(fds[n]))
                        break;
                n++;
                CHECK(n < DESCRIPTORS);
        }
        close(fds[n]);
        return n;
}

static void connections_leave_a_reserve_of_descriptors(void)
{
        int fds[DESCRIPTORS], n;

        start_child();
        n = fill(fds);
        CHECK(n > DESCRIPTORS / 2 && n < DESCRIPTORS - RESERVED);
        CHECK(order(OPEN_SOME));
        for (int i = 0; i < n; i++)
                CHECK(ask(fds[i]));
        CHECK(order(CLOSE_ALL));
        for (int i = 0; i < n; i++)
                close(fds[i]);
        while (!ask(fds[0] = connect_to_child())) /* until the child has seen them go */
                close(fds[0]);
        close(fds[0]);
        end_child();
}

static void without_any_descriptor_the_listener_rests_until_there_is_one(void)
{
        int first, second;

        start_child();
        first = connect_to_child();
        CHECK(ask(first));
        CHECK(order(OPEN_ALL));
        second = connect_to_child();
        CHECK(send(second, GET, strlen(GET), MSG_NOSIGNAL) > 0);
        while (order(TELL_LISTENING))
                ;
        CHECK(ask(first));
        CHECK(!has_input(second, 0));
        CHECK(order(CLOSE_ALL));
        CHECK(is_answered(second));
        CHECK(order(TELL_LISTENING));
        close(first);
        close(second);
        end_child();
}

int main(void)
{
        RUN(connections_leave_a_reserve_of_descriptors);
        RUN(without_any_descriptor_the_listener_rests_until_there_is_one);
        return 0;
}
