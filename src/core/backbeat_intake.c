/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backbeat_private.h"
#include "crr/base/limits.h"
#include "crr/base/url.h"
#include "crr/core/identity.h"
#include "failure_fields.h"
#include "intake_decoder_private.h"

/* Backbeat's records as failures and outcomes: events.md, "Foreign formats". */

static enum reject_cause unknown(struct error *err, const char *text)
{
        error_set(err, ERR_BAD_JSON, "%s", text);
        return REJECT_UNKNOWN_FORMAT;
}

/* The members that a shape needs are strings. */
static enum reject_cause need_texts(const struct intake_top *top, uint64_t members,
                                    struct error *err)
{
        for (unsigned i = 0; i < INTAKE_MEMBERS; i++) {
                if ((members >> i & 1) == 0 || top->texts[i].base != NULL)
                        continue;
                error_set(err, ERR_BAD_JSON, "%s must be a string", intake_member_name(i));
                return REJECT_BAD_FIELD;
        }
        return REJECT_NONE;
}

static enum reject_cause check_identity(const struct identity *id, struct error *err)
{
        return identity_check(id, err) == 0 ? REJECT_NONE : REJECT_BAD_FIELD;
}

/* FAILED ENTRIES: "bb:crr:failed:<site>:<hour>", "<bucket>:<key>:<version id>[:<role>]" */

static bool is_digits(struct str s)
{
        size_t i = 0;

        while (i < s.len && s.base[i] >= '0' && s.base[i] <= '9')
                i++;
        return s.len > 0 && i == s.len;
}

/* The hour says nothing that counts: a failure does not age by its key. */
static bool site_of_key(struct str key, struct str *ret)
{
        static const char *const prefixes[] = { "bb:crr:failed:", "test:bb:crr:failed:" };
        struct str hour;

        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
                size_t n = strlen(prefixes[i]);

                if (str_has_prefix(key, prefixes[i]))
                        return str_split_last((struct str){ key.base + n, key.len - n }, ':', ret,
                                              &hour) &&
                               ret->len > 0 && is_digits(hour);
        }
        return false;
}

static void take_role(struct intake_decoder *d, struct str encoded, struct failure *f)
{
        struct str role;

        buf_clear(&d->role);
        if (encoded.len == 0)
                return;
        if (url_decode(&d->role, encoded, false)) {
                role = buf_str(&d->role);
                if (role.len <= LIMIT_ROLE_BYTES && str_is_utf8(role)) {
                        f->role = role;
                        return;
                }
        }
        d->ignored_fields |= failure_field_bit("Role");
}

static enum reject_cause take_member(struct intake_decoder *d, struct str member, struct failure *f,
                                     struct error *err)
{
        struct str role, rest;

        if (d->has_roles) {
                if (!str_split_last(member, ':', &member, &role))
                        return unknown(err, "member has no role");
                take_role(d, role, f);
        }
        if (!str_split(member, ':', &f->id.bucket, &rest) ||
            !str_split_last(rest, ':', &f->id.key, &f->id.version_id))
                return unknown(err, "member is not <bucket>:<key>:<version id>");
        if (f->id.bucket.len == 0 || f->id.key.len == 0)
                return unknown(err, "member has an empty bucket or key");
        return REJECT_NONE;
}

enum reject_cause backbeat_take_failed_entry(struct intake_decoder *d, const struct intake_top *top,
                                             struct error *err)
{
        struct failure *f = &intake_add_item(d)->failure;
        enum reject_cause cause = need_texts(top, INTAKE_BIT(KEY) | INTAKE_BIT(MEMBER), err);

        if (cause != REJECT_NONE)
                return cause;
        if (!site_of_key(top->texts[INTAKE_KEY], &f->id.site))
                return unknown(err, "key is not bb:crr:failed:<site>:<hour>");
        cause = take_member(d, top->texts[INTAKE_MEMBER], f, err);
        if (cause != REJECT_NONE)
                return cause;
        if ((top->bad & INTAKE_BIT(SCORE)) != 0)
                d->ignored_fields |= failure_field_bit("FailedAt");
        f->failed_at_ms = top->score_ms != TIME_UNKNOWN ? top->score_ms : d->timestamp_ms;
        return check_identity(&f->id, err);
}

/* QUEUE ENTRIES: one item per backend that failed or was completed */

/* Behind the object's key a U+0000 and the raw version id may stand. */
static struct str object_key(struct str key)
{
        struct str rest;

        str_split(key, '\0', &key, &rest);
        return key;
}

static enum reject_cause take_backend(struct intake_decoder *d, const struct intake_top *top,
                                      const struct backbeat_metadata *m,
                                      const struct backbeat_backend *backend, struct error *err)
{
        struct intake_item *item = intake_add_item(d);
        struct failure *f = &item->failure;

        item->completed = backend->status == BACKEND_COMPLETED;
        f->id = (struct identity){
                .bucket = top->texts[INTAKE_BUCKET],
                .key = object_key(top->texts[INTAKE_KEY]),
                .version_id = m->version_id,
                .site = backend->site,
        };
        if (!item->completed) {
                f->size = m->size;
                f->last_modified_ms = m->last_modified_ms;
                f->role = m->role;
                f->failed_at_ms = d->timestamp_ms;
        }
        return check_identity(&f->id, err);
}

static bool is_of_interest(const struct backbeat_backend *backend, struct str site)
{
        if (site.len > 0 && !str_eq(backend->site, site))
                return false;
        return backend->status == BACKEND_FAILED || backend->status == BACKEND_COMPLETED;
}

enum reject_cause backbeat_take_queue_entry(struct intake_decoder *d, const struct intake_top *top,
                                            struct error *err)
{
        const uint64_t needed = INTAKE_BIT(BUCKET) | INTAKE_BIT(KEY) | INTAKE_BIT(VALUE);
        struct backbeat_metadata m;
        enum reject_cause cause = need_texts(top, needed | (top->bad & INTAKE_BIT(SITE)), err);

        if (cause != REJECT_NONE)
                return cause;
        if (backbeat_read(d->metadata, top->texts[INTAKE_VALUE], &m, err) != 0) {
                error_prefix(err, "the metadata in value"); /* its bytes are counted, not ours */
                return reject_cause_of(backbeat_reader_fault(d->metadata), REJECT_BAD_FIELD);
        }
        d->ignored_fields = m.ignored;
        for (size_t i = 0; i < m.n_backends && cause == REJECT_NONE; i++)
                if (is_of_interest(&m.backends[i], top->texts[INTAKE_SITE]))
                        cause = take_backend(d, top, &m, &m.backends[i], err);
        return cause;
}
