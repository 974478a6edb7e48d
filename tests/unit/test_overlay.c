/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "check.h"
#include "crr/base/log.h"
#include "world.h"

/*
 * One retry of one failure, from its submit to its end, as a line of words. What happens:
 *
 *   submit                     a request for it; its batch is held
 *   second                     another one
 *   commit abort unknown       the batch is answered so
 *   written                    unknown, and yet it is in the log
 *   write                      its PENDING record is in the log before the answer
 *   other                      the PENDING record of another's retry
 *   newer gone                 a mover's FAILED record, a tombstone
 *   feed starve                the log is read from here on, or not
 *   ready                      the publisher is usable again
 *   blind seeing               high watermarks cannot be asked, and can again
 *   revoke assign
 *   +MS                        time
 *
 * and what must be so then:
 *
 *   listed hidden              the failure, for a listing
 *   waiting 200 503 504        the first request;  2:waiting 2:200 2:503 2:504 the second
 *   skipped                    it was answered without the entry
 *   entries=N  in-flight=N
 */
static struct world w;
static struct world_retry first, second;
static bool has_first, has_second;

static void submit(struct world_retry *r)
{
        world_retry_init(&w, r);
        world_retry_add(r, "b", "k", "v", "aws", false);
        r->req.deadline_ms = w.now_ms + 30000;
        world_retry_submit(&w, r);
}

static void write_pending(const struct uuid *retry_id)
{
        char value[400], id[UUID_TEXT_SIZE];

        uuid_format(retry_id, id);
        snprintf(value, sizeof value,
                 "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"aws\","
                 "\"ReplicationStatus\":\"PENDING\",\"Attempts\":1,\"RetryId\":\"%s\"}",
                 id);
        world_append(&w, 0, STR("b/k?versionId=v&sitename=aws"), value, -1, NULL);
}

static void set_owner(bool ours)
{
        if (ours)
                world_assign(&w, 0);
        else
                world_revoke(&w, 0);
}

static bool request_or_outcome(const char *word)
{
        if (strcmp(word, "submit") == 0) {
                submit(&first);
                has_first = true;
        } else if (strcmp(word, "second") == 0) {
                submit(&second);
                has_second = true;
        } else if (strcmp(word, "commit") == 0) {
                world_answer(&w, PUBLISH_COMMITTED);
        } else if (strcmp(word, "abort") == 0) {
                world_answer(&w, PUBLISH_ABORTED);
        } else if (strcmp(word, "unknown") == 0) {
                world_answer(&w, PUBLISH_UNKNOWN);
        } else if (strcmp(word, "written") == 0) {
                world_answer_written(&w);
        } else {
                return false;
        }
        return true;
}

static bool happens(const char *word)
{
        if (request_or_outcome(word))
                return true;
        if (strcmp(word, "write") == 0)
                write_pending(&first.req.retry_id);
        else if (strcmp(word, "other") == 0)
                write_pending(&(struct uuid){ { 0xff } });
        else if (strcmp(word, "newer") == 0)
                world_failure(&w, "b", "k", "v", "aws", ",\"Attempts\":7");
        else if (strcmp(word, "gone") == 0)
                world_tombstone(&w, "b", "k", "v", "aws");
        else if (strcmp(word, "feed") == 0 || strcmp(word, "starve") == 0)
                w.feeding = word[0] == 'f';
        else if (strcmp(word, "ready") == 0)
                member_on_publisher_ready(w.member);
        else if (strcmp(word, "blind") == 0 || strcmp(word, "seeing") == 0)
                w.watermark_fails = word[0] == 'b';
        else if (strcmp(word, "revoke") == 0 || strcmp(word, "assign") == 0)
                set_owner(word[0] == 'a');
        else if (word[0] == '+')
                world_advance(&w, strtoll(word + 1, NULL, 10));
        else
                return false;
        world_run(&w);
        return true;
}

static bool answered(const struct world_retry *r, const char *word)
{
        if (strcmp(word, "waiting") == 0)
                return !r->done;
        if (strcmp(word, "skipped") == 0)
                return r->done && !r->failed && r->entries[0].result == RETRY_SKIPPED;
        if (strcmp(word, "200") == 0)
                return r->done && !r->failed && r->entries[0].result == RETRY_PUBLISHED;
        return r->done && r->failed &&
               r->err.code == (strcmp(word, "503") == 0 ? ERR_UNAVAILABLE : ERR_GATEWAY_TIMEOUT);
}

static bool is_so(const char *word)
{
        struct member_status status;

        if (strcmp(word, "listed") == 0 || strcmp(word, "hidden") == 0)
                return world_listed(&w) == (word[0] == 'l');
        if (strncmp(word, "entries=", 8) == 0)
                return w.n_entries == strtoull(word + 8, NULL, 10);
        if (strncmp(word, "in-flight=", 10) == 0) {
                member_status(w.member, &status);
                return status.in_flight == strtoull(word + 10, NULL, 10);
        }
        if (strncmp(word, "2:", 2) == 0)
                return answered(&second, word + 2);
        return answered(&first, word);
}

static void live(const char *words)
{
        char copy[600], *rest = copy, *word;

        CHECK(strlen(words) < sizeof copy);
        snprintf(copy, sizeof copy, "%s", words);
        has_first = has_second = false;
        world_init(&w, 1);
        world_start(&w);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_run(&w);
        w.hold_batches = true;
        while ((word = strsep(&rest, " ")) != NULL)
                if (*word != '\0' && !happens(word) && !is_so(word))
                        check_fail(__FILE__, __LINE__, words, word);
        w.hold_batches = false;
        w.feeding = true;
        world_advance(&w, 60000); /* whatever waits is answered by its deadline */
        CHECK(!has_first || first.done);
        CHECK(!has_second || second.done);
        if (has_first)
                world_retry_deinit(&first);
        if (has_second)
                world_retry_deinit(&second);
        world_deinit(&w);
}

struct life {
        const char *name, *words;
};

static void live_all(const struct life *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                printf("  %s\n", rows[i].name);
                fflush(stdout);
                live(rows[i].words);
        }
}
#define LIVE_ALL(rows) live_all((rows), sizeof(rows) / sizeof *(rows))

static void a_committed_retry_is_hidden_until_the_log_says_so_itself(void)
{
        static const struct life rows[] = {
                { "listed until the commit, hidden from then on",
                  "starve submit listed waiting in-flight=1 commit hidden 200 in-flight=1 feed "
                  "+100 hidden in-flight=0 entries=1" },
                { "its record may be read before the answer",
                  "submit write hidden waiting in-flight=1 commit 200 in-flight=0 hidden" },
                { "it failed again before it was read back",
                  "starve submit commit hidden newer feed +100 listed in-flight=0" },
                { "somebody closed it before it was read back",
                  "starve submit commit gone feed +100 hidden in-flight=0" },
                { "a second request is answered by the first",
                  "starve submit second 2:waiting commit 200 2:200 entries=1" },
                { "so is one that comes between the commit and the log",
                  "starve submit commit second 2:200 entries=1" },
                { "one that comes afterwards finds nothing that failed",
                  "submit commit +100 second 2:skipped entries=1" },
                { "a partition that leaves takes it along, and the log brings it back",
                  "starve submit commit 200 revoke in-flight=0 feed assign +300 commit hidden entries=1" },
        };

        LIVE_ALL(rows);
}

static void an_aborted_retry_was_never_there(void)
{
        static const struct life rows[] = {
                { "three times, and it is listed as before",
                  "submit abort listed waiting abort abort 503 listed in-flight=0 entries=0" },
                { "the third time is good", "submit abort abort commit 200 +100 hidden entries=1" },
                { "whoever joined is answered likewise",
                  "submit second abort abort abort 503 2:503 entries=0" },
                { "it went away meanwhile", "submit gone abort skipped hidden entries=0" },
                { "it failed again meanwhile, and is published as what it is now",
                  "submit newer abort commit 200 entries=1" },
        };

        LIVE_ALL(rows);
}

static void of_an_unknown_outcome_the_log_tells(void)
{
        static const struct life rows[] = {
                { "written: read back, it is answered and hidden",
                  "starve submit written listed waiting feed +20 200 hidden entries=1 in-flight=0" },
                { "not written: known when the publisher is back and the log was read",
                  "starve submit unknown ready +400 503 listed in-flight=0 entries=0" },
                { "not before the publisher is back",
                  "submit unknown +20000 waiting listed in-flight=1 ready +400 503" },
                { "not before a high watermark was read after that",
                  "blind submit unknown ready +5000 waiting seeing +400 503 listed" },
                { "not before the position has passed it",
                  "starve submit unknown newer ready +5000 waiting feed +100 503 listed" },
                { "the first watermark counts, however the log grows",
                  "starve submit unknown newer ready +400 waiting newer feed +100 503" },
                { "read before its answer came", "submit write hidden unknown 200 in-flight=0" },
                { "a second request joins it and is answered with it",
                  "starve submit written second 2:waiting feed +20 200 2:200 entries=1" },
                { "a second request after it was decided publishes it",
                  "submit unknown ready +400 503 second commit 2:200 entries=1" },
                { "a deadline before the log has told",
                  "submit unknown +31000 504 listed in-flight=1 ready +400 in-flight=0" },
                { "a partition that leaves takes the only witness along",
                  "submit unknown revoke 504 in-flight=0" },
                { "and comes back with what it was",
                  "starve submit written revoke 504 in-flight=0 entries=1" },
                { "a newer record of a mover is not ours",
                  "starve submit unknown newer feed +100 waiting listed ready +400 503 listed" },
                { "nor is another's retry, were it the same attempt",
                  "starve submit unknown other feed +100 waiting hidden ready +400 503 hidden" },
                { "unknown, and gone", "starve submit unknown gone feed +100 waiting hidden ready "
                                       "+400 503 hidden" },
        };

        LIVE_ALL(rows);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(a_committed_retry_is_hidden_until_the_log_says_so_itself);
        RUN(an_aborted_retry_was_never_there);
        RUN(of_an_unknown_outcome_the_log_tells);
        return 0;
}
