#include "dns/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns/wire.h"

/** Mnemonics of IANA's registry that are met in practice; the rest is TYPEnnn (RFC 3597 s5). */
static const struct type_name {
	uint16_t type;
	const char *text;
} type_names[] = {
	{DNS_TYPE_A, "A"},
	{DNS_TYPE_NS, "NS"},
	{DNS_TYPE_MD, "MD"},
	{DNS_TYPE_MF, "MF"},
	{DNS_TYPE_CNAME, "CNAME"},
	{DNS_TYPE_SOA, "SOA"},
	{DNS_TYPE_MB, "MB"},
	{DNS_TYPE_MG, "MG"},
	{DNS_TYPE_MR, "MR"},
	{10, "NULL"},
	{11, "WKS"},
	{DNS_TYPE_PTR, "PTR"},
	{DNS_TYPE_HINFO, "HINFO"},
	{DNS_TYPE_MINFO, "MINFO"},
	{DNS_TYPE_MX, "MX"},
	{DNS_TYPE_TXT, "TXT"},
	{DNS_TYPE_RP, "RP"},
	{DNS_TYPE_AFSDB, "AFSDB"},
	{DNS_TYPE_RT, "RT"},
	{DNS_TYPE_SIG, "SIG"},
	{DNS_TYPE_KEY, "KEY"},
	{DNS_TYPE_PX, "PX"},
	{DNS_TYPE_AAAA, "AAAA"},
	{29, "LOC"},
	{DNS_TYPE_NXT, "NXT"},
	{DNS_TYPE_SRV, "SRV"},
	{DNS_TYPE_NAPTR, "NAPTR"},
	{DNS_TYPE_KX, "KX"},
	{37, "CERT"},
	{DNS_TYPE_A6, "A6"},
	{DNS_TYPE_DNAME, "DNAME"},
	{DNS_TYPE_OPT, "OPT"},
	{42, "APL"},
	{DNS_TYPE_DS, "DS"},
	{44, "SSHFP"},
	{DNS_TYPE_RRSIG, "RRSIG"},
	{DNS_TYPE_NSEC, "NSEC"},
	{DNS_TYPE_DNSKEY, "DNSKEY"},
	{DNS_TYPE_NSEC3, "NSEC3"},
	{DNS_TYPE_NSEC3PARAM, "NSEC3PARAM"},
	{52, "TLSA"},
	{53, "SMIMEA"},
	{DNS_TYPE_CDS, "CDS"},
	{DNS_TYPE_CDNSKEY, "CDNSKEY"},
	{61, "OPENPGPKEY"},
	{62, "CSYNC"},
	{63, "ZONEMD"},
	{DNS_TYPE_SVCB, "SVCB"},
	{DNS_TYPE_HTTPS, "HTTPS"},
	{99, "SPF"},
	{DNS_TYPE_IXFR, "IXFR"},
	{DNS_TYPE_AXFR, "AXFR"},
	{DNS_TYPE_MAILB, "MAILB"},
	{DNS_TYPE_MAILA, "MAILA"},
	{DNS_TYPE_ANY, "ANY"},
	{256, "URI"},
	{257, "CAA"},
};

enum { TYPE_NAMES = sizeof(type_names) / sizeof(type_names[0]) };

static const char *const rcode_names[] = {
	"NOERROR",
	"FORMERR",
	"SERVFAIL",
	"NXDOMAIN",
	"NOTIMP",
	"REFUSED",
	"YXDOMAIN",
	"YXRRSET",
	"NXRRSET",
	"NOTAUTH",
	"NOTZONE",
	"DSOTYPENI",
	[DNS_RCODE_BADVERS] = "BADVERS",
	[23] = "BADCOOKIE",
};

enum { RCODE_NAMES = sizeof(rcode_names) / sizeof(rcode_names[0]) };

static const char *const ede_names[] = {
	"Other Error",
	"Unsupported DNSKEY Algorithm",
	"Unsupported DS Digest Type",
	"Stale Answer",
	"Forged Answer",
	"DNSSEC Indeterminate",
	"DNSSEC Bogus",
	"Signature Expired",
	"Signature Not Yet Valid",
	"DNSKEY Missing",
	"RRSIGs Missing",
	"No Zone Key Bit Set",
	"NSEC Missing",
	"Cached Error",
	"Not Ready",
	"Blocked",
	"Censored",
	"Filtered",
	"Prohibited",
	"Stale NXDOMAIN Answer",
	"Not Authoritative",
	"Not Supported",
	"No Reachable Authority",
	"Network Error",
	"Invalid Data",
	"Signature Expired before Valid",
	"Too Early",
	"Unsupported NSEC3 Iterations",
};

enum { EDE_NAMES = sizeof(ede_names) / sizeof(ede_names[0]) };

const char *dns_type_text(uint16_t type, char buf[DNS_MNEMONIC_MAX])
{
	for (size_t i = 0; i < TYPE_NAMES; i++) {
		if (type_names[i].type == type)
			return type_names[i].text;
	}
	snprintf(buf, DNS_MNEMONIC_MAX, "TYPE%u", (unsigned)type);
	return buf;
}

const char *dns_rcode_text(uint16_t rcode, char buf[DNS_MNEMONIC_MAX])
{
	if (rcode < RCODE_NAMES && rcode_names[rcode])
		return rcode_names[rcode];
	snprintf(buf, DNS_MNEMONIC_MAX, "RCODE%u", (unsigned)rcode);
	return buf;
}

const char *dns_ede_text(int ede)
{
	if (ede == DNS_EDE_NONE)
		return "";
	return ede >= 0 && ede < EDE_NAMES ? ede_names[ede] : "Unknown";
}

/** Digits only, no sign or blank as strtoul() would let pass. @retval 0..65535, -EINVAL */
static int parse_u16(const char *digits)
{
	int value = 0;

	if (*digits == '\0')
		return -EINVAL;
	for (; *digits != '\0'; digits++) {
		if (*digits < '0' || *digits > '9')
			return -EINVAL;
		value = value * 10 + (*digits - '0');
		if (value > UINT16_MAX)
			return -EINVAL;
	}
	return value;
}

int dns_type_from_text(const char *text)
{
	for (size_t i = 0; i < TYPE_NAMES; i++) {
		if (strcasecmp(type_names[i].text, text) == 0)
			return type_names[i].type;
	}
	return strncasecmp(text, "TYPE", 4) == 0 ? parse_u16(text + 4) : -EINVAL;
}
