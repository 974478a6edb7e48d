/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "crr/base/str.h"

/* What a fuzz target promises: any bytes, no crash, and what it asserts holds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stays on in every build, unlike what a target would get from assert() with NDEBUG. */
#define HOLDS(condition)          \
        do {                      \
                if (!(condition)) \
                        abort();  \
        } while (0)

/* The input as a present string, also when it is empty. */
static inline struct str fuzz_input(const uint8_t *data, size_t size)
{
        return (struct str){ .base = size > 0 ? (const char *)data : "", .len = size };
}

#endif
