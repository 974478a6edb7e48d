/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_HANGING_H
#define CRR_SRC_KAFKA_KAFKA_HANGING_H

#include <librdkafka/rdkafka.h>

/*
 * Hanging offsets: a broker that is killed may lose the end of a transaction in __consumer_offsets
 * (seen with Kafka 4.3.1: the coordinator wrote that the transaction is over, and no marker stands
 * behind its offsets). Who asks for the group's committed offsets then waits for ever: our barrier,
 * and the intake's consumer. Only the next end of a transaction of the same producer id frees them,
 * and every end frees all of the group's offsets that the producer left. (A transactional.id that
 * was not used for a week gets another producer id; what hangs that long is not freed by us.)
 *
 * So there is one before all others of a producer, and it is aborted. Of the retries' group nothing
 * is lost by that: its offsets only carry claims. Of the intake's, what was left may have been
 * committed: then its records are read again, which is better than losing them.
 *
 * An offset has to be sent for it, of partition 0 of `topic`, which must exist; nobody sees it.
 *
 * Threads  Any that may block: some round trips, KAFKA_HANGING_MS at most.
 * Errors   As librdkafka's; nothing is known to be freed then, and the producer is to be destroyed.
 */
#define KAFKA_HANGING_MS 4500

rd_kafka_error_t *kafka_hanging_offsets_end(rd_kafka_t *producer, const char *group,
                                            const char *topic);

#endif
