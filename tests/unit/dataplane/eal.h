#pragma once

/**
 * Start EAL for a unit test: no hugepages, no files, no devices. A failure ends the program with a
 * message and exit code 1; it is never a skip.
 */
void test_eal_start(const char *program);
