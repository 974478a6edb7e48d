/* SPDX-License-Identifier: Apache-2.0 */
/* The source of object metadata, and what was said to the status topic. */
#include <string.h>

#include "scenario.h"

static const char *version_of(char **rest)
{
        const char *version = scenario_word(rest);

        return strcmp(version, "current") == 0 ? NULL : version;
}

static void source_tells(struct scenario *s, const char *what, char *rest)
{
        const char *bucket = scenario_word(&rest), *key = scenario_word(&rest);
        const char *version = version_of(&rest);
        struct fake_source *source = s->world.source;
        struct source_call *call;

        if (strcmp(what, "found") == 0) {
                fake_source_found(source, bucket, key, version, rest);
        } else if (strcmp(what, "gone") == 0) {
                fake_source_gone(source, bucket, key, version);
        } else if (strcmp(what, "unavailable") == 0) {
                fake_source_unavailable(source, bucket, key, version, rest);
        } else if (strcmp(what, "answer") == 0) {
                call = fake_source_find(source, bucket, key, version);
                if (call == NULL)
                        scenario_fail(s, "nobody asks for it");
                fake_source_answer(source, call);
        } else {
                scenario_fail(s, "what is '%s'?", what);
        }
}

void scenario_source(struct scenario *s, char *rest)
{
        const char *what = scenario_word(&rest);
        struct fake_source *source = s->world.source;

        if (strcmp(what, "hold") == 0)
                source->holds = true;
        else if (strcmp(what, "ok") == 0)
                source->holds = false;
        else
                source_tells(s, what, rest);
}

void scenario_expect_gets(struct scenario *s, char *rest)
{
        if (s->world.source->gets != (unsigned)scenario_number(s, scenario_word(&rest)))
                scenario_fail(s, "the source was asked %u times", s->world.source->gets);
}

void scenario_expect_statuses(struct scenario *s, char *rest)
{
        if (s->world.n_statuses != (size_t)scenario_number(s, scenario_word(&rest)))
                scenario_fail(s, "status entries published: %zu", s->world.n_statuses);
}

void scenario_expect_status(struct scenario *s, char *rest)
{
        long i = scenario_number(s, scenario_word(&rest));

        if (i < 0 || (size_t)i >= s->world.n_statuses)
                scenario_fail(s, "status entries published: %zu", s->world.n_statuses);
        if (strstr(s->world.statuses[i].value, rest) == NULL)
                scenario_fail(s, "the status entry is: %s", s->world.statuses[i].value);
}
