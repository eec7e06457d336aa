#include "dataplane/outcome.h"

#include "validator/time.h"

static enum route_outcome of_error(uint16_t rcode)
{
	switch (rcode) {
	case DNS_RCODE_SERVFAIL:
		return ROUTE_O_SERVFAIL;
	case DNS_RCODE_REFUSED:
		return ROUTE_O_REFUSED;
	default:
		return ROUTE_O_ERROR;
	}
}

static enum route_outcome of_bogus(enum val_reason reason)
{
	switch (reason) {
	case VAL_R_SIG_EXPIRED:
		return ROUTE_O_EXPIRED;
	case VAL_R_SIG_MISSING:
	case VAL_R_DENIAL_MISSING:
		return ROUTE_O_UNSIGNED;
	// our limits, or our crypto lcores are behind, or keys cannot be had: says nothing about
	// the site
	case VAL_R_BUDGET:
	case VAL_R_NO_CHAIN:
	case VAL_R_CHAIN_TRUNCATED:
		return ROUTE_O_INDETERMINATE;
	default:
		return ROUTE_O_BOGUS;
	}
}

enum route_outcome dp_outcome(const struct val_response *r, uint16_t rcode)
{
	if (r->kind == VAL_KIND_ERROR)
		return of_error(rcode);
	if (r->kind == VAL_KIND_LAME)
		return ROUTE_O_LAME;
	switch (r->result.verdict) {
	case VAL_SECURE:
		return ROUTE_O_SECURE;
	case VAL_INSECURE:
		return ROUTE_O_INSECURE;
	case VAL_BOGUS:
		return of_bogus(r->result.reason);
	default:
		return ROUTE_O_INDETERMINATE;
	}
}

int dp_outcome_ede(enum route_outcome outcome, enum val_reason reason)
{
	switch (outcome) {
	case ROUTE_O_SERVFAIL:
	case ROUTE_O_ERROR:
		return DNS_EDE_NETWORK_ERROR;
	case ROUTE_O_REFUSED:
	case ROUTE_O_LAME:
		return DNS_EDE_NO_REACHABLE_AUTHORITY;
	default:
		return val_reason_ede(reason);
	}
}

static int rank(int ede)
{
	switch (ede) {
	case DNS_EDE_NONE:
		return 0;
	case DNS_EDE_NO_REACHABLE_AUTHORITY:
		return 1;
	case DNS_EDE_OTHER:
	case DNS_EDE_NETWORK_ERROR:
	case DNS_EDE_INVALID_DATA:
		return 2;
	default:
		return 3;
	}
}

bool dp_outcome_ede_outranks(int ede, int other)
{
	return rank(ede) > rank(other);
}

bool dp_outcome_spans_zones(enum route_kind kind, const struct val_keys *all,
	const struct val_zone_keys *keys, uint32_t now)
{
	if (kind != ROUTE_RECURSIVE || all == NULL)
		return false;
	return (keys->status == VAL_ZONE_SECURE && !val_time_before(keys->valid_until, now)) ||
	       val_keys_anchored_below(all, &keys->zone);
}

bool dp_outcome_truncated(const struct dns_msg *msg)
{
	uint16_t rcode = dns_msg_rcode(msg);

	return (msg->flags & DNS_FLAG_TC) != 0 &&
	       (rcode == DNS_RCODE_NOERROR || rcode == DNS_RCODE_NXDOMAIN);
}
