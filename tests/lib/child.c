/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_child(void (*f)(void *data), void *data, int out)
{
        struct rlimit no_core = { 0, 0 };

        setrlimit(RLIMIT_CORE, &no_core);
        dup2(out, STDERR_FILENO);
        f(data);
        _exit(0);
}

bool child_aborts(void (*f)(void *data), void *data, char *said, size_t size)
{
        int ends[2], status;
        size_t n = 0;
        ssize_t more;
        pid_t child;

        if (pipe(ends) != 0)
                abort();
        child = fork();
        if (child < 0)
                abort();
        if (child == 0) {
                close(ends[0]);
                run_child(f, data, ends[1]);
        }
        close(ends[1]);
        while (n < size - 1 && (more = read(ends[0], said + n, size - 1 - n)) > 0)
                n += (size_t)more;
        said[n] = '\0';
        close(ends[0]);
        if (waitpid(child, &status, 0) != child)
                abort();
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
