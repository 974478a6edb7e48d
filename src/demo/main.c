/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>

#include "metadata_server.h"
#include "pipeline.h"

#define IDLE_MS      20
#define REST_MS      5
#define MOVES_A_TURN 1000
#define SAY_EVERY_S  1.0

volatile sig_atomic_t pipeline_stop;

static void on_signal(int number)
{
        (void)number;
        pipeline_stop = 1;
}

struct demo {
        struct options options;
        struct writer writer;
        struct feeder feeder;
        struct mover mover;
        const struct speech *speech;
        void *data; /* the speech's; NULL: not opened */
        struct metadata_server *metadata;
        double said;
        uint64_t said_next, said_moved;
};

/* Once a second, when something has happened. */
static void say_progress(struct demo *d)
{
        double now = pipeline_now();

        if (now < d->said + SAY_EVERY_S)
                return;
        d->said = now;
        if (d->feeder.next == d->said_next && d->mover.moved == d->said_moved)
                return;
        d->said_next = d->feeder.next;
        d->said_moved = d->mover.moved;
        fprintf(stderr,
                "crr-demo: %" PRIu64 " records written, %" PRIu64 " retries taken, %" PRIu64
                " of them failed again\n",
                d->feeder.next, d->mover.moved, d->mover.failed_again);
}

/* Until there is more to do, a short while. */
static void rest(struct demo *d)
{
        if (d->writer.producer != NULL)
                rd_kafka_poll(d->writer.producer, REST_MS);
        else
                poll(NULL, 0, REST_MS);
}

static void run(struct demo *d)
{
        bool feeding = d->options.produce;

        while (!pipeline_stop && (feeding || d->options.move || d->metadata != NULL)) {
                if (feeding)
                        feeding = feeder_turn(&d->feeder);
                for (int n = 0; d->options.move && n < MOVES_A_TURN; n++)
                        if (!mover_turn(&d->mover, feeding || n > 0 ? 0 : IDLE_MS))
                                break;
                if ((feeding && d->options.rate > 0) || (!feeding && !d->options.move))
                        rest(d);
                say_progress(d);
        }
}

static bool serve_metadata(struct demo *d)
{
        const char *address;
        struct error err;

        d->metadata = metadata_server_start(&d->options, &address, &err);
        if (d->metadata == NULL)
                fprintf(stderr, "crr-demo: --metadata-listen: %s\n", err.message);
        else
                fprintf(stderr, "crr-demo: metadata at http://%s\n", address);
        return d->metadata != NULL;
}

static bool begin(struct demo *d)
{
        const struct options *o = &d->options;

        if (o->metadata_listen != NULL && !serve_metadata(d))
                return false;
        if (!o->produce && !o->move)
                return true; /* it wants no broker */
        d->speech = o->format == OPTIONS_BACKBEAT ? &backbeat_speech : &native_speech;
        if (!writer_init(&d->writer, o))
                return false;
        d->data = d->speech->open(o, &d->writer);
        if (d->data == NULL)
                return false;
        d->feeder = (struct feeder){
                .options = o,
                .writer = &d->writer,
                .speech = d->speech,
                .data = d->data,
                .total = o->count + o->successes,
                .started = pipeline_now(),
        };
        return !o->move || mover_init(&d->mover, o, &d->writer, d->speech, d->data);
}

static void end(struct demo *d)
{
        mover_deinit(&d->mover);
        writer_flush(&d->writer);
        if (d->data != NULL)
                d->speech->close(d->data);
        writer_deinit(&d->writer);
        metadata_server_stop(d->metadata);
}

int main(int argc, char **argv)
{
        static struct demo d;
        bool begun;

        switch (options_parse(&d.options, argc, argv)) {
        case OPTIONS_EXIT:
                return 0;
        case OPTIONS_WRONG:
                return 2;
        case OPTIONS_RUN:
                break;
        }
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        begun = begin(&d);
        if (begun)
                run(&d);
        end(&d);
        if (begun)
                fprintf(stderr,
                        "crr-demo: %" PRIu64 " failures and outcomes delivered, %" PRIu64
                        " refused; %" PRIu64 " retries taken, %" PRIu64 " not readable\n",
                        d.writer.written, d.writer.refused, d.mover.moved, d.mover.unreadable);
        return (!begun && !pipeline_stop) || d.writer.refused > 0 ? 1 : 0;
}
