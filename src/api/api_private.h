/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_PRIVATE_H
#define API_PRIVATE_H

#include "body_reader.h"
#include "crr/api/api.h"
#include "writings.h"

/* What the dialects share. Route handlers get it as their `data`. */
struct api {
        struct api_config config;
        struct retry_service *door;
        struct metrics *metrics;
        struct api_health health;
        struct body_reader *bodies;
        struct writings *writings;
};

#endif
