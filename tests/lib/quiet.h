/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_QUIET_H
#define TESTS_QUIET_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Code that complains on standard error when it is right to: nobody needs to read it. */
static inline int quiet_begin(void)
{
        int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);

        if (kept < 0 || nowhere < 0 || dup2(nowhere, STDERR_FILENO) < 0)
                abort();
        close(nowhere);
        return kept;
}

static inline void quiet_end(int kept)
{
        fflush(stderr);
        dup2(kept, STDERR_FILENO);
        close(kept);
}

#endif
