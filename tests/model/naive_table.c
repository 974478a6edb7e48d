/* SPDX-License-Identifier: Apache-2.0 */
#include "naive_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define TEXTS      20000
#define TEXT_BYTES 260

struct naive naive[NAIVE_ENTRIES];
bool naive_parked[LIMIT_PARTITIONS];
struct shape shape;
static bool shadowed[LIMIT_PARTITIONS];
static int64_t next_offset[LIMIT_PARTITIONS];
static uint64_t random_state;

void naive_init(const struct shape *s, uint64_t seed)
{
        shape = *s;
        random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        memset(naive, 0, sizeof naive);
        memset(naive_parked, 0, sizeof naive_parked);
        memset(shadowed, 0, sizeof shadowed);
        memset(next_offset, 0, sizeof next_offset);
}

uint64_t draw(uint64_t n)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % n;
}

/* TEXTS: made once each, by kind and number. */

enum kind { KIND_SITE, KIND_KEY, KIND_VERSION, KIND_ERROR_CODE, KIND_ROLE, KINDS };

static void make_version(char *text, int i)
{
        unsigned number = (unsigned)i * 2654435761u;

        switch (i % 8) {
        case 0:
                text[0] = '\0';
                break;
        case 1:
                snprintf(text, TEXT_BYTES, "null");
                break;
        case 2:
                snprintf(text, TEXT_BYTES, "%08x%08x%08x", number, ~number, number * 3);
                break;
        case 3:
                snprintf(text, TEXT_BYTES, "%08x%07x", number, number >> 4);
                break;
        case 4:
                snprintf(text, TEXT_BYTES, "%08X", number | 0xa0u);
                break;
        case 5:
                snprintf(text, TEXT_BYTES, "%08x%06x", number, number >> 8);
                break;
        case 6:
                snprintf(text, TEXT_BYTES, "%08x-%08x.g", number, ~number);
                break;
        default:
                snprintf(text, TEXT_BYTES, "a\\%04x", number >> 16);
                break;
        }
}

static void make_text(char *text, enum kind kind, int i)
{
        switch (kind) {
        case KIND_SITE:
                snprintf(text, TEXT_BYTES, i % 13 == 5 ? "site \"%d\"" : "site-%d", i);
                break;
        case KIND_KEY:
                snprintf(text, TEXT_BYTES, i % 7 == 3 ? "k\te\"y\\%0*d" : "key/%0*d",
                         i % 11 == 1 ? 200 : i % 5, i);
                break;
        case KIND_VERSION:
                make_version(text, i);
                break;
        case KIND_ERROR_CODE:
                snprintf(text, TEXT_BYTES, i % 17 == 4 ? "Error\n%d" : "Error%d", i);
                break;
        case KIND_ROLE:
                snprintf(text, TEXT_BYTES, "arn:aws:iam::%d:role/crr", i);
                break;
        case KINDS:
                abort();
        }
}

static struct str text_of(enum kind kind, int i)
{
        static char *texts[KINDS][TEXTS];

        if (texts[kind][i] == NULL) {
                texts[kind][i] = malloc(TEXT_BYTES);
                if (texts[kind][i] == NULL)
                        abort();
                make_text(texts[kind][i], kind, i);
        }
        return str_from(texts[kind][i]);
}

/* FAILURES */

struct identity naive_identity(int site, int key)
{
        static const char *const buckets[] = { "bucket", "b", "photos", "a\"b", "backup-2026" };

        return (struct identity){
                .bucket = str_from(buckets[key % 5]),
                .key = text_of(KIND_KEY, key / 3),
                .version_id = text_of(KIND_VERSION, key % 3 * 1000 + key),
                .site = text_of(KIND_SITE, site),
        };
}

struct failure naive_failure(const struct naive *n)
{
        struct failure f = n->facts;

        f.id = naive_identity(n->site, n->key);
        f.error_code = n->error_code >= 0 ? text_of(KIND_ERROR_CODE, n->error_code) : STR_ABSENT;
        f.role = n->role >= 0 ? text_of(KIND_ROLE, n->role) : STR_ABSENT;
        return f;
}

static int64_t draw_size(void)
{
        static const int64_t odd[] = { -1, 0, (INT64_C(1) << 40) - 1, (INT64_C(1) << 40) - 2,
                                       INT64_MAX };

        return draw(3) == 0 ? odd[draw(5)] : (int64_t)draw(UINT64_C(1) << 31);
}

static int64_t draw_time(void)
{
        static const int64_t odd[] = { TIME_UNKNOWN,
                                       0,
                                       1136073600000 - 1,
                                       1136073600000,
                                       1136073600000 + (INT64_C(1) << 40) - 2,
                                       1136073600000 + (INT64_C(1) << 40) - 1,
                                       253402300799999 };

        return draw(4) == 0 ? odd[draw(7)] : INT64_C(1780000000000) + (int64_t)draw(1000000000);
}

static int64_t draw_timestamp(int64_t failed_at_ms)
{
        static const int64_t near[] = {
                0, 1, -1, INT16_MAX, INT16_MIN, INT16_MAX + 1, INT16_MIN - 1
        };

        if (draw(5) == 0)
                return INT64_C(1780000000000);
        if (draw(3) == 0 || failed_at_ms == TIME_UNKNOWN)
                return draw_time();
        return failed_at_ms + near[draw(7)];
}

void naive_draw_facts(struct naive *n)
{
        static const int32_t attempts[] = { -1, 0, 1, 254, 255, 65535, INT32_MAX };
        struct failure *f = &n->facts;

        n->error_code = draw(4) == 0 ? -1 : (int)draw(draw(3) == 0 ? 600 : 5);
        n->role = draw(3) == 0 ? (int)draw(9) : -1;
        *f = (struct failure){
                .state = draw(3) == 0 ? FAILURE_PENDING : FAILURE_FAILED,
                .size = draw_size(),
                .last_modified_ms = draw_time(),
                .failed_at_ms = draw_time(),
                .attempts = attempts[draw(7)],
                .retried_at_ms = draw_time(),
                .partition = f->partition,
                .offset = f->offset,
                .unsettled = draw(5) == 0,
                .foreign_key = draw(5) == 0,
                .repeated = draw(5) == 0,
                .superseded = draw(5) == 0,
                .covered_to = draw(9) == 0 ? (int64_t)draw(UINT64_C(1) << 31) << draw(12) : 0,
                .spelling = draw(9) == 0 ? (uint16_t)draw(UINT16_MAX + 1) : 0,
        };
        f->timestamp_ms = draw_timestamp(f->failed_at_ms);
        f->entry_offset = draw(2) == 0 ? -1 : draw(3) == 0 ? (int64_t)draw(100) : f->offset;
        f->entry_partition = f->entry_offset < 0 || draw(4) > 0 ? f->partition : (int)draw(1000);
        if (draw(3) == 0)
                memset(f->retry_id.bytes, 1 + (int)draw(200), sizeof f->retry_id.bytes);
}

static bool is_taken(int partition, int64_t offset)
{
        for (int i = 0; i < NAIVE_ENTRIES; i++)
                if (naive[i].is_used && naive[i].facts.partition == partition &&
                    naive[i].facts.offset == offset)
                        return true;
        return false;
}

/* Behind all others mostly; now and then before them, where a replay may put one. */
bool naive_draw_place(struct naive *n)
{
        int partition = (int)draw((uint64_t)shape.partitions);
        int64_t end = next_offset[partition], offset = end + (int64_t)draw((uint64_t)shape.stride);

        if (naive_parked[partition])
                return false;
        if (draw(12) == 0 && end > 0)
                offset = (int64_t)(draw(UINT64_C(1) << 31) * UINT64_C(0x9e3779b1) % (uint64_t)end);
        while (is_taken(partition, offset))
                offset++;
        if (offset >= end)
                next_offset[partition] = offset + 1;
        n->facts.partition = partition;
        n->facts.offset = offset;
        return true;
}

/* COMPARING */

static bool has_escapes(struct str s)
{
        for (size_t i = 0; i < s.len; i++)
                if ((unsigned char)s.base[i] < 0x20 || s.base[i] == '"' || s.base[i] == '\\')
                        return true;
        return false;
}

static bool is_same_str(struct str a, struct str b)
{
        return (a.base == NULL) == (b.base == NULL) && (a.base == NULL || str_eq(a, b));
}

void naive_check_same(const struct naive *n, const struct failure *f)
{
        struct failure want = naive_failure(n);
        bool is_retried = want.state == FAILURE_PENDING || !uuid_is_nil(&want.retry_id);

        CHECK(identity_eq(&f->id, &want.id));
        CHECK(is_same_str(f->error_code, want.error_code));
        CHECK(is_same_str(f->role, want.role));
        CHECK_INT(f->state, want.state);
        CHECK_INT(f->size, want.size);
        CHECK_INT(f->last_modified_ms, want.last_modified_ms);
        CHECK_INT(f->failed_at_ms, want.failed_at_ms);
        CHECK_INT(f->attempts, want.attempts);
        CHECK(uuid_eq(&f->retry_id, &want.retry_id));
        CHECK_INT(f->retried_at_ms, is_retried ? want.retried_at_ms : TIME_UNKNOWN);
        CHECK_INT(f->partition, want.partition);
        CHECK_INT(f->offset, want.offset);
        CHECK_INT(f->timestamp_ms, want.timestamp_ms);
        CHECK_INT(f->entry_offset, want.entry_offset);
        CHECK_INT(f->entry_partition,
                  want.entry_offset < 0 ? want.partition : want.entry_partition);
        CHECK_INT(f->covered_to, want.covered_to);
        CHECK_INT(f->spelling, want.spelling);
        CHECK_INT(f->unsettled, want.unsettled);
        CHECK_INT(f->foreign_key, want.foreign_key);
        CHECK_INT(f->repeated, want.repeated);
        CHECK_INT(f->superseded, want.superseded);
        CHECK_INT(f->json_plain, !has_escapes(want.id.bucket) && !has_escapes(want.id.key) &&
                                         !has_escapes(want.id.version_id) &&
                                         !has_escapes(want.id.site) &&
                                         !has_escapes(want.error_code) && !has_escapes(want.role));
}

/* THE ARRAY */

bool naive_is_shown(const struct naive *n)
{
        return n->is_used && !naive_parked[n->facts.partition];
}

struct naive *naive_find(int site, int key)
{
        for (int i = 0; i < NAIVE_ENTRIES; i++)
                if (naive_is_shown(&naive[i]) && naive[i].site == site && naive[i].key == key)
                        return &naive[i];
        return NULL;
}

struct naive *naive_free_slot(void)
{
        for (int i = 0; i < NAIVE_ENTRIES; i++)
                if (!naive[i].is_used)
                        return &naive[i];
        return NULL;
}

static uint64_t marker_of_naive(const struct naive *n)
{
        return marker_of(n->facts.partition, n->facts.offset);
}

/* The next row of a page: the least position at or after `from`. */
const struct naive *naive_next(const struct failure_page *page, int site, uint64_t from)
{
        const struct naive *best = NULL;

        for (int i = 0; i < NAIVE_ENTRIES; i++) {
                const struct naive *n = &naive[i];

                if (!naive_is_shown(n) || n->facts.state != page->state ||
                    (site >= 0 && n->site != site) || marker_of_naive(n) < from ||
                    (page->partitions != NULL &&
                     !partition_set_has(page->partitions, n->facts.partition)))
                        continue;
                if (best == NULL || marker_of_naive(n) < marker_of_naive(best))
                        best = n;
        }
        return best;
}

/* The first of its site in its partition tells how old the failures there are. */
static bool is_first(const struct naive *n)
{
        for (int i = 0; i < NAIVE_ENTRIES; i++)
                if (naive_is_shown(&naive[i]) && naive[i].facts.state == FAILURE_FAILED &&
                    naive[i].site == n->site && naive[i].facts.partition == n->facts.partition &&
                    naive[i].facts.offset < n->facts.offset)
                        return false;
        return true;
}

static void add_failed(struct failure_counts *sums, const struct naive *n)
{
        int64_t ms = n->facts.failed_at_ms;

        sums->failed++;
        if (n->facts.size > 0)
                sums->failed_bytes += (uint64_t)n->facts.size;
        if (ms != TIME_UNKNOWN && is_first(n) &&
            (sums->oldest_failed_ms == TIME_UNKNOWN || ms < sums->oldest_failed_ms))
                sums->oldest_failed_ms = ms;
}

struct failure_counts naive_counts(int site, int partition)
{
        struct failure_counts sums = { .oldest_failed_ms = TIME_UNKNOWN };

        for (int i = 0; i < NAIVE_ENTRIES; i++) {
                const struct naive *n = &naive[i];

                if (!naive_is_shown(n) || (site >= 0 && n->site != site) ||
                    (partition >= 0 && n->facts.partition != partition))
                        continue;
                if (n->facts.state == FAILURE_FAILED)
                        add_failed(&sums, n);
                else
                        sums.pending++;
        }
        return sums;
}

void naive_drop(int partition)
{
        for (int i = 0; i < NAIVE_ENTRIES; i++)
                if (naive[i].facts.partition == partition)
                        naive[i].is_used = false;
        naive_parked[partition] = shadowed[partition] = false;
        next_offset[partition] = 0;
}

void naive_note_shadows(const struct naive *n)
{
        for (int i = 0; i < NAIVE_ENTRIES; i++)
                if (naive[i].is_used && naive[i].site == n->site && naive[i].key == n->key &&
                    naive_parked[naive[i].facts.partition])
                        shadowed[naive[i].facts.partition] = true;
}

bool naive_unpark(int partition)
{
        if (!naive_parked[partition] || shadowed[partition])
                return false;
        naive_parked[partition] = false;
        return true;
}
