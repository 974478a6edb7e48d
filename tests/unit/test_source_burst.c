/* SPDX-License-Identifier: Apache-2.0 */
/* Many answers at once: how many of them a turn of the loop reads, what the pool reads, and what
 * becomes of those that wait. */
#include <semaphore.h>
#include <sys/socket.h>

#include "source_bench.h"

#define SMALL_BYTES    ((size_t)50 << 10)
#define ANSWER_BYTES   ((size_t)100 << 10) /* it is read by the pool */
#define TURN_BYTES     ((size_t)128 << 10)
#define INBOX_BYTES    ((size_t)4 << 20)
#define PLACES         20
#define BURST          24
#define FEW            4
#define HUGE_BYTES     ((size_t)1500 << 10)
#define RECEIVED_BYTES ((size_t)256 << 10)

/* libcurl looks at so much at a time, of each connection. */
#define PIECE_BYTES ((size_t)16 << 10)

/* What libcurl receives passes through here: its recv() is this one. */
static size_t received;

__attribute__((visibility("default"))) ssize_t count_received(int fd, void *bytes, size_t n,
                                                              int flags) __asm__("recv");

ssize_t count_received(int fd, void *bytes, size_t n, int flags)
{
        ssize_t got = recvfrom(fd, bytes, n, flags, NULL, NULL);

        received += got > 0 ? (size_t)got : 0;
        return got;
}

struct burst {
        struct source_bench b; /* the first member */
        char *reply;
};

/* The reply has a body of so many bytes. */
static char *reply_of(size_t n)
{
        static const char head[] = "{\"Body\":\"{\\\"m\\\":\\\"", tail[] = "\\\"}\"}";
        char *reply = malloc(n + 200), *body;

        CHECK(reply != NULL);
        body = reply + sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
        memset(body, 'x', n);
        memcpy(body, head, strlen(head));
        memcpy(body + n - strlen(tail), tail, sizeof tail);
        return reply;
}

/* All calls are answered while the client does not look, so that it finds all answers at once. */
static void burst_init(struct burst *u, size_t bytes)
{
        source_bench_init_with(&u->b, (struct source_config){ .concurrency = BURST });
        u->reply = reply_of(bytes);
        for (unsigned i = 0; i < BURST; i++)
                begin(&u->b, i);
        WAIT(&u->b, u->b.server.n_waiting == BURST);
        for (unsigned i = 0; i < BURST; i++)
                http_source_answer(&u->b.server, i, u->reply);
}

static void burst_deinit(struct burst *u)
{
        source_bench_deinit(&u->b);
        free(u->reply);
}

/* The most calls that were done in one turn, until all but `left` are. */
static unsigned most_in_a_turn(struct source_bench *b, unsigned left)
{
        unsigned most = 0;

        while (b->n_done < BURST - left) {
                unsigned before = b->n_done;

                WAIT(b, b->n_done > before); /* one turn at a time */
                if (b->n_done - before > most)
                        most = b->n_done - before;
        }
        return most;
}

static void a_turn_reads_no_more_than_its_share_of_the_answers(void)
{
        struct burst u;

        burst_init(&u, SMALL_BYTES);
        CHECK_INT(most_in_a_turn(&u.b, 0), TURN_BYTES / SMALL_BYTES);
        CHECK_INT(outcome(&u.b, "found"), BURST);
        burst_deinit(&u);
}

static void of_small_answers_a_turn_reads_many(void)
{
        struct burst u;

        burst_init(&u, 1000);
        CHECK(most_in_a_turn(&u.b, 0) > 1);
        burst_deinit(&u);
}

/* THE POOL: it has no thread left for us until it may go on. */

#define POOL_THREADS 4 /* libuv's default */

static struct pool_stop {
        uv_work_t works[POOL_THREADS];
        sem_t began, may_end;
        int left;
} stop;

static void wait_for_end(uv_work_t *work)
{
        (void)work;
        sem_post(&stop.began);
        sem_wait(&stop.may_end);
}

static void on_end(uv_work_t *work, int status)
{
        (void)work;
        CHECK_INT(status, 0);
        stop.left--;
}

static void pool_stops(struct burst *u)
{
        sem_init(&stop.began, 0, 0);
        sem_init(&stop.may_end, 0, 0);
        stop.left = POOL_THREADS;
        for (int i = 0; i < POOL_THREADS; i++)
                uv_queue_work(&u->b.loop, &stop.works[i], wait_for_end, on_end);
        for (int i = 0; i < POOL_THREADS; i++)
                sem_wait(&stop.began);
}

static void pool_goes_on(struct burst *u)
{
        for (int i = 0; i < POOL_THREADS; i++)
                sem_post(&stop.may_end);
        WAIT(&u->b, stop.left == 0);
}

/* The first call's answer, which the pool is to read, is there. */
static void one_waits_for_the_pool(struct burst *u)
{
        source_bench_init(&u->b);
        pool_stops(u);
        u->reply = reply_of(HUGE_BYTES);
        u->b.server.otherwise = u->reply;
        begin(&u->b, 0);
        WAIT(&u->b, source_backbeat_unread(u->b.source) == HUGE_BYTES);
        u->b.server.otherwise = FOUND;
}

static void a_large_answer_is_read_by_the_pool_beside_the_small_ones(void)
{
        struct burst u;

        one_waits_for_the_pool(&u);
        begin(&u.b, 1);
        WAIT(&u.b, u.b.asks[1].done);
        CHECK_INT(u.b.asks[1].call.result, SOURCE_FOUND);
        CHECK_INT(u.b.asks[0].done, 0);
        pool_goes_on(&u);
        WAIT(&u.b, u.b.asks[0].done);
        CHECK_INT(u.b.asks[0].call.result, SOURCE_FOUND);
        CHECK(u.b.asks[0].bytes > HUGE_BYTES - 100);
        CHECK_INT(source_backbeat_unread(u.b.source), 0);
        burst_deinit(&u);
}

static void large_answers_are_read_one_after_the_other(void)
{
        struct burst u;

        burst_init(&u, 3 * TURN_BYTES);
        CHECK_INT(most_in_a_turn(&u.b, 0), 1);
        CHECK_INT(u.b.asks[BURST - 1].call.result, SOURCE_FOUND);
        burst_deinit(&u);
}

static void what_the_pool_has_can_be_canceled(void)
{
        struct burst u;

        one_waits_for_the_pool(&u);
        u.b.port->cancel(u.b.port, &u.b.asks[0].call);
        begin(&u.b, 1);
        WAIT(&u.b, u.b.asks[1].done);
        CHECK_INT(source_backbeat_unread(u.b.source), 0);
        pool_goes_on(&u);
        CHECK_INT(u.b.asks[0].done, 0);
        CHECK_INT(source_backbeat_unread(u.b.source), 0);
        burst_deinit(&u);
}

static void what_the_pool_has_ends_with_its_deadline(void)
{
        struct burst u;

        one_waits_for_the_pool(&u);
        u.b.asks[0].call.deadline_ms = time_monotonic_ms();
        begin_until(&u.b, 1, -1); /* the client looks at its clock soon */
        WAIT(&u.b, u.b.n_done == 2);
        CHECK_INT(u.b.asks[0].call.result, SOURCE_UNAVAILABLE);
        CHECK_INT(outcome(&u.b, "late"), 2);
        pool_goes_on(&u);
        CHECK_INT(u.b.asks[0].done, 1);
        burst_deinit(&u);
}

static void on_closed(void *data)
{
        *(bool *)data = true;
}

static void closing_waits_for_the_pool(void)
{
        bool is_closed = false;
        struct burst u;

        one_waits_for_the_pool(&u);
        source_backbeat_close(u.b.source, on_closed, &is_closed);
        CHECK_INT(u.b.asks[0].call.result, SOURCE_UNAVAILABLE);
        for (int turn = 0; turn < 10; turn++)
                uv_run(&u.b.loop, UV_RUN_NOWAIT);
        CHECK(!is_closed);
        pool_goes_on(&u);
        WAIT(&u.b, is_closed);
        CHECK_INT(u.b.asks[0].done, 1);
        source_bench_closed(&u.b);
        free(u.reply);
}

/* Until some are done and some wait. */
static void read_some(struct burst *u)
{
        burst_init(u, ANSWER_BYTES);
        WAIT(&u->b, u->b.n_done > 0);
        CHECK(u->b.n_done < BURST);
}

static unsigned n_found(const struct burst *u)
{
        unsigned n = 0;

        for (unsigned i = 0; i < BURST; i++)
                n += u->b.asks[i].call.result == SOURCE_FOUND;
        return n;
}

static void a_turn_receives_no_more_than_its_share(void)
{
        size_t most = 0, total = 0;
        struct burst u;

        source_bench_init(&u.b);
        u.reply = reply_of(HUGE_BYTES);
        u.b.server.otherwise = u.reply;
        for (unsigned i = 0; i < FEW; i++)
                begin(&u.b, i);
        while (u.b.n_done < FEW) {
                received = 0;
                uv_run(&u.b.loop, UV_RUN_ONCE);
                most = received > most ? received : most;
                total += received;
        }
        CHECK(total > FEW * HUGE_BYTES);
        CHECK(most <= RECEIVED_BYTES + (FEW + 2) * PIECE_BYTES);
        CHECK_INT(outcome(&u.b, "found"), FEW);
        burst_deinit(&u);
}

static void what_waits_can_be_canceled(void)
{
        unsigned done, canceled = 0;
        struct burst u;

        read_some(&u);
        done = u.b.n_done;
        for (unsigned i = 0; i < BURST; i++) {
                canceled += u.b.asks[i].call.work != NULL;
                u.b.port->cancel(u.b.port, &u.b.asks[i].call);
        }
        CHECK_INT(canceled, BURST - done);
        CHECK_INT(outcome(&u.b, "canceled"), BURST - done);
        u.b.server.otherwise = FOUND;
        ask(&u.b, SOURCE_FOUND);
        CHECK_INT(u.b.n_done, done + 1);
        burst_deinit(&u);
}

static void the_place_of_what_waits_is_free_until_too_much_waits(void)
{
        unsigned most = 0;
        struct burst u;

        source_bench_init_with(&u.b, (struct source_config){ .concurrency = PLACES });
        u.reply = reply_of(ANSWER_BYTES);
        u.b.server.otherwise = u.reply;
        for (unsigned i = 0; i < CALLS; i++)
                begin(&u.b, i);
        while (u.b.n_done < CALLS) {
                uv_run(&u.b.loop, UV_RUN_ONCE);
                if (u.b.server.n_requests - u.b.n_done > most)
                        most = u.b.server.n_requests - u.b.n_done;
        }
        CHECK(most > PLACES);
        CHECK(most <= PLACES + INBOX_BYTES / ANSWER_BYTES + 1);
        burst_deinit(&u);
}

static void closing_ends_what_waits(void)
{
        unsigned done;
        struct burst u;

        read_some(&u);
        done = u.b.n_done;
        burst_deinit(&u);
        CHECK_INT(u.b.n_done, BURST);
        for (unsigned i = 0; i < BURST; i++)
                CHECK_INT(u.b.asks[i].done, 1);
        CHECK_INT(n_found(&u), done);
}

static void what_waits_ends_with_its_deadline(void)
{
        double late;
        struct burst u;

        read_some(&u);
        for (unsigned i = 0; i < BURST; i++)
                u.b.asks[i].call.deadline_ms = time_monotonic_ms();
        begin_until(&u.b, BURST, -1); /* the client looks at its clock soon */
        for (int64_t now_ms = time_monotonic_ms(); time_monotonic_ms() < now_ms + 3;)
                continue;
        WAIT(&u.b, u.b.n_done == BURST + 1);
        late = outcome(&u.b, "late");
        CHECK(late > 1); /* the answers of others are on their way */
        CHECK_INT(late + n_found(&u), BURST + 1);
        burst_deinit(&u);
}

#define FILLS ((size_t)5 << 20) /* more than the inbox has room for */

/* Small metadata, and spaces behind it. */
static char *reply_that_fills_the_inbox(void)
{
        static const char head[] = "{\"Body\":\"{}\"";
        char *reply = malloc(FILLS + 200), *body;

        body = reply + sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", FILLS);
        memset(body, ' ', FILLS);
        memcpy(body, head, strlen(head));
        body[FILLS - 1] = '}';
        body[FILLS] = 0;
        return reply;
}

static void what_waits_for_room_is_sent_when_that_which_the_pool_has_is_canceled(void)
{
        struct burst u;

        source_bench_init(&u.b);
        pool_stops(&u);
        u.reply = reply_that_fills_the_inbox();
        u.b.server.otherwise = u.reply;
        begin(&u.b, 0);
        WAIT(&u.b, source_backbeat_unread(u.b.source) == FILLS);
        u.b.server.otherwise = FOUND;
        begin(&u.b, 1);
        u.b.port->cancel(u.b.port, &u.b.asks[0].call);
        WAIT(&u.b, u.b.asks[1].done);
        CHECK_INT(u.b.asks[1].call.result, SOURCE_FOUND);
        pool_goes_on(&u);
        burst_deinit(&u);
}

int main(void)
{
        RUN(what_waits_for_room_is_sent_when_that_which_the_pool_has_is_canceled);
        RUN(a_turn_reads_no_more_than_its_share_of_the_answers);
        RUN(of_small_answers_a_turn_reads_many);
        RUN(a_large_answer_is_read_by_the_pool_beside_the_small_ones);
        RUN(large_answers_are_read_one_after_the_other);
        RUN(what_the_pool_has_can_be_canceled);
        RUN(what_the_pool_has_ends_with_its_deadline);
        RUN(closing_waits_for_the_pool);
        RUN(a_turn_receives_no_more_than_its_share);
        RUN(what_waits_can_be_canceled);
        RUN(the_place_of_what_waits_is_free_until_too_much_waits);
        RUN(closing_ends_what_waits);
        RUN(what_waits_ends_with_its_deadline);
        return 0;
}
