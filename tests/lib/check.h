/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* The whole framework: a test is a function, a failure says where and what. */
#define CHECK(cond)                                                \
        do {                                                       \
                if (!(cond))                                       \
                        check_fail(__FILE__, __LINE__, #cond, ""); \
        } while (0)
#define CHECK_INT(a, b)                                                   \
        do {                                                              \
                long long a_ = (a), b_ = (b);                             \
                char d_[64];                                              \
                snprintf(d_, sizeof d_, " (%lld vs %lld)", a_, b_);       \
                if (a_ != b_)                                             \
                        check_fail(__FILE__, __LINE__, #a " == " #b, d_); \
        } while (0)
#define CHECK_STR(a, b)                                                   \
        do {                                                              \
                const char *a_ = (a), *b_ = (b);                          \
                if (strcmp(a_, b_) != 0)                                  \
                        check_fail(__FILE__, __LINE__, #a " == " #b, a_); \
        } while (0)
#define RUN(f) (printf("%s\n", #f), fflush(stdout), f())
static inline void check_fail(const char *file, int line, const char *what, const char *detail)
{
        fprintf(stderr, "%s:%d: %s %s\n", file, line, what, detail);
        exit(1);
}
#endif
