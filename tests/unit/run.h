#pragma once

#include <CUnit/Basic.h>

/**
 * Run one suite and report: what every test program's main returns.
 * @param tests  ends with CU_TEST_INFO_NULL
 * @return failures (tests, not assertions), at most 99; 99 when CUnit itself does not start or ran
 * nothing
 */
static inline int test_run(const char *suite, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {
		{(char *)suite, NULL, NULL, NULL, NULL, tests},
		CU_SUITE_INFO_NULL,
	};
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
		return 99;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_tests_run() == 0 ? 99 : CU_get_number_of_tests_failed();
	CU_cleanup_registry();
	return failed > 99 ? 99 : (int)failed;
}
