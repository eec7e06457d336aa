#pragma once

#include <stddef.h>
#include <stdint.h>

/** Mnemonics for people and JSON; unknown values come as "TYPE65280", "RCODE17" in buf. */
enum { DNS_MNEMONIC_MAX = 16 };
const char *dns_type_text(uint16_t type, char buf[DNS_MNEMONIC_MAX]);
const char *dns_rcode_text(uint16_t rcode, char buf[DNS_MNEMONIC_MAX]);
/** Text of an extended error (RFC 8914 s4 purpose in two or three words); "" for DNS_EDE_NONE. */
const char *dns_ede_text(int ede);
/** A type's number from its mnemonic or TYPEnnn. @retval 0..65535, -EINVAL */
int dns_type_from_text(const char *text);
