/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/siphash.h"

/* The key and the messages of the reference's own vectors: bytes that count up. */
static const struct siphash_key key = { { UINT64_C(0x0706050403020100),
                                          UINT64_C(0x0f0e0d0c0b0a0908) } };
static uint8_t message[64];

static void hashes_are_those_of_other_implementations(void)
{
        static const struct {
                size_t n;
                uint64_t hash;
        } rows[] = {
                { 0, UINT64_C(0xabac0158050fc4dc) },  { 1, UINT64_C(0xc9f49bf37d57ca93) },
                { 2, UINT64_C(0x82cb9b024dc7d44d) },  { 7, UINT64_C(0xd3927d989bb11140) },
                { 8, UINT64_C(0x369095118d299a8e) },  { 9, UINT64_C(0x25a48eb36c063de4) },
                { 15, UINT64_C(0xd320d86d2a519956) }, { 63, UINT64_C(0x9d199062b7bbb3a8) },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                CHECK(siphash13(&key, message, rows[i].n) == rows[i].hash);
}

static void words_give_the_same_as_their_bytes(void)
{
        for (size_t n = 0; n < sizeof message; n++) {
                struct siphash s = siphash13_begin(&key);
                size_t at = 0;

                for (; at + 8 <= n; at += 8)
                        siphash13_word(&s, bytes_get64(message + at));
                CHECK(siphash13_end(&s, bytes_get_tail(message + at, (unsigned)(n - at)), n) ==
                      siphash13(&key, message, n));
        }
}

int main(void)
{
        for (size_t i = 0; i < sizeof message; i++)
                message[i] = (uint8_t)i;
        RUN(hashes_are_those_of_other_implementations);
        RUN(words_give_the_same_as_their_bytes);
        return 0;
}
