/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/log.h"
#include "source_trouble.h"

#define START_MS INT64_C(1000000)

static struct buf said; /* the log since the last look */

static void keep_line(void *data, struct str line)
{
        (void)data;
        buf_append_str(&said, line);
}

/* What was said since the last time: so many lines, the last of which has these words. */
static void check_said(unsigned lines, const char *words)
{
        unsigned n = 0;

        buf_append_char(&said, '\0');
        for (const char *c = said.base; *c != '\0'; c++)
                n += *c == '\n';
        CHECK_INT(n, lines);
        if (lines > 0)
                CHECK(strstr(said.base, words) != NULL);
        buf_clear(&said);
}

static void refuse(struct source_trouble *t, const char *bucket, int64_t now_ms)
{
        struct source_call call = { .bucket = str_from(bucket) };

        error_set(&call.err, ERR_UNAVAILABLE, "there is no %s", bucket);
        source_trouble_on_refusal(t, &call, "no_bucket", now_ms);
}

static void a_refusal_is_said_at_once_and_then_once_a_minute(void)
{
        struct source_trouble t = { .url = "http://store" };

        refuse(&t, "photos", START_MS);
        check_said(1, "event=source_refused source=http://store bucket=photos outcome=no_bucket "
                      "n=1 msg=\"there is no photos\"");
        for (int i = 0; i < 1000; i++)
                refuse(&t, "photos", START_MS + LOG_SELDOM_MS - 1);
        check_said(0, NULL);
        refuse(&t, "films", START_MS + LOG_SELDOM_MS);
        check_said(1, "bucket=films outcome=no_bucket n=1001");
}

static void that_it_is_down_and_back_is_said_once_each(void)
{
        static const struct breaker_rules rules = { 2, 0, 1000, 1000 };
        struct source_trouble t = { .url = "http://store", .last.message = "refused" };
        struct breaker b;

        breaker_init(&b, &rules);
        source_trouble_on_breaker(&t, &b);
        check_said(0, NULL);
        for (int i = 0; i < 2; i++)
                breaker_on_failure(&b, START_MS);
        for (int i = 0; i < 2; i++)
                source_trouble_on_breaker(&t, &b);
        check_said(1, "event=source_down source=http://store failures=2");
        breaker_on_answer(&b);
        for (int i = 0; i < 2; i++)
                source_trouble_on_breaker(&t, &b);
        check_said(1, "event=source_up source=http://store");
}

int main(void)
{
        buf_init(&said, SIZE_MAX);
        log_sink(keep_line, NULL);
        RUN(a_refusal_is_said_at_once_and_then_once_a_minute);
        RUN(that_it_is_down_and_back_is_said_once_each);
        buf_deinit(&said);
        return 0;
}
