/* SPDX-License-Identifier: Apache-2.0 */
#include "source_request.h"

#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"
#include "crr/base/time.h"
#include "crr/base/url.h"
#include "sigv4.h"

#define ROUTE      "/_/backbeat/metadata/"
#define URL_LIMIT  ((size_t)16 << 10)
#define CODE_BYTES 64
#define AUTH_LIMIT ((size_t)64 << 20) /* settings have a limit of their own */

/* Of the memory for metadata, from one answer to the next. */
#define KEPT_BYTES ((size_t)64 << 10)

/* URLS */

static void append_path(struct buf *out, struct str path)
{
        struct str segment, rest = path;

        while (str_split(rest, '/', &segment, &rest)) {
                url_encode(out, segment);
                buf_append_char(out, '/');
        }
        url_encode(out, rest);
}

/* Terminated. */
static void write_url(struct buf *out, const char *base, const struct source_call *call)
{
        struct str head = str_from(base);

        while (head.len > 0 && head.base[head.len - 1] == '/')
                head.len--;
        buf_append_str(out, head);
        buf_append_c(out, ROUTE);
        url_encode(out, call->bucket);
        buf_append_char(out, '/');
        append_path(out, call->key);
        if (call->version_id.len > 0) {
                buf_append_c(out, "?versionId=");
                url_encode(out, call->version_id);
        }
        buf_append_char(out, '\0');
}

/* CREDENTIALS */

static const char *copy(struct arena *arena, const char *text)
{
        char *text_copy;

        if (text == NULL)
                return NULL;
        text_copy = arena_c(arena, str_from(text));
        if (text_copy == NULL)
                abort();
        return text_copy;
}

void source_auth_replace(struct source_auth *to, struct arena *arena,
                         const struct source_auth *from)
{
        struct source_role *roles;
        struct arena fresh;

        arena_init(&fresh, AUTH_LIMIT);
        roles = arena_array(&fresh, from->n_roles + 1, sizeof *roles);
        if (roles == NULL)
                abort();
        for (size_t i = 0; i < from->n_roles; i++)
                roles[i] = (struct source_role){
                        .arn = copy(&fresh, from->roles[i].arn),
                        .access_key = copy(&fresh, from->roles[i].access_key),
                        .secret_key = copy(&fresh, from->roles[i].secret_key),
                };
        *to = (struct source_auth){
                .region = copy(&fresh, from->region),
                .access_key = copy(&fresh, from->access_key),
                .secret_key = copy(&fresh, from->secret_key),
                .roles = roles,
                .n_roles = from->n_roles,
        };
        arena_deinit(arena);
        *arena = fresh;
}

static struct sigv4_key key_of(const struct source_auth *auth, struct str role)
{
        for (size_t i = 0; i < auth->n_roles && role.base != NULL; i++)
                if (str_eq_c(role, auth->roles[i].arn))
                        return (struct sigv4_key){ auth->region, auth->roles[i].access_key,
                                                   auth->roles[i].secret_key };
        return (struct sigv4_key){ auth->region, auth->access_key, auth->secret_key };
}

/* The headers live in `space`. */
static void sign(const struct source_auth *auth, struct str role, struct sigv4 *space,
                 struct curl_call *http)
{
        struct sigv4_key key = key_of(auth, role);

        if (auth->access_key == NULL)
                return;
        sigv4_sign(&key, http->url, time_wall_ms(), space);
        for (int i = 0; i < SIGV4_HEADERS; i++)
                http->headers[i] = space->lines[i];
}

bool source_send(struct curl_loop *curl, const char *base, const struct source_auth *auth,
                 const struct source_call *call, struct curl_call *http)
{
        struct sigv4 signature;
        struct buf url;
        bool fits;

        buf_init(&url, URL_LIMIT);
        write_url(&url, base, call);
        fits = !url.overflow;
        if (fits) {
                http->url = url.base;
                sign(auth, call->role, &signature, http);
                curl_loop_start(curl, http); /* which copies the URL and the headers */
                http->url = NULL;
                memset(http->headers, 0, sizeof http->headers);
        }
        buf_deinit(&url);
        return fits;
}

/* ANSWERS */

void source_reader_init(struct source_reader *r)
{
        r->json = json_reader_new(LIMIT_JSON_DEPTH);
        r->objects = backbeat_reader_new();
        buf_init(&r->metadata, SOURCE_METADATA_BYTES);
}

void source_reader_deinit(struct source_reader *r)
{
        json_reader_free(r->json);
        backbeat_reader_free(r->objects);
        buf_deinit(&r->metadata);
}

static int on_member(void *data, unsigned depth, struct str name, const struct json_value *v,
                     struct error *err)
{
        struct buf *metadata = data;

        if (depth == 0 && v->type != JSON_OBJECT)
                return error_set(err, ERR_BAD_JSON, "not an object");
        if (depth != 1 || !str_eq_c(name, "Body"))
                return 0;
        if (v->type != JSON_STRING)
                return error_set(err, ERR_BAD_JSON, "its Body is not a string");
        buf_append_str(metadata, v->text);
        if (metadata->overflow)
                return error_set(err, ERR_BAD_JSON, "its metadata is larger than %zu bytes",
                                 metadata->limit);
        return 0;
}

static enum source_verdict garbled(struct error *err, const char *why)
{
        error_set(err, ERR_UNAVAILABLE, "the answer is not the expected JSON: %.200s", why);
        return VERDICT_GARBLED;
}

static enum source_verdict read_body(struct source_reader *r, struct str answer, struct error *err)
{
        static const struct json_events events = { .value = on_member };
        struct error why;

        if (json_read(r->json, answer, &events, &r->metadata, &why) != 0)
                return garbled(err, why.message);
        if (r->metadata.len == 0)
                return garbled(err, "it has no Body");
        if (r->metadata.base[0] != '{')
                return garbled(err, "its Body is not an object");
        return VERDICT_FOUND;
}

static enum source_verdict read_metadata(struct source_reader *r, struct str answer,
                                         struct source_said *ret)
{
        enum source_verdict verdict;
        struct error why;

        buf_clear(&r->metadata);
        verdict = read_body(r, answer, &ret->why);
        if (verdict == VERDICT_FOUND) {
                ret->object = backbeat_object_new(r->objects, buf_str(&r->metadata), &why);
                if (ret->object == NULL) {
                        error_prefix(&why, "the metadata in its Body");
                        verdict = garbled(&ret->why, why.message);
                }
        }
        if (r->metadata.capacity > KEPT_BYTES)
                buf_deinit(&r->metadata);
        return verdict;
}

struct said {
        char code[CODE_BYTES];
        size_t len;
};

static bool is_word_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int on_error_member(void *data, unsigned depth, struct str name, const struct json_value *v,
                           struct error *err)
{
        struct said *said = data;

        if (depth == 0 && v->type != JSON_OBJECT)
                return error_set(err, ERR_BAD_JSON, "not an object");
        if (depth != 1 || v->type != JSON_STRING || !str_eq_c(name, "code"))
                return 0;
        for (size_t i = 0; i < v->text.len && i < CODE_BYTES - 1; i++)
                if (is_word_char(v->text.base[i]))
                        said->code[said->len++] = v->text.base[i];
        return 0;
}

/* "ObjNotFound" of {"code":"ObjNotFound","message":...}; empty: it says nothing of the kind. */
static void read_code(struct source_reader *r, struct str answer, struct said *ret)
{
        static const struct json_events events = { .value = on_error_member };
        struct error err;

        *ret = (struct said){ .len = 0 };
        if (json_read(r->json, answer, &events, ret, &err) != 0)
                *ret = (struct said){ .len = 0 };
}

static bool is_missing(const char *code)
{
        static const char *const codes[] = { "ObjNotFound", "NoSuchKey", "NoSuchVersion" };

        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
                if (strcmp(code, codes[i]) == 0)
                        return true;
        return false;
}

static enum source_verdict read_error(struct source_reader *r, int status, struct str answer,
                                      struct error *err)
{
        const char *more = "";
        struct said said;
        bool is_no_bucket;

        read_code(r, answer, &said);
        is_no_bucket = status == 404 && strcmp(said.code, "NoSuchBucket") == 0;
        if (status == 404 && is_missing(said.code))
                return VERDICT_GONE;
        if (is_no_bucket)
                more = ", which tells nothing of the version: is source.url the store of this "
                       "bucket? Of one that was deleted leave the entries out";
        else if (status == 404)
                more = ", which does not say that the version is missing";
        else if (status >= 300 && status < 400)
                more = ", a redirect: those are not followed";
        error_set(err, ERR_UNAVAILABLE, "status %d%s%s%s%s", status, said.len > 0 ? " (" : "",
                  said.code, said.len > 0 ? ")" : "", more);
        if (is_no_bucket)
                return VERDICT_NO_BUCKET;
        return status >= 500 ? VERDICT_FAILED : VERDICT_REFUSED;
}

void source_read(struct source_reader *r, int status, struct str answer, struct source_said *ret)
{
        *ret = (struct source_said){ .object = NULL };
        ret->verdict = status == 200 ? read_metadata(r, answer, ret)
                                     : read_error(r, status, answer, &ret->why);
}

void source_not_read(const struct curl_call *http, struct source_said *ret)
{
        *ret = (struct source_said){ .verdict = http->answer.overflow ? VERDICT_GARBLED
                                                                      : VERDICT_FAILED };
        error_set(&ret->why, ERR_UNAVAILABLE, "%s", http->err.message);
}

/* Who may see what is a matter of the bucket. */
static void tell_why(const char *url, const struct source_said *said, struct source_call *call)
{
        bool is_status = said->verdict == VERDICT_REFUSED || said->verdict == VERDICT_NO_BUCKET;

        if (is_status)
                error_set(&call->err, ERR_UNAVAILABLE, "the source %s, of the bucket %.*s: %s", url,
                          STR_ARG(call->bucket), said->why.message);
        else
                error_set(&call->err, ERR_UNAVAILABLE, "the source %s: %s", url, said->why.message);
}

const char *source_settle(const char *url, struct source_said *said, struct source_call *call)
{
        static const char *const outcomes[] = {
                [VERDICT_FOUND] = "found",     [VERDICT_GONE] = "gone",
                [VERDICT_REFUSED] = "refused", [VERDICT_GARBLED] = "garbled",
                [VERDICT_FAILED] = "failed",   [VERDICT_NO_BUCKET] = "no_bucket",
        };

        call->object = said->object;
        said->object = NULL;
        call->result = SOURCE_UNAVAILABLE;
        if (said->verdict == VERDICT_FOUND)
                call->result = SOURCE_FOUND;
        else if (said->verdict == VERDICT_GONE)
                call->result = SOURCE_GONE;
        else
                tell_why(url, said, call);
        return outcomes[said->verdict];
}
