/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/limits.h"
#include "crr/core/failure.h"

static struct uuid uuid_of(uint8_t byte)
{
        struct uuid u;

        memset(u.bytes, byte, sizeof u.bytes);
        return u;
}

/* What a FAILED record knows that says nothing but who failed. */
static struct failure bare(int partition)
{
        return (struct failure){
                .id = { STR("b"), STR("k"), STR("v"), STR("s") },
                .size = -1,
                .last_modified_ms = TIME_UNKNOWN,
                .failed_at_ms = TIME_UNKNOWN,
                .attempts = -1,
                .retried_at_ms = TIME_UNKNOWN,
                .partition = partition,
                .offset = 20,
                .entry_offset = -1,
        };
}

static struct failure full(int partition)
{
        struct failure f = bare(partition);

        f.size = 5;
        f.last_modified_ms = 1000;
        f.attempts = 3;
        f.role = STR("role");
        f.retry_id = uuid_of(1);
        f.error_code = STR("Code");
        f.offset = f.entry_offset = 10;
        return f;
}

static void a_failed_record_keeps_what_it_lacks(void)
{
        struct failure failed = bare(2), pending = full(2);

        CHECK(failure_merge(&failed, &pending));
        CHECK_INT(failed.size, 5);
        CHECK_INT(failed.last_modified_ms, 1000);
        CHECK_INT(failed.attempts, 3);
        CHECK(str_eq_c(failed.role, "role"));
        CHECK(uuid_eq(&failed.retry_id, &pending.retry_id));
        CHECK_INT(failed.entry_offset, 10);
        CHECK_INT(failed.offset, 20);
        CHECK(failed.error_code.base == NULL); /* of the attempt, not of the object */
        CHECK(failed.failed_at_ms == TIME_UNKNOWN);
        CHECK(!failure_merge(&failed, &pending));
}

static bool is_same(const struct failure *a, const struct failure *b)
{
        return a->size == b->size && a->attempts == b->attempts &&
               a->last_modified_ms == b->last_modified_ms && str_eq(a->role, b->role) &&
               (a->role.base == NULL) == (b->role.base == NULL) &&
               uuid_eq(&a->retry_id, &b->retry_id) && a->entry_offset == b->entry_offset &&
               a->offset == b->offset && a->partition == b->partition &&
               a->failed_at_ms == b->failed_at_ms && str_eq(a->error_code, b->error_code);
}

/* One field at a time: it is kept when it is missing, and never taken over what is there. */
static void each_field_is_kept_by_itself(void)
{
        struct failure pending = full(2);

        for (int field = 0; field < 6; field++) {
                struct failure failed = full(2), want;

                failed.retry_id = uuid_of(9);
                failed.size = 0;
                failed.attempts = 0;
                failed.last_modified_ms = 0;
                failed.role = STR("");
                failed.entry_offset = 20;
                want = failed;
                CHECK(!failure_merge(&failed, &pending));
                CHECK(is_same(&failed, &want));
                switch (field) {
                case 0:
                        failed.size = -1;
                        want.size = 5;
                        break;
                case 1:
                        failed.attempts = -1;
                        want.attempts = 3;
                        break;
                case 2:
                        failed.last_modified_ms = TIME_UNKNOWN;
                        want.last_modified_ms = 1000;
                        break;
                case 3:
                        failed.role = STR_ABSENT;
                        want.role = pending.role;
                        break;
                case 4:
                        failed.retry_id = (struct uuid){ { 0 } };
                        want.retry_id = pending.retry_id;
                        break;
                default:
                        failed.entry_offset = -1;
                        want.entry_offset = 10;
                        break;
                }
                CHECK(failure_merge(&failed, &pending));
                CHECK(is_same(&failed, &want));
        }
}

static void nothing_is_kept_of_what_the_other_does_not_know(void)
{
        struct failure failed = bare(2), pending = bare(2);

        CHECK(!failure_merge(&failed, &pending));
        CHECK_INT(failed.entry_offset, -1);
}

static void the_entry_of_another_partition_is_found_there(void)
{
        struct failure failed = bare(2), pending = full(3);

        pending.entry_partition = 3;
        CHECK(failure_merge(&failed, &pending));
        CHECK_INT(failed.partition, 2);
        CHECK_INT(failed.entry_partition, 3);
        CHECK_INT(failed.entry_offset, 10);
}

static void identities_are_the_same_in_all_four_parts(void)
{
        const struct identity id = { STR("b"), STR("k"), STR("v"), STR("s") };
        struct identity other;

        CHECK(identity_eq(&id, &id));
        other = id;
        other.bucket = STR("B");
        CHECK(!identity_eq(&id, &other));
        other = id;
        other.key = STR("k/");
        CHECK(!identity_eq(&id, &other));
        other = id;
        other.version_id = STR("");
        CHECK(!identity_eq(&id, &other));
        other = id;
        other.site = STR("s\0");
        CHECK(!identity_eq(&id, &other));
        other = (struct identity){ STR("bk"), STR(""), STR("v"), STR("s") };
        CHECK(!identity_eq(&id, &other));
}

static void a_copy_lives_in_the_arena_alone(void)
{
        char bucket[] = "b", key[] = "k", site[] = "s", role[] = "role", code[] = "Code";
        struct failure f = full(2), copy;
        struct arena arena;

        f.id = (struct identity){ str_from(bucket), str_from(key), STR(""), str_from(site) };
        f.role = str_from(role);
        f.error_code = str_from(code);
        arena_init(&arena, 1 << 16);
        CHECK(failure_copy(&copy, &f, &arena));
        bucket[0] = key[0] = site[0] = role[0] = code[0] = 'X';
        CHECK(str_eq_c(copy.id.bucket, "b") && str_eq_c(copy.id.key, "k"));
        CHECK(str_eq_c(copy.id.site, "s") && copy.id.version_id.base != NULL);
        CHECK(str_eq_c(copy.role, "role") && str_eq_c(copy.error_code, "Code"));
        CHECK_INT(copy.size, 5);
        f.role = f.error_code = STR_ABSENT;
        CHECK(failure_copy(&copy, &f, &arena));
        CHECK(copy.role.base == NULL && copy.error_code.base == NULL);
        arena_deinit(&arena);
}

static void a_copy_that_does_not_fit_is_refused(void)
{
        struct failure f = full(2), copy;
        struct arena arena;
        bool fits = false;

        for (size_t limit = 0; !fits; limit += 16) {
                arena_init(&arena, limit);
                fits = failure_copy(&copy, &f, &arena);
                CHECK_INT(fits, limit >= 96);
                arena_deinit(&arena);
        }
}

static void a_marker_is_a_partition_and_an_offset(void)
{
        static const struct {
                int partition;
                int64_t offset;
                uint64_t want;
        } table[] = {
                { 0, 0, 0 },
                { 0, 1, 1 },
                { 0, LIMIT_OFFSET - 1, UINT64_C(8796093022207) },
                { 1, 0, UINT64_C(8796093022208) },
                { 1, 7, UINT64_C(8796093022215) },
                { 1023, LIMIT_OFFSET - 1, LIMIT_MARKER },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                uint64_t marker = marker_of(table[i].partition, table[i].offset);

                CHECK(marker == table[i].want);
                CHECK_INT(marker_partition(marker), table[i].partition);
                CHECK_INT(marker_offset(marker), table[i].offset);
        }
}

static void states_have_the_names_of_the_log(void)
{
        CHECK_STR(failure_state_name(FAILURE_FAILED), "FAILED");
        CHECK_STR(failure_state_name(FAILURE_PENDING), "PENDING");
}

int main(void)
{
        RUN(a_failed_record_keeps_what_it_lacks);
        RUN(each_field_is_kept_by_itself);
        RUN(nothing_is_kept_of_what_the_other_does_not_know);
        RUN(the_entry_of_another_partition_is_found_there);
        RUN(identities_are_the_same_in_all_four_parts);
        RUN(a_copy_lives_in_the_arena_alone);
        RUN(a_copy_that_does_not_fit_is_refused);
        RUN(a_marker_is_a_partition_and_an_offset);
        RUN(states_have_the_names_of_the_log);
        return 0;
}
