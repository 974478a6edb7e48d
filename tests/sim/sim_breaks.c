/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_breaks.h"

#include <string.h>

#include "member_private.h"

static enum sim_break broken;

bool sim_breaks(enum sim_break what)
{
        return broken == what;
}

void sim_break(enum sim_break what)
{
        broken = what;
}

enum sim_break sim_break_of(const char *name)
{
#define X(id, text)                  \
        if (strcmp(name, text) == 0) \
                return SIM_BREAK_##id;
        SIM_BREAKS(X)
#undef X
        return SIM_BREAK_NOTHING;
}

/* By the linker's --wrap: what the other files of the core call. */
bool real_overlay_hides(const struct member *m,
                        const struct identity *id) __asm__("__real_overlay_hides");
bool our_overlay_hides(const struct member *m,
                       const struct identity *id) __asm__("__wrap_overlay_hides");
struct outgoing *real_overlay_find(struct member *m,
                                   const struct identity *id) __asm__("__real_overlay_find");
struct outgoing *our_overlay_find(struct member *m,
                                  const struct identity *id) __asm__("__wrap_overlay_find");
struct outgoing *real_overlay_find_hash(struct member *m, const struct identity *id,
                                        uint64_t hash) __asm__("__real_overlay_find_hash");
struct outgoing *our_overlay_find_hash(struct member *m, const struct identity *id,
                                       uint64_t hash) __asm__("__wrap_overlay_find_hash");

bool our_overlay_hides(const struct member *m, const struct identity *id)
{
        return !sim_breaks(SIM_BREAK_OVERLAY) && real_overlay_hides(m, id);
}

struct outgoing *our_overlay_find(struct member *m, const struct identity *id)
{
        return sim_breaks(SIM_BREAK_OVERLAY) ? NULL : real_overlay_find(m, id);
}

struct outgoing *our_overlay_find_hash(struct member *m, const struct identity *id, uint64_t hash)
{
        return sim_breaks(SIM_BREAK_OVERLAY) ? NULL : real_overlay_find_hash(m, id, hash);
}
