#include "dataplane/csum.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/run.h"

static uint64_t random_state = 0x243f6a8885a308d3;

static uint32_t random32(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33);
}

/** Word after word, with end-around carry: RFC 1071 s1 as it is written. */
static uint16_t naive(const uint8_t *octets, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2) {
		uint16_t word = 0;

		memcpy(&word, octets + i, i + 1 < len ? 2 : 1);
		sum += word;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static void folds(void)
{
	CU_ASSERT_EQUAL(dp_csum_fold(0), 0);
	CU_ASSERT_EQUAL(dp_csum_fold(0xffff), 0xffff);
	CU_ASSERT_EQUAL(dp_csum_fold(0x10000), 1);
	CU_ASSERT_EQUAL(dp_csum_fold(0x1ffff), 1);
	CU_ASSERT_EQUAL(dp_csum_fold(UINT64_MAX), 0xffff);
	CU_ASSERT_EQUAL(dp_csum_fold(UINT64_MAX - 1), 0xfffe);
	for (int i = 0; i < 100000; i++) {
		uint64_t sum = (uint64_t)random32() << 33 ^ random32();

		if (sum != 0)
			CU_ASSERT_EQUAL(dp_csum_fold(sum) % 0xffff, sum % 0xffff);
	}
}

/** Every length up to two hundred, then some, at every alignment, in blocks that end there. */
static void sums(void)
{
	for (size_t len = 0; len < 1300; len += len < 200 ? 1 : 37) {
		for (size_t at = 0; at < 17; at++) {
			uint8_t *block = malloc(at + len + 1);

			for (size_t i = 0; i < at + len; i++)
				block[i] = (uint8_t)random32();
			block = realloc(block, at + len > 0 ? at + len : 1);
			CU_ASSERT_EQUAL(dp_csum_fold(dp_csum_octets(block + at, len)),
				naive(block + at, len));
			free(block);
		}
	}
}

/** No lane overflows. */
static void largest(void)
{
	enum { MOST = 65535 };
	uint8_t *block = malloc(MOST);

	memset(block, 0xff, MOST);
	CU_ASSERT_EQUAL(dp_csum_octets(block, MOST) % 0xffff, naive(block, MOST) % 0xffff);
	CU_ASSERT_EQUAL(dp_csum_fold(dp_csum_octets(block, MOST)), naive(block, MOST));
	CU_ASSERT_TRUE(dp_csum_octets(block, MOST) < (uint64_t)1 << 48);
	free(block);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"folds", folds},
		{"sums", sums},
		{"the largest sum", largest},
		CU_TEST_INFO_NULL,
	};

	return test_run("csum", tests);
}
