/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_FAILURE_FIELDS_H
#define CRR_SRC_CORE_FAILURE_FIELDS_H

#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/json_read.h"
#include "crr/core/failure.h"
#include "crr/core/failure_codec.h"

/*
 * What the decoders of failures share, whatever format they read: values of optional fields, and
 * why a record is rejected.
 *
 * A setter takes null for absent, leaves *ret as it is then, and on a value out of range.
 */
int failure_field_size(const struct json_value *v, int64_t *ret, struct error *err);
int failure_field_time(const struct json_value *v, int64_t *ret, struct error *err);
int failure_field_refuse(struct error *err); /* "out of range" */

/* A failure of which nothing is known. */
void failure_unknown(struct failure *ret);

enum reject_cause reject_cause_of(enum json_fault fault, enum reject_cause of_handler);

#endif
