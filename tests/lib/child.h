/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Code that is to end its process, in a process of its own: an assertion that holds aborts.
 *
 * Returns true when f(data) was ended by SIGABRT; false when it returned or ended otherwise. What
 * it wrote to standard error is in `said`, terminated, as far as it fits.
 */
bool child_aborts(void (*f)(void *data), void *data, char *said, size_t size);

#endif
