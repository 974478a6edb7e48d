/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "check.h"
#include "child.h"
#include "crr/base/limits.h"
#include "partition.h"

/*
 * A life is a line of words, done one after the other:
 *
 *   restore leave hold resume        the calls of the same name
 *   stable unstable unanswered       what the barrier's question is answered
 *   hw=N  pos=N                      a high watermark (-1: it could not be asked), a position
 *   wish                             partition_want_watermark()
 *   tick  +MS                        a tick now, or so many ms later
 *
 * and what must be so at that point:
 *
 *   asks-stable asks-hw asks-both asks-nothing    since the last of these words
 *   absent restoring ready full      the state
 *   becomes-ready                    the last tick said so
 *   at=N target=N
 *   replays open-transaction memory waits-for-nothing
 *   granted wishing                  the last wish
 *   behind up-to-date  stuck moving  kept free
 */
static struct partition p;
static struct group group;
static unsigned stable_asked, hw_asked;
static int64_t now;
static bool became_ready;
static uint64_t ticket;

static void query_stable(struct group *self, int partition)
{
        CHECK(self == &group && partition == p.id);
        stable_asked++;
}

static void query_high_watermark(struct group *self, int partition)
{
        CHECK(self == &group && partition == p.id);
        hw_asked++;
}

static bool asked(unsigned stable, unsigned hw)
{
        bool as_wanted = stable_asked == stable && hw_asked == hw;

        stable_asked = hw_asked = 0;
        return as_wanted;
}

static bool waits_for(const char *what)
{
        const char *reason = partition_waits_for(&p);

        return what == NULL || reason == NULL ? what == reason : strcmp(what, reason) == 0;
}

static void tick(int64_t later)
{
        now += later;
        became_ready = partition_tick(&p, &group, now);
}

static bool call(const char *word)
{
        if (strcmp(word, "restore") == 0)
                partition_restore(&p, 0, now);
        else if (strcmp(word, "leave") == 0)
                partition_leave(&p);
        else if (strcmp(word, "hold") == 0)
                partition_hold(&p, SHORT_OF_MEMORY, now);
        else if (strcmp(word, "resume") == 0)
                partition_resume(&p, now);
        else if (strcmp(word, "stable") == 0)
                partition_on_stable(&p, MEMBER_STABLE, now);
        else if (strcmp(word, "unstable") == 0)
                partition_on_stable(&p, MEMBER_UNSTABLE, now);
        else if (strcmp(word, "unanswered") == 0)
                partition_on_stable(&p, MEMBER_STABLE_UNKNOWN, now);
        else if (strncmp(word, "hw=", 3) == 0)
                partition_on_watermark(&p, strtoll(word + 3, NULL, 10), now);
        else if (strncmp(word, "pos=", 4) == 0)
                partition_advance(&p, strtoll(word + 4, NULL, 10));
        else if (strcmp(word, "wish") == 0)
                ticket = partition_want_watermark(&p);
        else if (strcmp(word, "tick") == 0)
                tick(0);
        else if (word[0] == '+')
                tick(strtoll(word + 1, NULL, 10));
        else
                return false;
        return true;
}

static bool is_so(const char *word)
{
        if (strcmp(word, "asks-stable") == 0)
                return asked(1, 0);
        if (strcmp(word, "asks-hw") == 0)
                return asked(0, 1);
        if (strcmp(word, "asks-both") == 0)
                return asked(1, 1);
        if (strcmp(word, "asks-nothing") == 0)
                return asked(0, 0);
        if (strcmp(word, "becomes-ready") == 0)
                return became_ready && partition_is_ready(&p);
        if (strncmp(word, "at=", 3) == 0)
                return p.position == strtoll(word + 3, NULL, 10);
        if (strncmp(word, "target=", 7) == 0)
                return p.target == strtoll(word + 7, NULL, 10);
        if (strcmp(word, "replays") == 0)
                return waits_for("replay");
        if (strcmp(word, "open-transaction") == 0)
                return waits_for("open transaction");
        if (strcmp(word, "memory") == 0)
                return waits_for("memory");
        if (strcmp(word, "waits-for-nothing") == 0)
                return waits_for(NULL);
        if (strcmp(word, "granted") == 0 || strcmp(word, "wishing") == 0)
                return (p.watermark_granted >= ticket) == (word[0] == 'g');
        if (strcmp(word, "behind") == 0 || strcmp(word, "up-to-date") == 0)
                return partition_is_behind(&p, now) == (word[0] == 'b');
        if (strcmp(word, "stuck") == 0 || strcmp(word, "moving") == 0)
                return partition_is_stuck(&p, now) == (word[0] == 's');
        if (strcmp(word, "kept") == 0 || strcmp(word, "free") == 0)
                return partition_is_kept(&p, now) == (word[0] == 'k');
        return strcmp(word, partition_state_text(partition_state(&p))) == 0;
}

static void live(const char *words)
{
        char copy[1000], *rest = copy, *word;

        CHECK(strlen(words) < sizeof copy);
        snprintf(copy, sizeof copy, "%s", words);
        group = (struct group){ .query_stable = query_stable,
                                .query_high_watermark = query_high_watermark };
        stable_asked = hw_asked = 0;
        now = 1000000;
        became_ready = false;
        partition_init(&p, 3);
        while ((word = strsep(&rest, " ")) != NULL)
                if (*word != '\0' && !call(word) && !is_so(word))
                        check_fail(__FILE__, __LINE__, words, word);
}

#define TO_READY "restore tick stable tick hw=5 pos=5 tick becomes-ready asks-both "

struct life {
        const char *name, *words;
};

static void live_all(const struct life *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                printf("  %s\n", rows[i].name);
                live(rows[i].words);
        }
}
#define LIVE_ALL(rows) live_all((rows), sizeof(rows) / sizeof *(rows))

static void it_is_ready_when_it_has_what_stood_there_after_the_barrier(void)
{
        static const struct life rows[] = {
                { "nothing is asked for a partition that is not ours",
                  "absent tick +10000 asks-nothing absent waits-for-nothing" },
                { "barrier, watermark, position",
                  "restore restoring replays tick asks-stable tick asks-nothing target=-1 stable "
                  "tick asks-hw tick asks-nothing hw=3 target=3 tick restoring pos=2 tick "
                  "restoring replays pos=3 tick becomes-ready ready waits-for-nothing" },
                { "the records may be there before the answers",
                  "restore pos=9 tick stable tick hw=7 tick becomes-ready at=9" },
                { "an empty partition", "restore tick stable tick hw=0 tick becomes-ready at=0" },
                { "it is said once", TO_READY "tick ready +20 ready asks-nothing" },
                { "an open transaction is asked for again, and not too soon",
                  "restore tick asks-stable unstable open-transaction tick +99 asks-nothing +1 "
                  "asks-stable unstable +100 asks-stable stable replays tick asks-hw" },
                { "a question that could not be asked likewise",
                  "restore tick asks-stable unanswered replays +99 asks-nothing +1 asks-stable "
                  "stable tick asks-hw" },
                { "a watermark that could not be asked likewise",
                  "restore tick stable tick asks-both hw=-1 tick target=-1 +99 asks-nothing +1 "
                  "asks-hw hw=-1 +100 asks-hw hw=4 target=4 pos=4 tick becomes-ready" },
                { "a watermark that was asked for before the barrier is no target",
                  "restore wish tick asks-both stable hw=2 granted pos=2 target=-1 tick restoring "
                  "asks-hw hw=6 target=6 tick restoring pos=6 tick becomes-ready" },
                { "a later watermark does not move the target",
                  "restore tick stable tick asks-both hw=4 wish tick asks-hw hw=9 target=4 pos=4 tick "
                  "becomes-ready" },
                { "a position never goes back", "restore pos=5 pos=3 at=5 pos=6 at=6" },
        };

        LIVE_ALL(rows);
}

static void answers_of_an_earlier_life_are_dropped(void)
{
        static const struct life rows[] = {
                { "a barrier, over a restart",
                  "restore tick asks-stable restore tick asks-nothing stable tick target=-1 "
                  "asks-stable stable tick asks-hw hw=1 target=1" },
                { "a barrier, over a loss",
                  "restore tick asks-stable leave restore stable tick asks-stable unstable "
                  "open-transaction" },
                { "an open transaction, over a restart",
                  "restore tick asks-stable unstable open-transaction restore replays tick asks-stable" },
                { "a watermark, over a restart",
                  "restore tick stable tick asks-both restore tick asks-stable hw=9 stable tick "
                  "target=-1 asks-nothing +100 asks-hw hw=2 target=2" },
                { "a watermark, over a loss",
                  "restore tick stable tick leave hw=9 absent restore target=-1" },
                { "a target, over a restart",
                  "restore tick stable tick hw=3 target=3 restore target=-1 pos=3 tick restoring" },
                { "a position, over a restart", "restore pos=7 restore at=0" },
                { "a barrier that comes when it has left",
                  "restore tick asks-stable leave stable absent tick asks-nothing" },
                { "a barrier that comes when it is held back",
                  "restore tick asks-stable hold stable full tick asks-nothing resume tick "
                  "asks-stable" },
                { "one old answer spoils only one question",
                  "restore tick asks-stable restore restore stable tick asks-stable stable tick asks-hw hw=0 "
                  "tick becomes-ready" },
        };

        LIVE_ALL(rows);
}

static void it_is_restored_again_and_held_back(void)
{
        static const struct life rows[] = {
                { "reset", TO_READY "restore restoring at=0 target=-1 tick asks-stable" },
                { "revoked", TO_READY "leave absent waits-for-nothing tick asks-nothing" },
                { "held back while it is restored",
                  "restore tick pos=4 hold full memory tick +1000 asks-stable at=4" },
                { "held back when it was ready", TO_READY "hold full memory at=5" },
                { "held back, and what is missing is told",
                  "restore tick stable tick hw=9 pos=4 target=9 hold full target=9 resume "
                  "target=-1" },
                { "it goes on at its position, from a new barrier on",
                  TO_READY "hold resume restoring replays at=5 target=-1 tick asks-stable stable "
                           "tick asks-hw hw=8 tick restoring pos=8 tick becomes-ready" },
                { "held back and lost", TO_READY "hold leave absent" },
                { "held back and reset", TO_READY "hold restore restoring at=0" },
                { "lost twice", TO_READY "leave leave absent" },
        };

        LIVE_ALL(rows);
}

static void a_wish_is_granted_by_a_question_that_was_asked_after_it(void)
{
        static const struct life rows[] = {
                { "at once", TO_READY "wish wishing tick asks-hw hw=7 granted" },
                { "not by the question that was out",
                  TO_READY "+10000 asks-hw wish hw=6 wishing tick asks-hw hw=6 granted" },
                { "two wishes, one question", TO_READY "wish wish tick asks-hw hw=6 granted" },
                { "not by a failure", TO_READY "wish tick asks-hw hw=-1 wishing +100 asks-hw "
                                               "wishing hw=6 granted" },
                { "not by an answer about an earlier life",
                  TO_READY "wish tick asks-hw restore hw=6 wishing +100 asks-both hw=6 granted" },
        };

        LIVE_ALL(rows);
}

static void a_ready_one_looks_at_the_watermark_and_tells_when_it_is_behind(void)
{
        static const struct life rows[] = {
                { "every ten seconds",
                  TO_READY "+9999 asks-nothing +1 asks-hw +10000 asks-nothing hw=5 +9999 "
                           "asks-nothing +1 asks-hw" },
                { "behind after thirty seconds", TO_READY "wish tick hw=9 up-to-date +29999 "
                                                          "up-to-date +1 behind" },
                { "until the watermark is reached",
                  TO_READY "wish tick hw=9 +30000 behind pos=8 behind pos=9 up-to-date" },
                { "newer watermarks do not give time",
                  TO_READY "wish tick hw=9 +20000 hw=90 +9999 up-to-date +1 behind" },
                { "what is reached in time begins anew",
                  TO_READY "wish tick hw=9 +20000 pos=9 hw=99 +29999 up-to-date +1 behind" },
                { "not while it is restored", "restore tick stable tick hw=9 +60000 up-to-date" },
                { "nothing of an earlier life",
                  TO_READY "wish tick hw=9 +30000 behind restore up-to-date" },
        };

        LIVE_ALL(rows);
}

static void it_is_kept_when_its_offsets_are_not_stable(void)
{
        static const struct life rows[] = {
                { "for three seconds", "restore tick free unstable free +2999 free +1 kept" },
                { "records that come meanwhile are no end of it",
                  "restore tick unstable +2900 pos=3 +100 kept" },
                { "they became stable", "restore tick unstable +2900 tick stable +60000 free" },
                { "it is not known any more",
                  "restore tick unstable +2900 tick unanswered +60000 free" },
                { "not of an earlier life", "restore tick unstable +60000 restore free" },
        };

        LIVE_ALL(rows);
}

static void it_is_stuck_when_more_is_to_come_and_nothing_comes(void)
{
        static const struct life rows[] = {
                { "below its target for three seconds",
                  "restore tick stable tick hw=5 pos=3 moving +2999 moving +1 stuck" },
                { "that is said every ten seconds at most",
                  "restore tick stable tick hw=5 moving +3000 stuck +20 moving +9979 moving +1 "
                  "stuck" },
                { "it then waits for an open transaction until it moves",
                  "restore tick stable tick hw=5 replays moving +3000 stuck open-transaction pos=2 "
                  "replays" },
                { "a record gives it three seconds more",
                  "restore tick stable tick hw=5 moving +2900 pos=3 moving +2999 moving +1 stuck" },
                { "then more and more seldom",
                  "restore tick stable tick hw=5 moving +3000 stuck +10000 stuck +19999 moving +1 "
                  "stuck +39999 moving +1 stuck" },
                { "that ends when it moves",
                  "restore tick stable tick hw=5 moving +3000 stuck +10000 stuck pos=3 moving "
                  "+10000 stuck +9999 moving +1 stuck" },
                { "while its offsets are not stable nothing is expected",
                  "restore tick unstable moving +60000 moving" },
                { "at its target nothing is expected",
                  "restore tick stable tick hw=0 moving +60000 moving" },
                { "when it is ready, below the watermark",
                  TO_READY "moving wish tick hw=9 moving +2999 moving +1 stuck" },
                { "when it is ready and has everything", TO_READY "moving +60000 moving" },
                { "not when it is held back",
                  "restore tick stable tick hw=5 moving hold +60000 moving" },
                { "the time of an earlier life does not count",
                  "restore tick stable tick hw=5 moving +2900 restore tick stable tick hw=5 moving "
                  "+2900 moving" },
        };

        LIVE_ALL(rows);
}

static void a_new_life_begins_its_walks_at_the_beginning(void)
{
        live(TO_READY);
        for (int state = 0; state < FAILURE_STATES; state++) {
                CHECK_INT(p.settle_cursor[state], marker_of(3, 0));
                p.settle_cursor[state] = UINT64_MAX;
        }
        p.expiry_cursor = marker_of(3, 7);
        p.records = 7;
        partition_restore(&p, 0, now);
        for (int state = 0; state < FAILURE_STATES; state++)
                CHECK_INT(p.settle_cursor[state], marker_of(3, 0));
        CHECK(p.expiry_cursor == UINT64_MAX);
        CHECK_INT(p.expiry_due_ms, now);
        CHECK_INT(p.records, 0);
        CHECK_INT(p.since_ms, now);
}

static void do_words(void *words)
{
        live(words);
}

static void a_move_that_cannot_be_ends_the_process(void)
{
        static const char *const words[] = {
                "hold",
                "restore hold hold",
                "restore leave hold",
        };
        char said[4096];

        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                CHECK(child_aborts(do_words, (void *)words[i], said, sizeof said));
                CHECK(strstr(said, "illegal move of partition 3: ") != NULL);
        }
}

int main(void)
{
        RUN(it_is_ready_when_it_has_what_stood_there_after_the_barrier);
        RUN(answers_of_an_earlier_life_are_dropped);
        RUN(it_is_restored_again_and_held_back);
        RUN(a_wish_is_granted_by_a_question_that_was_asked_after_it);
        RUN(a_ready_one_looks_at_the_watermark_and_tells_when_it_is_behind);
        RUN(it_is_kept_when_its_offsets_are_not_stable);
        RUN(it_is_stuck_when_more_is_to_come_and_nothing_comes);
        RUN(a_new_life_begins_its_walks_at_the_beginning);
        RUN(a_move_that_cannot_be_ends_the_process);
        return 0;
}
