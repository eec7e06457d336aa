#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * What each fuzz_x.c defines: libFuzzer's entry, and replay.c's. Any data; a fault shows as a
 * crash, a sanitizer's report or an abort(). @return 0
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
