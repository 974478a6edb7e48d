/* SPDX-License-Identifier: Apache-2.0 */
#include "crr_query.h"

#include "crr/base/buf.h"
#include "crr/base/limits.h"
#include "crr/base/url.h"

#define MAX_NAME_SHOWN 80

static int set_text(struct str *ret, struct str value, const char *name, size_t min, size_t max,
                    struct error *err)
{
        if (value.len < min || value.len > max)
                return error_set(err, ERR_INVALID_QUERY, "%s: must be %zu to %zu bytes, is %zu",
                                 name, min, max, value.len);
        *ret = value;
        return 0;
}

static int set_number(uint64_t *ret, struct str value, const char *name, uint64_t min, uint64_t max,
                      struct error *err)
{
        unsigned long long number;

        if (!str_to_u64(value, max, &number) || number < min)
                return error_set(err, ERR_INVALID_QUERY,
                                 "%s: must be decimal digits from %llu to %llu", name,
                                 (unsigned long long)min, (unsigned long long)max);
        *ret = number;
        return 0;
}

static int set_site(struct crr_query *q, struct str value, struct error *err)
{
        return set_text(&q->site, value, "sitename", 1, LIMIT_SITE_BYTES, err);
}

static int set_marker(struct crr_query *q, struct str value, struct error *err)
{
        return set_number(&q->marker, value, "marker", 0, LIMIT_MARKER, err);
}

static int set_max_keys(struct crr_query *q, struct str value, struct error *err)
{
        uint64_t number = 0;
        int rc = set_number(&number, value, "max-keys", 1, LIMIT_PAGE_ROWS, err);

        if (rc == 0)
                q->max_keys = (unsigned)number;
        return rc;
}

static int set_partial(struct crr_query *q, struct str value, struct error *err)
{
        q->partial = str_eq_c(value, "true");
        if (!q->partial && !str_eq_c(value, "false"))
                return error_set(err, ERR_INVALID_QUERY, "partial: must be true or false");
        return 0;
}

static int set_version_id(struct crr_query *q, struct str value, struct error *err)
{
        return set_text(&q->version_id, value, "versionId", 0, LIMIT_VERSION_ID_BYTES, err);
}

static int set_role(struct crr_query *q, struct str value, struct error *err)
{
        return set_text(&q->role, value, "role", 1, LIMIT_ROLE_BYTES, err);
}

static const struct param {
        enum crr_param bit;
        const char *name;
        int (*set)(struct crr_query *q, struct str value, struct error *err);
} params[] = {
        { CRR_PARAM_SITENAME, "sitename", set_site },
        { CRR_PARAM_MARKER, "marker", set_marker },
        { CRR_PARAM_MAX_KEYS, "max-keys", set_max_keys },
        { CRR_PARAM_PARTIAL, "partial", set_partial },
        { CRR_PARAM_VERSION_ID, "versionId", set_version_id },
        { CRR_PARAM_ROLE, "role", set_role },
};

static int refuse_unknown(struct str name, unsigned known, struct error *err)
{
        const char *separator = "";
        struct buf list;

        buf_init(&list, 256);
        for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
                if ((known & params[i].bit) == 0)
                        continue;
                buf_printf(&list, "%s%s", separator, params[i].name);
                separator = ", ";
        }
        error_set(err, ERR_INVALID_QUERY, "%.*s: this route has no such parameter, only %.*s",
                  STR_ARG(name), STR_ARG(buf_str(&list)));
        buf_deinit(&list);
        return (int)err->code;
}

static int set_param(struct crr_query *q, const struct url_param *p, unsigned known,
                     struct error *err)
{
        for (size_t i = 0; i < sizeof params / sizeof *params; i++)
                if ((known & params[i].bit) != 0 && str_eq_c(p->name, params[i].name))
                        return params[i].set(q, p->value, err);
        if (p->name.len > MAX_NAME_SHOWN)
                return error_set(err, ERR_INVALID_QUERY, "this route has no parameter of %zu bytes",
                                 p->name.len);
        return refuse_unknown(p->name, known, err);
}

int crr_query_parse(struct crr_query *q, struct http_request *req, unsigned known,
                    struct error *err)
{
        struct url_query query = { .n = 0 };
        int rc = url_query_parse(&query, req->query, &req->arena, err);

        *q = (struct crr_query){ .version_id = STR(""), .max_keys = LIMIT_PAGE_ROWS };
        for (size_t i = 0; rc == 0 && i < query.n; i++)
                rc = set_param(q, &query.params[i], known, err);
        return rc;
}
