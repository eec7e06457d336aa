#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Queries nobody should send: names of 255 octets, pointers that run in circles, records that are
 * cut off, counts that lie. For measuring what they cost a server, not for finding its faults:
 * tests/fuzz does that.
 */

enum { GEN_HOSTILE_KINDS = 8, GEN_HOSTILE_MAX = 512 };

/**
 * Write one of them.
 * @param kind    0..GEN_HOSTILE_KINDS - 1
 * @param random  varies names, so that no cache knows the next one
 * @param out     GEN_HOSTILE_MAX octets; the ID is left 0
 * @return octets written
 */
size_t gen_hostile_write(unsigned kind, uint64_t random, uint8_t *out);
