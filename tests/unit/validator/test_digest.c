#include <errno.h>
#include <string.h>

#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "validator/digest.h"

/* "abc" of FIPS 180, cut at every place: two parts are one input. */
static void test_known(void)
{
	static const struct {
		const char *name;
		uint8_t type;
		const char *hex;
	} rows[] = {
		{"SHA-1", VAL_DIGEST_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{"SHA-256", VAL_DIGEST_SHA256,
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"SHA-384", VAL_DIGEST_SHA384,
			"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
			"8086072ba1e7cc2358baeca134c825a7"},
	};
	const uint8_t *abc = (const uint8_t *)"abc";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].hex) / 2;

		UNIT_CHECK(rows[i].name, val_digest_len(rows[i].type) == (int)len);
		for (size_t cut = 0; cut <= 3; cut++) {
			uint8_t out[VAL_DIGEST_MAX + 1];
			char hex[2 * VAL_DIGEST_MAX + 1];

			memset(out, 0xee, sizeof(out));
			UNIT_CHECK(rows[i].name, val_digest(rows[i].type, abc, cut, abc + cut,
							 3 - cut, out) == (int)len);
			for (size_t k = 0; k < len; k++)
				snprintf(hex + 2 * k, 3, "%02x", out[k]);
			UNIT_CHECK(rows[i].name, strcmp(hex, rows[i].hex) == 0);
			UNIT_CHECK(rows[i].name, out[len] == 0xee);
		}
	}
}

static void test_unknown(void)
{
	uint8_t out[VAL_DIGEST_MAX] = {7};

	// 3 is GOST R 34.11-94
	for (int type = 0; type < 256; type++) {
		if (type == VAL_DIGEST_SHA1 || type == VAL_DIGEST_SHA256 ||
			type == VAL_DIGEST_SHA384)
			continue;
		CU_ASSERT_EQUAL(val_digest((uint8_t)type, out, 1, out, 1, out), -ENOTSUP);
		CU_ASSERT_EQUAL(out[0], 7);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"known digests", test_known},
		{"unknown types", test_unknown},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/digest", tests);
}
