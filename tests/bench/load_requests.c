/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/url.h"
#include "dataset.h"
#include "loadgen.h"

#define FAILED "/_/crr/failed"

void load_requests_init(struct load_requests *r)
{
        *r = (struct load_requests){ 0 };
        buf_init(&r->bytes, SIZE_MAX);
}

void load_requests_deinit(struct load_requests *r)
{
        buf_deinit(&r->bytes);
        free(r->ends);
}

static void end_request(struct load_requests *r)
{
        if (r->n == r->capacity) {
                r->capacity = r->capacity == 0 ? 64 : 2 * r->capacity;
                r->ends = realloc(r->ends, r->capacity * sizeof *r->ends);
                if (r->ends == NULL)
                        abort();
        }
        r->ends[r->n++] = r->bytes.len;
}

static void add_head(struct load_requests *r, const char *method, struct str path)
{
        buf_printf(&r->bytes, "%s ", method);
        buf_append_str(&r->bytes, path);
        buf_append_c(&r->bytes, " HTTP/1.1\r\nHost: bench\r\nUser-Agent: loadgen\r\n");
}

void load_requests_add_get(struct load_requests *r, const char *path)
{
        add_head(r, "GET", str_from(path));
        buf_append_c(&r->bytes, "\r\n");
        end_request(r);
}

void load_requests_add_lookup(struct load_requests *r, uint64_t row)
{
        static struct dataset_row failure;
        const struct identity *id = &failure.failure.id;
        struct buf path;

        dataset_row(row, &failure);
        buf_init(&path, SIZE_MAX);
        buf_append_c(&path, FAILED "/");
        url_encode(&path, id->bucket);
        buf_append_char(&path, '/');
        url_encode(&path, id->key);
        buf_append_c(&path, "?versionId=");
        url_encode(&path, id->version_id);
        add_head(r, "GET", buf_str(&path));
        buf_append_c(&r->bytes, "\r\n");
        buf_deinit(&path);
        end_request(r);
}

static void add_post(struct load_requests *r, struct str body)
{
        add_head(r, "POST", STR(FAILED));
        buf_printf(&r->bytes, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                   body.len);
        buf_append_str(&r->bytes, body);
        end_request(r);
}

void load_requests_add_retry(struct load_requests *r, uint64_t first, size_t elements)
{
        static struct dataset_row failure;
        struct json_writer w;
        struct buf body;

        buf_init(&body, SIZE_MAX);
        json_writer_init(&w, &body);
        json_array_open(&w);
        for (size_t i = 0; i < elements; i++) {
                dataset_row(first + i, &failure);
                dataset_write_element(&failure.failure, &w);
        }
        json_array_close(&w);
        add_post(r, buf_str(&body));
        buf_deinit(&body);
}

void load_requests_add_posts(struct load_requests *r, const char *path)
{
        FILE *file = fopen(path, "r");
        size_t capacity = 0;
        char *line = NULL;
        ssize_t n;

        if (file == NULL)
                bench_fail("%s: %s", path, strerror(errno));
        while ((n = getline(&line, &capacity, file)) > 0)
                add_post(r, (struct str){ line, (size_t)n });
        free(line);
        fclose(file);
}
