/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "scenario.h"

void scenario_expect(struct scenario *s, char *rest)
{
        const struct fake_exchange *x = scenario_find(s, scenario_word(&rest));
        const char *status = scenario_word(&rest);
        bool waiting = strcmp(status, "waiting") == 0;

        if (waiting != !x->answered)
                scenario_fail(s, waiting ? "it is answered: %d %s" : "it waits %d%s", x->status,
                              x->answered ? x->answer : "");
        if (waiting)
                return;
        if (x->status != scenario_number(s, status) ||
            (*rest != '\0' && strcmp(x->answer, rest) != 0))
                scenario_fail(s, "the answer is: %d %s", x->status, x->answer);
}

void scenario_expect_text(struct scenario *s, char *rest)
{
        const struct fake_exchange *x = scenario_find(s, scenario_word(&rest));

        if (!x->answered || strstr(x->answer, rest) == NULL)
                scenario_fail(s, "the answer is: %d %s", x->status,
                              x->answered ? x->answer : "none");
}

void scenario_expect_header(struct scenario *s, char *rest)
{
        const struct fake_exchange *x = scenario_find(s, scenario_word(&rest));
        const char *value = fake_http_answer_header(x, scenario_word(&rest));

        if (value == NULL || strcmp(value, rest) != 0)
                scenario_fail(s, "the header is: %s", value != NULL ? value : "not there");
}

/* The Keys in the answer, in order. */
void scenario_expect_keys(struct scenario *s, char *rest)
{
        const struct fake_exchange *x = scenario_find(s, scenario_word(&rest));
        static const char mark[] = "\"Key\":\"";
        const char *at = x->answered ? x->answer : "";

        if (x->status != 200)
                scenario_fail(s, "the answer is: %d %s", x->status, at);
        while ((at = strstr(at, mark)) != NULL) {
                const char *want = scenario_word(&rest);

                at += strlen(mark);
                if (strncmp(at, want, strlen(want)) != 0 || at[strlen(want)] != '"')
                        scenario_fail(s, "want key '%s' in: %s", want, x->answer);
        }
        if (*rest != '\0')
                scenario_fail(s, "no '%s' in: %s", rest, x->answer);
}

void scenario_expect_entries(struct scenario *s, char *rest)
{
        if (s->world.n_entries != (size_t)scenario_number(s, scenario_word(&rest)))
                scenario_fail(s, "retry entries published: %zu", s->world.n_entries);
}

/* A retry entry that was published, the first is 0: its attempt and some of its value. */
void scenario_expect_entry(struct scenario *s, char *rest)
{
        long i = scenario_number(s, scenario_word(&rest));
        const char *attempt = scenario_word(&rest);

        if (i < 0 || (size_t)i >= s->world.n_entries)
                scenario_fail(s, "retry entries published: %zu", s->world.n_entries);
        if (strcmp(s->world.entries[i].attempt, attempt) != 0 ||
            strstr(s->world.entries[i].value, rest) == NULL)
                scenario_fail(s, "the entry is: %s %s", s->world.entries[i].attempt,
                              s->world.entries[i].value);
}

/* The last record of a partition: some of its value, or "-" for a tombstone. */
void scenario_expect_log(struct scenario *s, char *rest)
{
        const struct world_log *log = &s->world.logs[scenario_partition(s, scenario_word(&rest))];
        int64_t i = log->n - 1;
        const char *value;

        while (i >= 0 && log->records[i].key == NULL)
                i--;
        if (i < 0)
                scenario_fail(s, "the partition is empty");
        value = log->records[i].value != NULL ? log->records[i].value : "-";
        if (strcmp(rest, "-") == 0 ? strcmp(value, rest) != 0 : strstr(value, rest) == NULL)
                scenario_fail(s, "the last record is: %s", value);
}
