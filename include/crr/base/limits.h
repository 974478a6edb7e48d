/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_LIMITS_H
#define CRR_BASE_LIMITS_H

/* Limits that are facts of a format or of the design. Those that an operator may move are settings.
 */

#define LIMIT_BUCKET_BYTES     255
#define LIMIT_KEY_BYTES        1024 /* S3's limit, in bytes of UTF-8 */
#define LIMIT_VERSION_ID_BYTES 128
#define LIMIT_SITE_BYTES       255
#define LIMIT_ERROR_CODE_BYTES 128  /* longer ones are cut */
#define LIMIT_ROLE_BYTES       2048 /* a longer role is a bad optional field */
#define LIMIT_ATTEMPTS         65535

#define LIMIT_PARTITIONS       1024 /* a marker is partition * 2^43 + offset, below 2^53 */
#define LIMIT_OFFSET           (INT64_C(1) << 43)
#define LIMIT_MARKER           ((UINT64_C(1) << 53) - 1)
#define LIMIT_PAGE_ROWS        1000
#define LIMIT_SITES            65535
#define LIMIT_INTAKE_TOPICS    16

#define LIMIT_BACKENDS         1024 /* of one object version; S3 has 1,000 rules per bucket */

#define LIMIT_JSON_DEPTH       16
#define LIMIT_METADATA_DEPTH   64 /* an object's metadata is the store's, and stays as it is */

/* In a turn of the loop: entries of retries placed or checked, and encoded; told that they are
 * committed; and entries that anything else is done with, such as sharing them among members. */
#define LIMIT_RETRY_ENTRIES   256
#define LIMIT_TOLD_ENTRIES    512
#define LIMIT_WORK_ENTRIES    128

#define LIMIT_SUBMIT_ATTEMPTS 3      /* of a batch whose transaction aborts */
#define LIMIT_QUEUED_ENTRIES  200000 /* retries that wait for a transaction; more are 503 */
#define LIMIT_IDEMPOTENCY_KEY 128

#endif
