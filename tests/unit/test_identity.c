/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/limits.h"
#include "crr/core/identity.h"

static struct buf out, scratch;

static struct identity id_of(const char *bucket, const char *key, const char *version,
                             const char *site)
{
        return (struct identity){ str_from(bucket), str_from(key), str_from(version),
                                  str_from(site) };
}

static void keys_are_written_as_the_specification_spells_them(void)
{
        static const struct {
                const char *bucket, *key, *version, *site, *want;
        } table[] = {
                { "photos", "2026/11/a.jpg", "3938", "aws-east",
                  "photos/2026%2F11%2Fa.jpg?versionId=3938&sitename=aws-east" },
                { "b", "k", "", "s", "b/k?versionId=&sitename=s" },
                { "b", "a b+c&d=e?f/%", "null", "s~1_.-",
                  "b/a%20b%2Bc%26d%3De%3Ff%2F%25?versionId=null&sitename=s~1_.-" },
                { "b", "\xc3\xa9\xf0\x9f\x98\x80", "v", "s",
                  "b/%C3%A9%F0%9F%98%80?versionId=v&sitename=s" },
                { "b", "!*'()", "v", "s", "b/%21%2A%27%28%29?versionId=v&sitename=s" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct identity id = id_of(table[i].bucket, table[i].key, table[i].version,
                                           table[i].site),
                                back;
                bool canonical;

                buf_clear(&out);
                identity_write_key(&id, &out);
                CHECK(str_eq_c(buf_str(&out), table[i].want));
                buf_clear(&scratch);
                CHECK(identity_parse_key(buf_str(&out), &scratch, &back, &canonical));
                CHECK(canonical);
                CHECK(identity_eq(&id, &back));
        }
}

static void another_correct_spelling_is_the_same_identity_and_not_canonical(void)
{
        static const char *const keys[] = {
                "%62/k?versionId=v&sitename=s",
                "b/%6b?versionId=v&sitename=s",
                "b/%6B?versionId=v&sitename=s",
                "b/k?versionId=%76&sitename=s",
        };
        struct identity want = id_of("b", "k", "v", "s");

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                struct identity id;
                bool canonical;

                buf_clear(&scratch);
                CHECK(identity_parse_key(str_from(keys[i]), &scratch, &id, &canonical));
                CHECK(identity_eq(&id, &want));
                CHECK(!canonical);
        }
}

static void what_does_not_name_an_identity_is_no_key(void)
{
        static const char *const keys[] = {
                "",
                "b",
                "b/k",
                "b/k?versionId=v",
                "b/k?versionId=v&sitename=",
                "/k?versionId=v&sitename=s",
                "b/?versionId=v&sitename=s",
                "b/k?sitename=s&versionId=v",
                "b/k?versionid=v&sitename=s",
                "b/k?versionId=v&sitename=s&x=y",
                "b/k/l?versionId=v&sitename=s",
                "b/%zz?versionId=v&sitename=s",
                "b/%4?versionId=v&sitename=s",
                "b/%FF?versionId=v&sitename=s",
                "b/a b?versionId=v&sitename=s",
        };

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                struct identity id;
                bool canonical;

                buf_clear(&scratch);
                if (identity_parse_key(str_from(keys[i]), &scratch, &id, &canonical))
                        check_fail(__FILE__, __LINE__, "refused", keys[i]);
        }
        CHECK(!identity_parse_key(STR_ABSENT, &scratch, &(struct identity){ 0 }, &(bool){ false }));
}

static void parts_have_their_lengths(void)
{
        static char text[LIMIT_KEY_BYTES + 2];
        struct error err;
        static const struct {
                size_t bucket, key, version, site;
                bool good;
        } table[] = {
                { 1, 1, 0, 1, true },
                { LIMIT_BUCKET_BYTES, LIMIT_KEY_BYTES, LIMIT_VERSION_ID_BYTES, LIMIT_SITE_BYTES,
                  true },
                { 0, 1, 0, 1, false },
                { 1, 0, 0, 1, false },
                { 1, 1, 0, 0, false },
                { LIMIT_BUCKET_BYTES + 1, 1, 0, 1, false },
                { 1, LIMIT_KEY_BYTES + 1, 0, 1, false },
                { 1, 1, LIMIT_VERSION_ID_BYTES + 1, 1, false },
                { 1, 1, 0, LIMIT_SITE_BYTES + 1, false },
        };

        memset(text, 'x', sizeof text);
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct identity id = {
                        { text, table[i].bucket },
                        { text, table[i].key },
                        { text, table[i].version },
                        { text, table[i].site },
                };

                CHECK_INT(identity_check(&id, &err) == 0, table[i].good);
        }
}

/* murmur2 of librdkafka's and Kafka's own tests; CRC-32 has its well-known check value. */
static void partitioners_agree_with_their_clients(void)
{
        static const struct {
                const char *key;
                unsigned hash;
        } murmur[] = {
                { "kafka", 0xd067cf64 }, { "giberish123456789", 0x8f552b0c },
                { "1234", 0x9fc97b14 },  { "234", 0xe7c009ca },
                { "34", 0x873930da },    { "4", 0x5a4b5ca1 },
        };
        enum partitioner p;

        for (size_t i = 0; i < sizeof murmur / sizeof *murmur; i++) {
                int want = (int)((murmur[i].hash & 0x7fffffff) % 1000003);

                CHECK_INT(partition_of_key(PARTITIONER_MURMUR2, str_from(murmur[i].key), 1000003),
                          want);
        }
        CHECK_INT(partition_of_key(PARTITIONER_CONSISTENT, STR("123456789"), 1000003),
                  0xcbf43926u % 1000003u);
        CHECK(partitioner_parse(STR("murmur2"), &p) && p == PARTITIONER_MURMUR2);
        CHECK(partitioner_parse(STR("consistent"), &p) && p == PARTITIONER_CONSISTENT);
        CHECK(!partitioner_parse(STR("random"), &p));
}

static void the_key_of_a_retry_entry_keeps_what_javascript_keeps(void)
{
        struct identity id = id_of("b", "a/b !*'()", "v", "s");

        buf_clear(&out);
        identity_write_object_key(&id, &out);
        CHECK(str_eq_c(buf_str(&out), "b%2Fa%2Fb%20!*'()"));
}

int main(void)
{
        buf_init(&out, 1 << 20);
        buf_init(&scratch, 1 << 20);
        RUN(keys_are_written_as_the_specification_spells_them);
        RUN(another_correct_spelling_is_the_same_identity_and_not_canonical);
        RUN(what_does_not_name_an_identity_is_no_key);
        RUN(parts_have_their_lengths);
        RUN(partitioners_agree_with_their_clients);
        RUN(the_key_of_a_retry_entry_keeps_what_javascript_keeps);
        buf_deinit(&out);
        buf_deinit(&scratch);
        return 0;
}
