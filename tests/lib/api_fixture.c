/* SPDX-License-Identifier: Apache-2.0 */
#include "api_fixture.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

#define MAX_TURNS 10000

static void on_ready(void *data, struct api_ready *ret)
{
        struct api_fixture *f = data;

        *ret = f->ready;
}

static void on_replication(void *data, struct api_replication *ret)
{
        struct api_fixture *f = data;

        *ret = f->replication;
}

static void on_collect(void *data)
{
        struct api_fixture *f = data;

        f->collected++;
}

void api_fixture_init(struct api_fixture *f)
{
        const struct api_config config = { .max_elements = MAX_ELEMENTS };
        const struct api_health health = { f, on_ready, on_replication, on_collect };

        *f = (struct api_fixture){
                .ready = { .ready = true, .state = "ready" },
                .replication = { .topic = "backbeat-replication", .producer_ok = true },
        };
        f->door = fake_door_new(6);
        f->metrics = metrics_new(200);
        f->api = api_new(&config, f->door, f->metrics, &health);
}

void api_fixture_deinit(struct api_fixture *f)
{
        api_free(f->api);
        metrics_free(f->metrics);
        retry_service_free(f->door);
}

void api_run(struct api_fixture *f, struct fake_exchange *x)
{
        x->app_data = f->api;
        x->on_answered = api_on_answered;
        api_on_request(f->api, x->req);
        for (f->turns = 0; !x->answered; f->turns++) {
                CHECK(f->turns < MAX_TURNS);
                api_work(f->api);
                retry_service_work(f->door);
        }
}

struct fake_exchange *api_call(struct api_fixture *f, const char *method, const char *target,
                               const char *body)
{
        struct fake_exchange *x = fake_http_new(method, target, body);

        api_run(f, x);
        return x;
}

void api_expect(struct api_fixture *f, const char *method, const char *target, const char *body,
                int status, const char *what)
{
        struct fake_exchange *x = api_call(f, method, target, body);

        if (x->status != status || (what != NULL && strcmp(x->answer, what) != 0))
                fprintf(stderr, "%s %s\n%d %s\n", method, target, x->status, x->answer);
        CHECK_INT(x->status, status);
        if (what != NULL)
                CHECK_STR(x->answer, what);
        CHECK_STR(x->content_type, "application/json");
        fake_http_free(x);
}

void api_check_error(const struct fake_exchange *x, int status, const char *name, const char *what)
{
        char head[64], tail[64];

        snprintf(head, sizeof head, "{\"code\":%d,\"description\":\"", status);
        snprintf(tail, sizeof tail, "\",\"%s\":true}", name);
        if (x->status != status || strstr(x->answer, what) == NULL)
                fprintf(stderr, "want %d %s, have %d %s\n", status, what, x->status, x->answer);
        CHECK_INT(x->status, status);
        CHECK(strncmp(x->answer, head, strlen(head)) == 0);
        CHECK(x->answer_len > strlen(tail));
        CHECK_STR(x->answer + x->answer_len - strlen(tail), tail);
        CHECK(strstr(x->answer, what) != NULL);
}

void api_expect_error(struct api_fixture *f, const char *method, const char *target,
                      const char *body, int status, const char *name, const char *what)
{
        struct fake_exchange *x = api_call(f, method, target, body);

        api_check_error(x, status, name, what);
        fake_http_free(x);
}
