/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_SETTINGS_CHECK_H
#define CRR_SRC_DAEMON_SETTINGS_CHECK_H

#include "crr/base/str.h"
#include "settings_private.h"

/* Is a text good for its setting? NULL, or what is wrong with it. */
const char *check_instance(struct str text);
const char *check_group(struct str text);
const char *check_topic(struct str text);
const char *check_address(struct str text);
const char *check_secret(struct str text);
const char *check_network(struct str text);
const char *check_advertise(struct str text);
const char *check_source_url(struct str text);
const char *check_access_key(struct str text);
const char *check_secret_key(struct str text);
const char *check_region(struct str text);
const char *check_role_keys(struct str text); /* "access key:secret key" */

/* "http://name:password@host": such a text is not repeated. */
bool check_holds_credentials(struct str text);

/* What no setting can say alone. */
void settings_check_together(struct settings *s);

#endif
