/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_PROCESS_H
#define CRR_SRC_DAEMON_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/metrics.h"

/* What this process is on this machine. */

#define HOST_NAME_BYTES 256

void process_host_name(char name[HOST_NAME_BYTES]);

/* The default of table.memory_limit: 60 % of what the cgroup or the machine has, at most 4 GiB. */
size_t process_table_memory(void);

bool process_has_huge_pages(void); /* or the system does not say that it has none */

/* Raise the limit of open files as far as it goes; returns it. */
uint64_t process_raise_open_files(void);

/* A broken connection is an error of write(2), not the end of the process. */
void process_ignore_sigpipe(void);

/* CPU time of the calling thread: a system call of a quarter of a microsecond. */
int64_t process_thread_cpu_ns(void);

/* The metrics process_...: before a scrape. */
void process_collect(struct metrics *metrics);

#endif
