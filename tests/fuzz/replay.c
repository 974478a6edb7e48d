/* SPDX-License-Identifier: Apache-2.0 */
/* Without libFuzzer: run every file of a folder once, so that each past crash stays a test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_LIMIT (8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes are copied to a block of exactly their size: a read behind the end is seen. */
static int replay(const char *path)
{
        static uint8_t input[INPUT_LIMIT];
        FILE *f = fopen(path, "rb");
        uint8_t *exact;
        size_t n;

        if (f == NULL) {
                perror(path);
                return 1;
        }
        n = fread(input, 1, sizeof input, f);
        fclose(f);
        exact = malloc(n);
        if (exact == NULL && n > 0)
                abort();
        if (n > 0)
                memcpy(exact, input, n);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
        return 0;
}

/* The number of files that were run; -1 when one could not be. */
static int replay_folder(const char *folder)
{
        DIR *dir = opendir(folder);
        struct dirent *entry;
        int n = 0;

        if (dir == NULL) {
                perror(folder);
                return -1;
        }
        while (n >= 0 && (entry = readdir(dir)) != NULL) {
                char path[4096];
                struct stat st;

                snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
                if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
                        n = replay(path) == 0 ? n + 1 : -1;
        }
        closedir(dir);
        return n;
}

int main(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                int n = replay_folder(argv[i]);

                printf("%s: %d inputs\n", argv[i], n);
                if (n <= 0)
                        return 1; /* a corpus without inputs tests nothing */
        }
        return 0;
}
