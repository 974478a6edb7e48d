/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SETTINGS_FIXTURE_H
#define TESTS_SETTINGS_FIXTURE_H

#include "crr/base/buf.h"
#include "crr/daemon/settings.h"

/* Settings from texts, over a librdkafka that knows a few names and refuses the value "bad". */
#define TEXT_LIMIT ((size_t)1024 * 1024)

extern const struct settings_kafka fake_settings_kafka;
extern char settings_file_name[]; /* of the one file that all tests use */

void settings_fixture_begin(void);
void settings_fixture_end(void);

const char *settings_file_of(const char *text); /* writes it; the name */
struct settings *settings_of(const char *file, const char *const *environment, const char *set);

/* Every problem as "source: path: message", one a line, with the file's name as FILE. */
void settings_problems_text(const struct settings *s, struct buf *out);
void check_problems(const struct settings *s, const char *wanted);
void check_good(const struct settings *s);

const char *settings_property(const struct settings *s, enum setting id, const char *name);

#endif
