/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/hash.h"

/* FIPS 180-4 examples. */
static void sha256_of_known_texts(void)
{
        char text[HASH_TEXT_SIZE];

        hash_sha256(STR("abc"), text);
        CHECK_STR(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        hash_sha256(STR(""), text);
        CHECK_STR(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, test cases 1 and 2. */
static void hmac_of_known_texts(void)
{
        static const char key[20] = { 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
                                      11, 11, 11, 11, 11, 11, 11, 11, 11, 11 };
        char text[HASH_TEXT_SIZE];

        hash_hmac_sha256((struct str){ key, sizeof key }, STR("Hi There"), text);
        CHECK_STR(text, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        hash_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), text);
        CHECK_STR(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void texts_are_equal_when_every_byte_is(void)
{
        CHECK(hash_eq(STR("abc"), STR("abc")));
        CHECK(!hash_eq(STR("abc"), STR("abd")));
        CHECK(!hash_eq(STR("abc"), STR("abcd")));
}

int main(void)
{
        RUN(sha256_of_known_texts);
        RUN(hmac_of_known_texts);
        RUN(texts_are_equal_when_every_byte_is);
        return 0;
}
