#pragma once

#include "control/inspect.h"
#include "dns/hash.h"
#include "validator/response.h"

enum {
	INSPECT_QUERIES = 1 << 16,    // remembered, by hash: for what was asked with DO
	INSPECT_SERVED_MAX = 1 << 20, // pairs of server and zone
	INSPECT_SIGNATURES = 1 << 16, // verified once
};

/** A set of hashes that does not forget; what is beyond INSPECT_SERVED_MAX is not taken. */
struct inspect_set {
	uint64_t *item; // 0: empty
	size_t room, count;
};

struct ctl_inspect {
	struct ctl_inspect_options o;
	ctl_inspect_fn fn;
	void *arg;
	struct ctl_chain *chain;
	struct val_facts *facts;    // NULL while no response spanned zones
	struct val_sigcache *cache; // NULL while nothing was verified
	struct dns_hash_key key;
	bool built;
	uint64_t responses, other, not_dns;
	struct inspect_set served;
	uint64_t *query; // INSPECT_QUERIES hashes, the highest bit replaced by DO; NULL: none yet
	// scratch
	int64_t now_us; // of the message at hand
	struct dns_msg msg;
	struct val_ctx ctx;
	struct val_response judged;
};

/** Does this server speak for this zone, by what it has said in the capture? */
bool ctl_inspect_serves(
	struct ctl_inspect *i, const struct ctl_capture_msg *m, const uint8_t *zone);

/** Judge a parsed response: fill verdict, reasons, zone and signature of *out. */
void ctl_inspect_judge(struct ctl_inspect *i, const struct ctl_capture_msg *m, struct dns_msg *msg,
	struct ctl_judged *out);

/** Verdict, reason and its texts. */
void ctl_inspect_say(struct ctl_judged *j, enum val_verdict v, enum val_reason r);
/** Indeterminate, for what is missing. */
void ctl_inspect_say_missing(struct ctl_judged *j, const struct ctl_chain_place *place);
/** Indeterminate, for there is nothing to begin from. */
void ctl_inspect_say_no_anchor(struct ctl_judged *j, const struct dns_name *zone);

/** One judgement's signatures: the argument of ctl_inspect_verify(). */
struct inspect_verification {
	struct ctl_inspect *i;
	struct val_checks checks;
};
/** A val_want_fn that verifies at once, and remembers. */
int ctl_inspect_verify(void *arg, const struct val_want *want);

/** Does an answer of this zone hold records of others? */
bool ctl_inspect_spans(struct ctl_inspect *i, const struct dns_msg *m, const uint8_t *zone);
/** Judge such an answer. */
void ctl_inspect_judge_zones(struct ctl_inspect *i, const struct ctl_capture_msg *m,
	const struct dns_msg *msg, struct ctl_judged *j);

/** What is known of the query: was it asked with DO? */
enum inspect_asked { INSPECT_ASKED_UNKNOWN, INSPECT_ASKED_DO, INSPECT_ASKED_PLAIN };
enum inspect_asked ctl_inspect_asked(const struct ctl_inspect *i, const struct ctl_capture_msg *m,
	const struct dns_msg *response);
