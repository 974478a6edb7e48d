/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CRR_RENDER_H
#define API_CRR_RENDER_H

#include <stdbool.h>

#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/base/json_write.h"
#include "crr/core/failure.h"
#include "crr/core/retry_service.h"

/* One element of "Versions" or of a retry's answer, which has the status at its end. */
enum crr_row { CRR_ROW_LISTED, CRR_ROW_RETRIED };
void crr_render_failure(struct json_writer *w, const struct failure *f, enum crr_row row);

/* What stands before the rows, and after them. next_marker NULL: not truncated. Coverage is shown
 * unless it is whole. */
#define CRR_PAGE_BEGIN_LIMIT 128
void crr_render_page_begin(struct buf *out, const uint64_t *next_marker);
void crr_render_page_end(struct json_writer *rows, const struct coverage *coverage);

/* "5/6; missing=3,5" */
void crr_render_coverage_header(struct buf *out, const struct coverage *coverage);

/* Say in the error which partitions are missing. */
void crr_explain_missing(struct error *err, const struct coverage *coverage);

#endif
