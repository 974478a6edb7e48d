/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load generator: a closed loop of N connections that stay open.
 *
 *   loadgen --connections N --requests N [--warmup N] [--pid PID] [--pace N] HOST PORT WORK
 *
 *   WORK  get PATH...                 these paths, in turn
 *         lookup FIRST COUNT          the object routes of COUNT rows of the data set
 *         retry FIRST ELEMENTS        each request retries the next ELEMENTS rows
 *         post FILE                   each request retries what the next line of the file says
 *
 * The warm-up's requests come first and are not counted. Prints one line of JSON; with --pid the
 * CPU time that the server took meanwhile; with --pace, one connection, so many requests a second.
 */
#include "loadgen.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/json_write.h"

struct options {
        size_t connections, requests, warmup, pace;
        pid_t pid;
        const char *host;
        int port;
        char **work;
        int n_work;
};

static uint64_t number(const char *text)
{
        unsigned long long value;

        if (!str_to_u64(str_from(text), UINT64_MAX, &value))
                bench_fail("'%s' is not a number", text);
        return value;
}

static void parse(struct options *o, int argc, char **argv)
{
        static const struct option known[] = { { "connections", required_argument, NULL, 'c' },
                                               { "requests", required_argument, NULL, 'r' },
                                               { "warmup", required_argument, NULL, 'w' },
                                               { "pid", required_argument, NULL, 'p' },
                                               { "pace", required_argument, NULL, 'e' },
                                               { NULL, 0, NULL, 0 } };
        int option;

        *o = (struct options){ .connections = 1, .requests = 1 };
        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                if (option == 'c')
                        o->connections = number(optarg);
                else if (option == 'r')
                        o->requests = number(optarg);
                else if (option == 'w')
                        o->warmup = number(optarg);
                else if (option == 'p')
                        o->pid = (pid_t)number(optarg);
                else if (option == 'e')
                        o->pace = number(optarg);
                else
                        exit(2);
        }
        if (argc - optind < 4)
                bench_fail("usage: loadgen [options] HOST PORT get|lookup|retry|post ...");
        o->host = argv[optind];
        o->port = (int)number(argv[optind + 1]);
        o->work = argv + optind + 2;
        o->n_work = argc - optind - 2;
}

static void make_requests(const struct options *o, struct load_requests *r)
{
        const char *kind = o->work[0];
        uint64_t first, n;

        load_requests_init(r);
        if (strcmp(kind, "get") == 0) {
                for (int i = 1; i < o->n_work; i++)
                        load_requests_add_get(r, o->work[i]);
                return;
        }
        if (strcmp(kind, "post") == 0) {
                load_requests_add_posts(r, o->work[1]);
                return;
        }
        if (o->n_work != 3)
                bench_fail("%s takes two numbers", kind);
        first = number(o->work[1]);
        n = number(o->work[2]);
        if (strcmp(kind, "lookup") == 0)
                for (uint64_t i = 0; i < n; i++)
                        load_requests_add_lookup(r, first + i);
        else if (strcmp(kind, "retry") == 0)
                for (uint64_t i = 0; i < o->warmup + o->requests; i++)
                        load_requests_add_retry(r, first + i * n, n);
        else
                bench_fail("no such work: %s", kind);
}

static void write_number(struct json_writer *w, const char *name, double value)
{
        json_key(w, name);
        json_double(w, value);
}

static void print(const struct load_result *result, double cpu_s)
{
        const struct meter_latencies *l = &result->latencies;
        struct json_writer w;
        char status[8];
        struct buf out;

        buf_init(&out, SIZE_MAX);
        json_writer_init(&w, &out);
        json_object_open(&w);
        json_key(&w, "statuses");
        json_object_open(&w);
        for (size_t i = 0; i < sizeof result->statuses / sizeof *result->statuses; i++) {
                if (result->statuses[i] == 0)
                        continue;
                snprintf(status, sizeof status, "%zu", i);
                json_key(&w, status);
                json_u64(&w, result->statuses[i]);
        }
        json_object_close(&w);
        write_number(&w, "requests", (double)l->n);
        write_number(&w, "bytes", (double)result->bytes);
        write_number(&w, "seconds", result->seconds);
        write_number(&w, "server_cpu_s", cpu_s);
        write_number(&w, "mean_us", (double)l->sum_us / (double)l->n);
        write_number(&w, "p50_us", meter_percentile(l, 0.5));
        write_number(&w, "p99_us", meter_percentile(l, 0.99));
        write_number(&w, "max_us", (double)l->max_us);
        json_object_close(&w);
        printf("%.*s\n", (int)out.len, out.base);
        buf_deinit(&out);
}

static void work(struct load *load, const struct options *o, const struct load_requests *requests,
                 size_t first, size_t count, struct load_result *ret)
{
        if (o->pace > 0)
                load_pace(load, requests, first, count, (double)o->pace, ret);
        else
                load_run(load, requests, first, count, ret);
}

int main(int argc, char **argv)
{
        static struct load_result result;
        struct load_requests requests;
        struct options options;
        struct load *load;
        double cpu_s = 0;

        parse(&options, argc, argv);
        make_requests(&options, &requests);
        load = load_new(options.host, options.port, options.connections);
        if (options.warmup > 0)
                work(load, &options, &requests, 0, options.warmup, &result);
        if (options.pid != 0)
                cpu_s = meter_cpu_s(options.pid);
        work(load, &options, &requests, options.warmup % requests.n, options.requests, &result);
        if (options.pid != 0)
                cpu_s = meter_cpu_s(options.pid) - cpu_s;
        print(&result, cpu_s);
        load_free(load);
        load_requests_deinit(&requests);
        return 0;
}
