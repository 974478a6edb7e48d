/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "child.h"
#include "draw.h"
#include "outgoing.h"

#define MANY 400

static struct outgoing *of_key(const char *key)
{
        struct failure f = { .id = { STR("bucket"), str_from(key), STR("v"), STR("site") },
                             .partition = 5 };

        return outgoing_new(OUTGOING_RETRY, &f, STR_ABSENT);
}

/* A NEW ONE */

static void a_new_one_owns_what_it_was_made_of(void)
{
        char bucket[] = "b", key[] = "k", version[] = "v", site[] = "s", code[] = "c", role[] = "r";
        char parent[] = "00-1-2-01";
        struct failure f = {
                .id = { str_from(bucket), str_from(key), str_from(version), str_from(site) },
                .error_code = str_from(code),
                .role = str_from(role),
                .partition = 7,
                .attempts = 3,
        };
        struct outgoing *o = outgoing_new(OUTGOING_MERGE, &f, str_from(parent));

        bucket[0] = key[0] = version[0] = site[0] = code[0] = role[0] = parent[0] = 'X';
        CHECK(str_eq_c(o->failure.id.bucket, "b") && str_eq_c(o->failure.id.key, "k"));
        CHECK(str_eq_c(o->failure.id.version_id, "v") && str_eq_c(o->failure.id.site, "s"));
        CHECK(str_eq_c(o->failure.error_code, "c") && str_eq_c(o->failure.role, "r"));
        CHECK(str_eq_c(o->traceparent, "00-1-2-01"));
        CHECK_INT(o->failure.attempts, 3);
        CHECK_INT(o->kind, OUTGOING_MERGE);
        CHECK_INT(outgoing_state(o), OUTGOING_OWED);
        CHECK_INT(o->settles_partition, 7);
        CHECK(o->settles == -1 && o->stands == -1 && o->offset == -1);
        outgoing_free(o);
        outgoing_free(NULL);
}

static void absent_strings_stay_absent_and_empty_ones_empty(void)
{
        struct failure f = { .id = { STR("b"), STR("k"), STR(""), STR("s") } };
        struct outgoing *o = outgoing_new(OUTGOING_RETRY, &f, STR_ABSENT);

        CHECK(o->failure.id.version_id.base != NULL && o->failure.id.version_id.len == 0);
        CHECK(o->failure.role.base == NULL && o->failure.error_code.base == NULL);
        CHECK(o->traceparent.base == NULL);
        outgoing_free(o);
}

static void every_kind_has_the_name_of_its_metric(void)
{
        static const char *const names[OUTGOING_KINDS] = {
                "retry",     "merged", "expired",    "closed", "completed",
                "rewritten", "moved",  "superseded", "hidden",
        };

        for (int kind = 0; kind < OUTGOING_KINDS; kind++)
                CHECK_STR(outgoing_kind_name((enum outgoing_kind)kind), names[kind]);
}

/* STATES */

struct move {
        enum outgoing_state from, to;
};

static struct outgoing *in_state(enum outgoing_state state)
{
        static const enum outgoing_state way[] = { OUTGOING_QUEUED, OUTGOING_ENCODED,
                                                   OUTGOING_SUBMITTED };
        struct outgoing *o = of_key("k");

        if (state == OUTGOING_READING || state == OUTGOING_OVER)
                outgoing_move(o, state);
        for (size_t i = 0; i < 3 && state >= OUTGOING_QUEUED && state < OUTGOING_OVER; i++)
                if (outgoing_state(o) != state)
                        outgoing_move(o, way[i]);
        if (outgoing_state(o) != state)
                outgoing_move(o, state);
        return o;
}

static void move(void *data)
{
        const struct move *m = data;

        outgoing_move(in_state(m->from), m->to);
}

static void the_drawing_is_all_that_may_happen(void)
{
        static const char *const want[] = {
                /* to:             OWED READ QUEU ENCO SUBM COMM UNKN OVER */
                [OUTGOING_OWED] = "   no   yes  yes  no   no   no   no   yes",
                [OUTGOING_READING] = "yes  no   yes  no   no   no   no   yes",
                [OUTGOING_QUEUED] = " yes  no   no   yes  no   no   no   yes",
                [OUTGOING_ENCODED] = "no   no   yes  no   yes  no   no   yes",
                [OUTGOING_SUBMITTED] = "yes no  yes  no   no   yes  yes  yes",
                [OUTGOING_COMMITTED] = "no no   no   no   no   no   no   yes",
                [OUTGOING_UNKNOWN] = "yes  no   no   no   no   no   no   yes",
                [OUTGOING_OVER] = "   no   no   no   no   no   no   no   no",
        };
        char said[4096];

        for (int from = OUTGOING_OWED; from <= OUTGOING_OVER; from++) {
                const char *at = want[from];

                for (int to = OUTGOING_OWED; to <= OUTGOING_OVER; to++) {
                        struct move m = { (enum outgoing_state)from, (enum outgoing_state)to };

                        at += strspn(at, " ");
                        if (*at == 'y') {
                                struct outgoing *o = in_state(m.from);

                                outgoing_move(o, m.to);
                                CHECK_INT(outgoing_state(o), to);
                                outgoing_free(o);
                        } else {
                                CHECK(child_aborts(move, &m, said, sizeof said));
                        }
                        at += strcspn(at, " ");
                }
        }
}

static void free_listed(void *data)
{
        struct outgoing_list list = { 0 };
        struct outgoing *o = of_key("k");

        (void)data;
        outgoing_list_append(&list, o);
        outgoing_free(o);
}

static void append_twice(void *data)
{
        struct outgoing_list list = { 0 }, other = { 0 };
        struct outgoing *o = of_key("k");

        (void)data;
        outgoing_list_append(&list, o);
        outgoing_list_append(&other, o);
}

static void what_is_in_a_list_is_neither_freed_nor_listed_again(void)
{
        char said[4096];

        CHECK(child_aborts(free_listed, NULL, said, sizeof said));
        CHECK(child_aborts(append_twice, NULL, said, sizeof said));
}

/* WHAT WAS READ FOR IT */

static void an_entry_is_kept_as_a_copy(void)
{
        struct outgoing *o = of_key("k");
        char entry[] = "{\"a\":1}";
        size_t before = outgoing_bytes(o);

        outgoing_keep_entry(o, str_from(entry));
        entry[0] = 'X';
        CHECK(str_eq_c(o->entry, "{\"a\":1}"));
        CHECK(outgoing_bytes(o) > before);
        outgoing_keep_entry(o, STR(""));
        CHECK(o->entry.base != NULL && o->entry.len == 0);
        outgoing_keep_entry(o, STR_ABSENT);
        CHECK(o->entry.base == NULL);
        outgoing_free(o);
}

static void a_record_is_kept_with_its_key_and_value(void)
{
        struct outgoing *o = of_key("k");
        char key[] = "key", value[] = "value";

        outgoing_keep_record(o, str_from(key), str_from(value));
        key[0] = value[0] = 'X';
        CHECK(str_eq_c(o->moved_key, "key") && str_eq_c(o->moved_value, "value"));
        outgoing_keep_record(o, STR("other"), STR(""));
        CHECK(str_eq_c(o->moved_key, "other"));
        CHECK(o->moved_value.base != NULL && o->moved_value.len == 0);
        outgoing_keep_record(o, STR("gone"), STR_ABSENT);
        CHECK(str_eq_c(o->moved_key, "gone"));
        CHECK(o->moved_value.base == NULL);
        outgoing_free(o);
}

/* LISTS */

static void check_list(const struct outgoing_list *l, struct outgoing *const naive[], size_t n)
{
        const struct outgoing *o = l->head, *before = NULL;
        size_t bytes = 0;

        for (size_t i = 0; i < n; i++, before = o, o = o->next) {
                CHECK(o == naive[i]);
                CHECK(o->list == l && o->prev == before);
                bytes += outgoing_bytes(o);
        }
        CHECK(o == NULL && l->tail == before);
        CHECK_INT(l->n, n);
        CHECK_INT(l->bytes, bytes);
}

static void a_list_keeps_its_order_whatever_leaves_it(void)
{
        struct outgoing *naive[MANY], *out;
        struct outgoing_list list = { 0 };
        char key[16];

        for (uint64_t seed = 0; seed < 10; seed++) {
                struct draw d = draw_seed(seed);
                size_t n = 0;

                for (int step = 0; step < MANY; step++) {
                        if (n == 0 || draw(&d, 5) < 3) {
                                snprintf(key, sizeof key, "%d", (int)draw(&d, 100000));
                                naive[n] = of_key(key);
                                outgoing_list_append(&list, naive[n++]);
                        } else {
                                size_t at = draw(&d, n);

                                out = naive[at];
                                memmove(naive + at, naive + at + 1, (--n - at) * sizeof *naive);
                                outgoing_list_remove(out);
                                CHECK(out->list == NULL);
                                outgoing_list_remove(out); /* in none: nothing happens */
                                outgoing_free(out);
                        }
                        check_list(&list, naive, n);
                }
                while (n > 0) {
                        outgoing_list_remove(naive[--n]);
                        outgoing_free(naive[n]);
                }
                check_list(&list, naive, 0);
        }
}

/* It may grow while it is in a list: what is taken off is what was put on. */
static void the_bytes_of_a_list_come_back_to_nothing(void)
{
        struct outgoing *o = of_key("k");
        struct outgoing_list list = { 0 };

        outgoing_list_append(&list, o);
        outgoing_keep_entry(o, STR("an entry that came later"));
        outgoing_list_remove(o);
        CHECK_INT(list.bytes, 0);
        outgoing_free(o);
}

/* THE MAP */

static const struct siphash_key hash_key = { { 1, 2 } };

static void remove_and_count(void *data, struct outgoing *o)
{
        struct outgoing_map *map = data;

        outgoing_map_remove(map, o);
        outgoing_free(o);
}

static void the_map_agrees_with_an_array(void)
{
        struct outgoing *naive[MANY] = { NULL };
        struct outgoing_map map;
        char key[16];

        for (uint64_t seed = 0; seed < 5; seed++) {
                struct draw d = draw_seed(seed);
                size_t n = 0;

                outgoing_map_init(&map, &hash_key);
                memset(naive, 0, sizeof naive);
                for (int step = 0; step < 4000; step++) {
                        size_t i = draw(&d, MANY);
                        struct identity id = { STR("bucket"), { key, 0 }, STR("v"), STR("site") };

                        snprintf(key, sizeof key, "%zu", i);
                        id.key = str_from(key);
                        CHECK(outgoing_map_find(&map, &id) == naive[i]);
                        if (naive[i] == NULL) {
                                naive[i] = of_key(key);
                                outgoing_map_add(&map, naive[i]);
                                n++;
                        } else if (draw(&d, 3) == 0) {
                                outgoing_map_remove(&map, naive[i]);
                                outgoing_free(naive[i]);
                                naive[i] = NULL;
                                n--;
                        }
                        CHECK_INT(map.n, n);
                }
                outgoing_map_each(&map, remove_and_count, &map);
                CHECK_INT(map.n, 0);
                outgoing_map_deinit(&map);
        }
}

static void an_identity_is_found_by_all_its_parts(void)
{
        static const struct {
                const char *bucket, *key, *version, *site;
        } others[] = {
                { "b", "k", "v", "s2" }, { "b", "k", "", "s" },  { "b", "k2", "v", "s" },
                { "b2", "k", "v", "s" }, { "bk", "", "v", "s" }, { "", "bk", "v", "s" },
                { "b", "kv", "", "s" },  { "b", "k", "vs", "" }, { "b", "", "kv", "s" },
        };
        struct identity id = { STR("b"), STR("k"), STR("v"), STR("s") };
        struct failure f = { .id = id };
        struct outgoing_map map;
        struct outgoing *o;

        outgoing_map_init(&map, &hash_key);
        CHECK(outgoing_map_find(&map, &id) == NULL);
        o = outgoing_new(OUTGOING_RETRY, &f, STR_ABSENT);
        outgoing_map_add(&map, o);
        CHECK(outgoing_map_find(&map, &id) == o);
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
                struct identity other = { str_from(others[i].bucket), str_from(others[i].key),
                                          str_from(others[i].version), str_from(others[i].site) };

                CHECK(outgoing_map_find(&map, &other) == NULL);
                CHECK(identity_hash(&hash_key, &other) != identity_hash(&hash_key, &id));
        }
        outgoing_map_remove(&map, o);
        outgoing_free(o);
        outgoing_map_deinit(&map);
}

int main(void)
{
        RUN(a_new_one_owns_what_it_was_made_of);
        RUN(absent_strings_stay_absent_and_empty_ones_empty);
        RUN(every_kind_has_the_name_of_its_metric);
        RUN(the_drawing_is_all_that_may_happen);
        RUN(what_is_in_a_list_is_neither_freed_nor_listed_again);
        RUN(an_entry_is_kept_as_a_copy);
        RUN(a_record_is_kept_with_its_key_and_value);
        RUN(a_list_keeps_its_order_whatever_leaves_it);
        RUN(the_bytes_of_a_list_come_back_to_nothing);
        RUN(the_map_agrees_with_an_array);
        RUN(an_identity_is_found_by_all_its_parts);
        return 0;
}
