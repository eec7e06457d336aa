#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/msg_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int rc;
	const char *broken = msg_check(data, len, &rc);

	if (broken) {
		fprintf(stderr, "does not hold: %s\n", broken);
		abort();
	}
	return 0;
}
