#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Parse a message, walk all that dns/ can walk, write it again and compare. Shared by the fuzz
 * target and by the unit test over the collected messages.
 *
 * @param data  an exact-size block, so that ASan sees one octet too far
 * @param rc    gets what dns_msg_parse() said
 * @return      the rule that does not hold, or NULL: all is well
 */
const char *msg_check(const uint8_t *data, size_t len, int *rc);
