/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_trouble.h"

#include <stdio.h>
#include <string.h>

#include "crr/base/log.h"
#include "crr/base/time.h"

void kafka_trouble_init(struct kafka_trouble *t, struct metrics *metrics, const char *bootstrap)
{
        memset(t, 0, sizeof *t);
        uv_mutex_init(&t->mutex);
        t->metrics = metrics;
        t->bootstrap = bootstrap;
        t->down_since_ms = time_monotonic_ms();
}

void kafka_trouble_deinit(struct kafka_trouble *t)
{
        uv_mutex_destroy(&t->mutex);
}

void kafka_trouble_note(struct kafka_trouble *t, enum kafka_handle handle, rd_kafka_resp_err_t code,
                        const char *text)
{
        struct trouble_note *note = NULL;

        uv_mutex_lock(&t->mutex);
        for (unsigned i = 0; i < t->n; i++)
                if (t->notes[i].handle == handle && t->notes[i].code == code)
                        note = &t->notes[i];
        if (note == NULL && t->n < TROUBLE_SLOTS) {
                note = &t->notes[t->n++];
                *note = (struct trouble_note){ .handle = handle, .code = code };
        }
        if (note != NULL) {
                note->count++;
                snprintf(note->text, sizeof note->text, "%s", text);
        }
        uv_mutex_unlock(&t->mutex);
}

static bool is_connection(rd_kafka_resp_err_t code)
{
        return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE ||
               code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__SSL ||
               code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
               code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
}

static bool is_auth(rd_kafka_resp_err_t code)
{
        return code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
               code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
}

bool kafka_trouble_is_auth(const struct kafka_trouble *t)
{
        return !t->broker_up && is_auth(t->last_code);
}

/* SCRAM of librdkafka 2.0 to 2.6.0 never authenticates against Kafka 4: a day lost, unless somebody
 * says so. */
static const char *auth_hint(void)
{
        return rd_kafka_version() < 0x02060100
                       ? "check sasl.username and sasl.password; SCRAM needs librdkafka 2.6.1 "
                         "against Kafka 4 and newer, PLAIN works"
                       : "check sasl.username and sasl.password";
}

static struct trouble_said *said_of(struct kafka_trouble *t, const struct trouble_note *note)
{
        struct trouble_said *oldest = &t->saids[0];

        for (unsigned i = 0; i < t->n_saids; i++) {
                if (t->saids[i].handle == note->handle && t->saids[i].code == note->code)
                        return &t->saids[i];
                if (t->saids[i].seldom.due_ms < oldest->seldom.due_ms)
                        oldest = &t->saids[i];
        }
        if (t->n_saids < TROUBLE_SLOTS)
                oldest = &t->saids[t->n_saids++];
        *oldest = (struct trouble_said){ note->handle, note->code, { 0 } };
        return oldest;
}

static void say_error(struct kafka_trouble *t, const struct trouble_note *note)
{
        struct trouble_said *s = said_of(t, note);
        int64_t n = log_seldom(&s->seldom, note->count, time_monotonic_ms());

        snprintf(t->last_of[note->handle], sizeof t->last_of[0], "%s", note->text);
        if (n == 0)
                return;
        log_emit(LOG_KAFKA_ERROR,
                 LOG_FIELDS(log_c("handle", kafka_handle_name(note->handle)),
                            log_c("code", rd_kafka_err2name(note->code)), log_i("n", n)),
                 "%s", note->text);
}

static void say(struct kafka_trouble *t, const struct trouble_note *note)
{
        if (is_connection(note->code)) {
                if (note->code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
                        return; /* it follows the one that says why */
                t->no_connection[note->handle] = *note;
                t->last_code = note->code;
                snprintf(t->last_text, sizeof t->last_text, "%s", note->text);
                if (is_auth(note->code) && !t->auth_said) {
                        t->auth_said = true;
                        log_emit(LOG_KAFKA_AUTH,
                                 LOG_FIELDS(log_c("handle", kafka_handle_name(note->handle)),
                                            log_c("hint", auth_hint())),
                                 "%s", note->text);
                }
                return;
        }
        say_error(t, note);
}

void kafka_trouble_collect(struct kafka_trouble *t)
{
        struct trouble_note notes[TROUBLE_SLOTS];
        unsigned n;

        uv_mutex_lock(&t->mutex);
        n = t->n;
        memcpy(notes, t->notes, n * sizeof *notes);
        t->n = 0;
        uv_mutex_unlock(&t->mutex);
        for (unsigned i = 0; i < n; i++) {
                metrics_add(t->metrics, METRIC_KAFKA_ERRORS_TOTAL,
                            LABELS_2(kafka_handle_name(notes[i].handle),
                                     rd_kafka_err2name(notes[i].code)),
                            notes[i].count);
                say(t, &notes[i]);
        }
}

void kafka_trouble_forget(struct kafka_trouble *t, enum kafka_handle handle)
{
        t->last_of[handle][0] = '\0';
        t->no_connection[handle] = (struct trouble_note){ 0 };
}

const char *kafka_trouble_of(const struct kafka_trouble *t, enum kafka_handle handle)
{
        if (t->last_of[handle][0] != '\0')
                return t->last_of[handle];
        return t->no_connection[handle].text[0] != '\0' ? t->no_connection[handle].text : NULL;
}

const char *kafka_trouble_wait(const struct kafka_trouble *t, enum kafka_handle handle,
                               const char *known)
{
        bool is_refused = t->last_of[handle][0] == '\0' && is_auth(t->no_connection[handle].code);

        return is_refused ? "authentication" : known;
}

void kafka_trouble_on_broker(struct kafka_trouble *t, bool up)
{
        int64_t now = time_monotonic_ms();

        kafka_trouble_collect(t);
        if (!up && !t->broker_said_down) {
                t->broker_said_down = true;
                log_emit(LOG_BROKER_DOWN, LOG_FIELDS(log_c("bootstrap", t->bootstrap)),
                         "no broker answers, we go on trying: %s",
                         t->last_text[0] != '\0' ? t->last_text : "no answer");
        }
        if (!up && t->broker_up)
                t->down_since_ms = now;
        if (up && t->broker_said_down)
                log_emit(LOG_BROKER_UP,
                         LOG_FIELDS(log_c("bootstrap", t->bootstrap),
                                    log_i("duration_ms", now - t->down_since_ms)),
                         "a broker answers again");
        if (up) {
                t->broker_said_down = t->auth_said = false;
                t->last_code = RD_KAFKA_RESP_ERR_NO_ERROR;
                t->last_text[0] = '\0';
        }
        t->broker_up = up;
}
