#include <stdlib.h>
#include <string.h>

#include "control/tcp_frames.h"
#include "tests/unit/run.h"

/* Write bytes as they might arrive: in pieces of `piece`. What comes out is noted in got. */
struct got {
	unsigned count;
	size_t octets;
	uint16_t len[8];
	uint8_t first[8];
};

static void feed(
	struct ctl_frames *f, const uint8_t *bytes, size_t n, size_t piece, struct got *got)
{
	while (n > 0) {
		uint8_t *at;
		size_t room = ctl_frames_room(f, &at);
		size_t k = piece < n ? piece : n;

		CU_ASSERT_TRUE_FATAL(room > 0);
		k = k < room ? k : room;
		memcpy(at, bytes, k);
		ctl_frames_added(f, k);
		bytes += k;
		n -= k;
		uint16_t len;
		const uint8_t *msg;
		while ((msg = ctl_frames_next(f, &len)) != NULL) {
			got->len[got->count % 8] = len;
			got->first[got->count++ % 8] = len ? msg[0] : 0;
			got->octets += len;
		}
	}
}

static void test_pieces(void)
{
	static const uint8_t stream[] = {0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd', 0, 2, 'e'};

	for (size_t piece = 1; piece <= sizeof(stream); piece++) {
		struct ctl_frames f = {0};
		struct got got = {0};

		feed(&f, stream, sizeof(stream), piece, &got);
		CU_ASSERT_EQUAL(got.count, 3);
		CU_ASSERT_TRUE(got.len[0] == 3 && got.len[1] == 0 && got.len[2] == 1);
		CU_ASSERT_TRUE(got.first[0] == 'a' && got.first[2] == 'd');
		feed(&f, (const uint8_t *)"f", 1, 1, &got);
		CU_ASSERT_TRUE(got.count == 4 && got.len[3] == 2 && got.first[3] == 'e');
		ctl_frames_fini(&f);
	}
}

/* The largest message fits, and the buffer does not grow beyond it. */
static void test_largest(void)
{
	uint8_t *big = malloc(CTL_FRAMES_MAX);
	struct ctl_frames f = {0};
	struct got got = {0};

	memset(big, 0x55, CTL_FRAMES_MAX);
	big[0] = big[1] = 0xff;
	for (unsigned i = 0; i < 3; i++)
		feed(&f, big, CTL_FRAMES_MAX, 4096, &got);
	CU_ASSERT_EQUAL(got.count, 3);
	CU_ASSERT_EQUAL(got.octets, 3 * (size_t)UINT16_MAX);
	CU_ASSERT_EQUAL(f.size, CTL_FRAMES_MAX);
	ctl_frames_fini(&f);
	free(big);
}

/* Against the plain way: random lengths, random pieces. */
static void test_random(void)
{
	srand(7);
	for (unsigned round = 0; round < 200; round++) {
		uint8_t stream[6000];
		size_t n = 0, octets = 0;
		unsigned count = 0;
		struct ctl_frames f = {0};
		struct got got = {0};

		while (n < 4000) {
			uint16_t len = (uint16_t)(rand() % 1500);
			stream[n++] = (uint8_t)(len >> 8);
			stream[n++] = (uint8_t)len;
			memset(stream + n, rand() % 256, len);
			n += len;
			octets += len;
			count++;
		}
		feed(&f, stream, n, (size_t)(rand() % 700 + 1), &got);
		CU_ASSERT_EQUAL(got.count, count);
		CU_ASSERT_EQUAL(got.octets, octets);
		ctl_frames_fini(&f);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"messages come out whole, whatever the pieces", test_pieces},
		{"65,535 octets fit", test_largest},
		{"random lengths and pieces", test_random},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/tcp_frames", tests);
}
