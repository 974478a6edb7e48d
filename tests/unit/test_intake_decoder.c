/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/limits.h"
#include "intake_rows.h"

#define SITE   "bb:crr:failed:aws:1522447200000"
#define FAILED "{\"key\":\"" SITE "\",\"member\":"
#define ID     "\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s\""

static struct intake_decoder *plain, *with_roles;

static void a_failed_entry_is_a_failure(void)
{
        static const struct row rows[] = {
                { FAILED "\"b:k:v\",\"score\":1522448554385}",
                  "FAILED b|k|v|aws failed=1522448554385" },
                { FAILED "\"b:k:v\",\"score\":\"1522448554385\"}",
                  "FAILED b|k|v|aws failed=1522448554385" },
                { FAILED "\"b:k:v\"}", "FAILED b|k|v|aws" },
                { FAILED "\"b:k:v\",\"score\":null}", "FAILED b|k|v|aws" },
                { FAILED "\"b:k:\"}", "FAILED b|k||aws" },
                { FAILED "\"b:k:null\"}", "FAILED b|k|null|aws" },
                { FAILED "\"b::k:v\"}", "FAILED b|:k|v|aws" },
                { FAILED "\"b:a:b::c:v\"}", "FAILED b|a:b::c|v|aws" },
                { FAILED "\"b:k:arn%3Aaws:v\"}", "FAILED b|k:arn%3Aaws|v|aws" },
                { FAILED "\"b:a/b c%2F\\\"\\\\:v\"}", "FAILED b|a/b c%2F\"\\|v|aws" },
                { FAILED "\"b:\xf0\x9f\x94\x91\\ud83d\\udd11:v\"}",
                  "FAILED b|\xf0\x9f\x94\x91\xf0\x9f\x94\x91|v|aws" },
                { FAILED "\"b:\xc3\xa9:v\"}", "FAILED b|\xc3\xa9|v|aws" },   /* composed */
                { FAILED "\"b:e\xcc\x81:v\"}", "FAILED b|e\xcc\x81|v|aws" }, /* and not */
                { "{\"member\":\"b:k:v\",\"more\":{\"key\":[1]},\"key\":\"" SITE "\"}",
                  "FAILED b|k|v|aws" },
                { "{\"key\":\"test:bb:crr:failed:aws:1\",\"member\":\"b:k:v\"}",
                  "FAILED b|k|v|aws" },
                { "{\"key\":\"bb:crr:failed:a:b:1\",\"member\":\"b:k:v\"}", "FAILED b|k|v|a:b" },
                { "{\"key\":\"bb:crr:failed:a:99999999999999999999999\",\"member\":\"b:k:v\"}",
                  "FAILED b|k|v|a" },
                { FAILED "\"b:k:v\",\"score\":-1}", "FAILED b|k|v|aws without FailedAt" },
                { FAILED "\"b:k:v\",\"score\":1.5}", "FAILED b|k|v|aws without FailedAt" },
                { FAILED "\"b:k:v\",\"score\":\"yesterday\"}",
                  "FAILED b|k|v|aws without FailedAt" },
                { FAILED "\"b:k:v\",\"score\":[]}", "FAILED b|k|v|aws without FailedAt" },
                { FAILED "\"b:k:v\",\"score\":99999999999999999}",
                  "FAILED b|k|v|aws without FailedAt" },
        };

        CHECK_ROWS(plain, rows);
        CHECK_INT(got.format, INTAKE_FAILED_ENTRY);
        CHECK_STR(intake_format_name(got.format), "failed_entry");
}

static void a_failed_entry_may_end_with_a_role(void)
{
        static const struct row rows[] = {
                { FAILED "\"b:k:v:arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr\"}",
                  "FAILED b|k|v|aws role=arn:aws:iam::1:role/r" },
                { FAILED "\"b:k:l:v:r%C3%A9\"}", "FAILED b|k:l|v|aws role=r\xc3\xa9" },
                { FAILED "\"b:k::r\"}", "FAILED b|k||aws role=r" },
                { FAILED "\"b:k:v:\"}", "FAILED b|k|v|aws" },
                { FAILED "\"b:k:v:r%\"}", "FAILED b|k|v|aws without Role" },
                { FAILED "\"b:k:v:%FF\"}", "FAILED b|k|v|aws without Role" },
                { FAILED "\"b:k:v:r\"}", "FAILED b|k|v|aws role=r" },
                { FAILED "\"b:k:v\"}", "unknown_format" },
                { FAILED "\"b\"}", "unknown_format" },
        };

        CHECK_ROWS(with_roles, rows);
}

static void what_is_no_failed_entry_after_all_is_rejected(void)
{
        static const struct row rows[] = {
                { FAILED "\":k:v\"}", "unknown_format" },
                { FAILED "\"b::v\"}", "unknown_format" },
                { FAILED "\"b:k\"}", "unknown_format" },
                { FAILED "\"b\"}", "unknown_format" },
                { FAILED "\"\"}", "unknown_format" },
                { FAILED "5}", "bad_field" },
                { FAILED "null}", "bad_field" },
                { "{\"key\":5,\"member\":\"b:k:v\"}", "bad_field" },
                { "{\"key\":\"bb:crr:failed:aws\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:failed:aws:\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:failed:aws:1x\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:failed::1\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:failed:1\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:done:aws:1\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"xbb:crr:failed:aws:1\",\"member\":\"b:k:v\"}", "unknown_format" },
        };

        CHECK_ROWS(plain, rows);
}

static enum reject_cause decode_member(const char *bucket, size_t key_bytes, const char *version)
{
        static char value[8000], key[4000];

        memset(key, 'k', key_bytes);
        key[key_bytes] = '\0';
        snprintf(value, sizeof value, FAILED "\"%s:%s:%s\"}", bucket, key, version);
        return decode(plain, str_from(value));
}

static void an_identity_has_its_bounds(void)
{
        char text[400];

        CHECK_INT(decode_member("b", LIMIT_KEY_BYTES, "v"), REJECT_NONE);
        CHECK_INT(got.items[0].failure.id.key.len, LIMIT_KEY_BYTES);
        CHECK_INT(decode_member("b", LIMIT_KEY_BYTES + 1, "v"), REJECT_BAD_FIELD);
        memset(text, 'x', sizeof text);
        text[LIMIT_BUCKET_BYTES] = '\0';
        CHECK_INT(decode_member(text, 1, "v"), REJECT_NONE);
        CHECK_INT(decode_member("b", 1, text), REJECT_BAD_FIELD);
        text[LIMIT_BUCKET_BYTES] = 'x';
        text[LIMIT_BUCKET_BYTES + 1] = '\0';
        CHECK_INT(decode_member(text, 1, "v"), REJECT_BAD_FIELD);
        text[LIMIT_VERSION_ID_BYTES] = '\0';
        CHECK_INT(decode_member("b", 1, text), REJECT_NONE);
}

static void a_role_has_its_bound(void)
{
        char value[3 * LIMIT_ROLE_BYTES], role[LIMIT_ROLE_BYTES + 2] = "";

        memset(role, 'r', LIMIT_ROLE_BYTES);
        snprintf(value, sizeof value, FAILED "\"b:k:v:%s\"}", role);
        CHECK_INT(decode(with_roles, str_from(value)), REJECT_NONE);
        CHECK(str_eq_c(got.items[0].failure.role, role));
        CHECK_INT(got.ignored_fields, 0);
        role[LIMIT_ROLE_BYTES] = 'r';
        snprintf(value, sizeof value, FAILED "\"b:k:v:%s\"}", role);
        CHECK_INT(decode(with_roles, str_from(value)), REJECT_NONE);
        CHECK(got.items[0].failure.role.base == NULL);
        CHECK_INT(got.ignored_fields, failure_field_bit("Role"));
}

static void native_values_need_no_key(void)
{
        static const struct row rows[] = {
                { "{" ID "}", "FAILED b|k|v|s" },
                { "{" ID
                  ",\"ReplicationStatus\":\"FAILED\",\"Size\":7,\"FailedAt\":5,\"Role\":\"r\"}",
                  "FAILED b|k|v|s size=7 failed=5 role=r" },
                { "{" ID ",\"ReplicationStatus\":\"COMPLETED\"}", "COMPLETED b|k|v|s" },
                { "{" ID ",\"ReplicationStatus\":\"PENDING\"}", "" },
                { "{" ID ",\"Size\":-1}", "FAILED b|k|v|s without Size" },
                { "{" ID ",\"key\":\"" SITE "\",\"member\":\"x:y:z\",\"canary\":true}",
                  "FAILED b|k|v|s" },
                { "{" ID ",\"bucket\":5,\"key\":5,\"value\":5}", "FAILED b|k|v|s" },
                { "{\"Bucket\":\"b\",\"Key\":\"k\"}", "missing_field" },
                { "{\"StorageClass\":\"s\"}", "missing_field" },
                { "{\"Bucket\":5,\"Key\":\"k\",\"StorageClass\":\"s\"}", "bad_field" },
                { "{\"Bucket\":\"\",\"Key\":\"k\",\"StorageClass\":\"s\"}", "bad_field" },
                { "{" ID ",\"ReplicationStatus\":\"failed\"}", "bad_field" },
        };

        CHECK_ROWS(plain, rows);
        CHECK_INT(decode(plain, STR("{" ID "}")), REJECT_NONE);
        CHECK_INT(got.format, INTAKE_NATIVE);
        CHECK_STR(intake_format_name(got.format), "native");
}

/* Entry and ErrorMessage, and what a newer mover may add, are not lost. */
static void a_native_failure_is_passed_on_as_it_came(void)
{
        struct str value = STR("{ \"Entry\":\"{}\",\"New\":1.0e5," ID "}");

        CHECK_INT(decode(plain, value), REJECT_NONE);
        CHECK(got.items[0].value.base == value.base && got.items[0].value.len == value.len);
        CHECK_INT(decode(plain, STR("{" ID ",\"ReplicationStatus\":\"COMPLETED\"}")), REJECT_NONE);
        CHECK(got.items[0].value.base == NULL);
        CHECK_INT(decode(plain, STR(FAILED "\"b:k:v\"}")), REJECT_NONE);
        CHECK(got.items[0].value.base == NULL);
}

static void what_is_not_known_is_not_invented(void)
{
        struct log_record record = { .timestamp_ms = TIME_UNKNOWN, .settles = -1 };
        const struct failure *f;

        record.value = STR(FAILED "\"b:k:v\"}");
        CHECK_INT(intake_decode(plain, &record, &got, &err), REJECT_NONE);
        f = &got.items[0].failure;
        CHECK(f->state == FAILURE_FAILED && f->failed_at_ms == TIME_UNKNOWN);
        CHECK(f->size == -1 && f->last_modified_ms == TIME_UNKNOWN && f->attempts == -1);
        CHECK(f->role.base == NULL && f->error_code.base == NULL && f->entry_offset == -1);
        record.value = STR("{\"Entry\":\"{}\"," ID "}");
        CHECK_INT(intake_decode(plain, &record, &got, &err), REJECT_NONE);
        CHECK(got.items[0].failure.entry_offset == -1);
        CHECK(got.items[0].failure.failed_at_ms == TIME_UNKNOWN);
}

int main(void)
{
        plain = intake_decoder_new(LIMIT, false);
        with_roles = intake_decoder_new(LIMIT, true);
        RUN(a_failed_entry_is_a_failure);
        RUN(a_failed_entry_may_end_with_a_role);
        RUN(what_is_no_failed_entry_after_all_is_rejected);
        RUN(an_identity_has_its_bounds);
        RUN(a_role_has_its_bound);
        RUN(native_values_need_no_key);
        RUN(a_native_failure_is_passed_on_as_it_came);
        RUN(what_is_not_known_is_not_invented);
        intake_decoder_free(plain);
        intake_decoder_free(with_roles);
        intake_decoder_free(NULL);
        return 0;
}
