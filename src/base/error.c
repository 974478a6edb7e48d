/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crr/base/str.h"

static const struct {
        const char *name;
        int http_status;
        bool retriable;
        const char *text;
} codes[ERR__COUNT] = {
#define X(code, name, http, retriable, text) \
        [ERR__ORDINAL_##code] = { name, http, retriable, text },
        ERROR_CODES(X)
#undef X
};

static int ordinal(enum error_code code)
{
        int n = -(int)code;

        assert(n > 0 && n < ERR__COUNT);
        return n;
}

/* `text` has a byte more than fits: it shows whether a character is cut there. */
static void keep(struct error *err, const char *text)
{
        struct str s = str_cut(str_from(text), sizeof err->message - 1);

        memcpy(err->message, s.base, s.len);
        err->message[s.len] = '\0';
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
        char text[sizeof err->message + 1];
        va_list ap;

        err->code = code;
        va_start(ap, format);
        vsnprintf(text, sizeof text, format, ap);
        va_end(ap);
        keep(err, text);
        return (int)code;
}

int error_prefix(struct error *err, const char *format, ...)
{
        char text[2 * sizeof err->message + 3];
        va_list ap;
        size_t n;

        va_start(ap, format);
        vsnprintf(text, sizeof err->message + 1, format, ap);
        va_end(ap);
        n = strlen(text);
        snprintf(text + n, sizeof text - n, ": %s", err->message);
        keep(err, text);
        return (int)err->code;
}

const char *error_name(enum error_code code)
{
        return codes[ordinal(code)].name;
}

const char *error_text(enum error_code code)
{
        return codes[ordinal(code)].text;
}

int error_http_status(enum error_code code)
{
        return codes[ordinal(code)].http_status;
}

bool error_is_retriable(enum error_code code)
{
        return codes[ordinal(code)].retriable;
}
