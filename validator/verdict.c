#include "validator/verdict.h"

#include <assert.h>

static const char *const verdict_names[] = {
	[VAL_INDETERMINATE] = "indeterminate",
	[VAL_SECURE] = "secure",
	[VAL_INSECURE] = "insecure",
	[VAL_BOGUS] = "bogus",
	[VAL_PENDING] = "pending",
};

static const struct {
	const char *name;
	int ede;
	const char *text;
} reasons[] = {
	[VAL_R_NONE] = {"none", DNS_EDE_NONE, "nothing to say against it"},
	[VAL_R_SIG_EXPIRED] = {"sig_expired", DNS_EDE_SIG_EXPIRED, "the signature has expired"},
	[VAL_R_SIG_NOT_YET_VALID] = {"sig_not_yet_valid", DNS_EDE_SIG_NOT_YET_VALID,
		"the signature is not valid yet"},
	[VAL_R_SIG_TIMES_REVERSED] = {"sig_times_reversed", DNS_EDE_BOGUS,
		"the signature ends before it begins"},
	[VAL_R_SIG_CRYPTO] = {"sig_crypto", DNS_EDE_BOGUS,
		"no key of the zone verifies the signature"},
	[VAL_R_SIG_MALFORMED] = {"sig_malformed", DNS_EDE_BOGUS, "the RRSIG record is malformed"},
	[VAL_R_SIG_LABELS] = {"sig_labels", DNS_EDE_BOGUS,
		"the RRSIG's label count does not fit signer and owner"},
	[VAL_R_SIG_SIGNER] = {"sig_signer", DNS_EDE_BOGUS, "the signer is not the zone"},
	[VAL_R_SIG_MISSING] = {"sig_missing", DNS_EDE_RRSIGS_MISSING,
		"an RRset of a signed zone came without signature"},
	[VAL_R_KEY_MISSING] = {"key_missing", DNS_EDE_DNSKEY_MISSING,
		"the zone has no key with the signature's tag and algorithm"},
	[VAL_R_KEY_NOT_ZONE] = {"key_not_zone", DNS_EDE_NO_ZONE_KEY_BIT,
		"the key is not a zone key"},
	[VAL_R_KEY_REVOKED] = {"key_revoked", DNS_EDE_BOGUS, "the key is revoked"},
	[VAL_R_DNSKEY_NO_DS_MATCH] = {"dnskey_no_ds_match", DNS_EDE_DNSKEY_MISSING,
		"no DNSKEY matches the DS set or trust anchor"},
	[VAL_R_DENIAL_MISSING] = {"denial_missing", DNS_EDE_NSEC_MISSING,
		"the proof of non-existence is missing"},
	[VAL_R_DENIAL_INCOMPLETE] = {"denial_incomplete", DNS_EDE_BOGUS,
		"the proof of non-existence is incomplete"},
	[VAL_R_DENIAL_CONTRADICTS] = {"denial_contradicts", DNS_EDE_BOGUS,
		"the proof says that the data exists"},
	[VAL_R_NSEC3_PARAMS] = {"nsec3_params", DNS_EDE_BOGUS,
		"NSEC3 parameters differ within a proof"},
	[VAL_R_NSEC3_ITERATIONS] = {"nsec3_iterations", DNS_EDE_UNSUPPORTED_NSEC3_ITER,
		"too many NSEC3 iterations"},
	[VAL_R_ALG_UNSUPPORTED] = {"alg_unsupported", DNS_EDE_UNSUPPORTED_DNSKEY_ALG,
		"no supported signature algorithm"},
	[VAL_R_DIGEST_UNSUPPORTED] = {"digest_unsupported", DNS_EDE_UNSUPPORTED_DS_DIGEST,
		"no supported DS digest"},
	[VAL_R_UNSIGNED_DELEGATION] = {"unsigned_delegation", DNS_EDE_NONE,
		"the delegation provably has no DS"},
	[VAL_R_UNSIGNED_ZONE] = {"unsigned_zone", DNS_EDE_NONE, "the zone is provably unsigned"},
	[VAL_R_NEGATIVE_ANCHOR] = {"negative_anchor", DNS_EDE_NONE,
		"a negative trust anchor covers the zone"},
	[VAL_R_NO_CHAIN] = {"no_chain", DNS_EDE_INDETERMINATE,
		"there is no chain of trust to the zone"},
	[VAL_R_BUDGET] = {"budget", DNS_EDE_OTHER, "a limit on validation work was reached"},
	[VAL_R_TOO_LARGE] = {"too_large", DNS_EDE_OTHER, "the RRset is too large to validate"},
	[VAL_R_MALFORMED] = {"malformed", DNS_EDE_BOGUS, "a record is malformed"},
	[VAL_R_CHAIN_TRUNCATED] = {"chain_truncated", DNS_EDE_INDETERMINATE,
		"a DNSKEY or DS answer that the chain needs was truncated"},
	[VAL_R_LAME] = {"lame", DNS_EDE_NONE, "the server does not answer with authority"},
};

static_assert(sizeof(verdict_names) / sizeof(verdict_names[0]) == VAL_PENDING + 1,
	"a verdict lacks its name");
static_assert(sizeof(reasons) / sizeof(reasons[0]) == VAL_R_MAX, "a reason lacks its row");

const char *val_verdict_name(enum val_verdict v)
{
	return v <= VAL_PENDING ? verdict_names[v] : "unknown";
}

const char *val_reason_name(enum val_reason r)
{
	return r < VAL_R_MAX ? reasons[r].name : "unknown";
}

int val_reason_ede(enum val_reason r)
{
	return r < VAL_R_MAX ? reasons[r].ede : DNS_EDE_OTHER;
}

const char *val_reason_text(enum val_reason r)
{
	return r < VAL_R_MAX ? reasons[r].text : "unknown reason";
}
