#include <ctype.h>
#include <string.h>

#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "validator/verdict.h"

static bool is_identifier(const char *s)
{
	for (; *s != '\0'; s++)
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

static void test_every_reason_has_a_row(void)
{
	for (int r = 0; r < VAL_R_MAX; r++) {
		const char *name = val_reason_name((enum val_reason)r);
		const char *text = val_reason_text((enum val_reason)r);

		CU_ASSERT_PTR_NOT_NULL_FATAL(name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(text);
		UNIT_CHECK(name, name[0] != '\0' && is_identifier(name));
		UNIT_CHECK(name, strlen(text) > 10 && text[strlen(text) - 1] != '.');
		for (int other = 0; other < r; other++)
			UNIT_CHECK(
				name, strcmp(name, val_reason_name((enum val_reason)other)) != 0);
	}
}

/* As the list in verdict.h says: what a client is told is part of the contract. */
static void test_extended_errors(void)
{
	static const struct {
		enum val_reason reason;
		int ede;
	} rows[] = {
		{VAL_R_NONE, DNS_EDE_NONE},
		{VAL_R_SIG_EXPIRED, DNS_EDE_SIG_EXPIRED},
		{VAL_R_SIG_NOT_YET_VALID, DNS_EDE_SIG_NOT_YET_VALID},
		{VAL_R_SIG_TIMES_REVERSED, DNS_EDE_BOGUS},
		{VAL_R_SIG_CRYPTO, DNS_EDE_BOGUS},
		{VAL_R_SIG_MALFORMED, DNS_EDE_BOGUS},
		{VAL_R_SIG_LABELS, DNS_EDE_BOGUS},
		{VAL_R_SIG_SIGNER, DNS_EDE_BOGUS},
		{VAL_R_SIG_MISSING, DNS_EDE_RRSIGS_MISSING},
		{VAL_R_KEY_MISSING, DNS_EDE_DNSKEY_MISSING},
		{VAL_R_KEY_NOT_ZONE, DNS_EDE_NO_ZONE_KEY_BIT},
		{VAL_R_KEY_REVOKED, DNS_EDE_BOGUS},
		{VAL_R_DNSKEY_NO_DS_MATCH, DNS_EDE_DNSKEY_MISSING},
		{VAL_R_DENIAL_MISSING, DNS_EDE_NSEC_MISSING},
		{VAL_R_DENIAL_INCOMPLETE, DNS_EDE_BOGUS},
		{VAL_R_DENIAL_CONTRADICTS, DNS_EDE_BOGUS},
		{VAL_R_NSEC3_PARAMS, DNS_EDE_BOGUS},
		{VAL_R_NSEC3_ITERATIONS, DNS_EDE_UNSUPPORTED_NSEC3_ITER},
		{VAL_R_ALG_UNSUPPORTED, DNS_EDE_UNSUPPORTED_DNSKEY_ALG},
		{VAL_R_DIGEST_UNSUPPORTED, DNS_EDE_UNSUPPORTED_DS_DIGEST},
		{VAL_R_UNSIGNED_DELEGATION, DNS_EDE_NONE},
		{VAL_R_UNSIGNED_ZONE, DNS_EDE_NONE},
		{VAL_R_NEGATIVE_ANCHOR, DNS_EDE_NONE},
		{VAL_R_NO_CHAIN, DNS_EDE_INDETERMINATE},
		{VAL_R_BUDGET, DNS_EDE_OTHER},
		{VAL_R_TOO_LARGE, DNS_EDE_OTHER},
		{VAL_R_MALFORMED, DNS_EDE_BOGUS},
		{VAL_R_CHAIN_TRUNCATED, DNS_EDE_INDETERMINATE},
		{VAL_R_LAME, DNS_EDE_NONE},
	};

	CU_ASSERT_EQUAL(sizeof(rows) / sizeof(rows[0]), VAL_R_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		UNIT_CHECK(val_reason_name(rows[i].reason),
			val_reason_ede(rows[i].reason) == rows[i].ede);
}

static void test_verdict_names(void)
{
	CU_ASSERT_STRING_EQUAL(val_verdict_name(VAL_INDETERMINATE), "indeterminate");
	CU_ASSERT_STRING_EQUAL(val_verdict_name(VAL_SECURE), "secure");
	CU_ASSERT_STRING_EQUAL(val_verdict_name(VAL_INSECURE), "insecure");
	CU_ASSERT_STRING_EQUAL(val_verdict_name(VAL_BOGUS), "bogus");
	CU_ASSERT_STRING_EQUAL(val_verdict_name(VAL_PENDING), "pending");
}

static void test_outside_the_lists(void)
{
	CU_ASSERT_STRING_EQUAL(val_verdict_name((enum val_verdict)(VAL_PENDING + 1)), "unknown");
	CU_ASSERT_STRING_EQUAL(val_reason_name(VAL_R_MAX), "unknown");
	CU_ASSERT_STRING_EQUAL(val_reason_text(VAL_R_MAX), "unknown reason");
	CU_ASSERT_EQUAL(val_reason_ede(VAL_R_MAX), DNS_EDE_OTHER);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"every reason has a name of its own and a sentence", test_every_reason_has_a_row},
		{"extended errors", test_extended_errors},
		{"verdicts", test_verdict_names},
		{"outside the lists", test_outside_the_lists},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/verdict", tests);
}
