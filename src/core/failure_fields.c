/* SPDX-License-Identifier: Apache-2.0 */
#include "failure_fields.h"

int failure_field_refuse(struct error *err)
{
        return error_set(err, ERR_BAD_JSON, "out of range");
}

int failure_field_size(const struct json_value *v, int64_t *ret, struct error *err)
{
        unsigned long long size;

        if (v->type == JSON_NULL)
                return 0;
        if (v->type == JSON_STRING) {
                if (!str_to_u64(v->text, INT64_MAX, &size))
                        return failure_field_refuse(err);
                *ret = (int64_t)size;
                return 0;
        }
        if (v->integer < 0)
                return failure_field_refuse(err);
        *ret = v->integer;
        return 0;
}

int failure_field_time(const struct json_value *v, int64_t *ret, struct error *err)
{
        if (v->type == JSON_NULL)
                return 0;
        if (v->type == JSON_STRING)
                return time_parse_rfc3339(v->text, ret) ? 0 : failure_field_refuse(err);
        if (v->integer < 0 || v->integer > TIME_LAST)
                return failure_field_refuse(err);
        *ret = v->integer;
        return 0;
}

void failure_unknown(struct failure *ret)
{
        *ret = (struct failure){
                .size = -1,
                .last_modified_ms = TIME_UNKNOWN,
                .failed_at_ms = TIME_UNKNOWN,
                .retried_at_ms = TIME_UNKNOWN,
                .attempts = -1,
                .timestamp_ms = TIME_UNKNOWN,
                .entry_offset = -1,
        };
}

enum reject_cause reject_cause_of(enum json_fault fault, enum reject_cause of_handler)
{
        switch (fault) {
        case JSON_FAULT_UTF8:
                return REJECT_BAD_UTF8;
        case JSON_FAULT_DUPLICATE:
                return REJECT_DUPLICATE_KEY;
        case JSON_FAULT_HANDLER:
                return of_handler;
        case JSON_FAULT_NONE:
        case JSON_FAULT_SYNTAX:
        case JSON_FAULT_DEPTH:
                break;
        }
        return REJECT_NOT_JSON;
}
