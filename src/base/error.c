/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
        va_list ap;

        err->code = code;
        va_start(ap, format);
        vsnprintf(err->message, sizeof err->message, format, ap);
        va_end(ap);
        return (int)code;
}

int error_prefix(struct error *err, const char *format, ...)
{
        char rest[sizeof err->message];
        size_t room;
        va_list ap;
        int n;

        memcpy(rest, err->message, sizeof rest);
        va_start(ap, format);
        n = vsnprintf(err->message, sizeof err->message - 3, format, ap);
        va_end(ap);
        if (n < 0 || (size_t)n >= sizeof err->message - 3)
                return (int)err->code;
        memcpy(err->message + n, ": ", 2);
        room = sizeof err->message - (size_t)n - 3;
        memcpy(err->message + n + 2, rest, room);
        err->message[n + 2 + (int)room] = '\0';
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
