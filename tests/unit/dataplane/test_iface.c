#include <errno.h>
#include <net/if.h>
#include <unistd.h>

#include "dataplane/iface.h"
#include "tests/unit/run.h"

enum { NO_INTERFACE = 0x7ffffff0 }; // a number that none has

static void reads(void)
{
	struct dp_iface i;

	CU_ASSERT_EQUAL_FATAL(dp_iface_read("lo", &i), 0);
	CU_ASSERT_EQUAL(i.ifindex, if_nametoindex("lo"));
	CU_ASSERT_FALSE(i.combined);
	CU_ASSERT_EQUAL(i.rx_queues, 0); // loopback does not say
	CU_ASSERT_EQUAL(dp_iface_read("swerve-none", &i), -ENODEV);
	CU_ASSERT_EQUAL(dp_iface_read("", &i), -ENODEV);
	CU_ASSERT_EQUAL(dp_iface_read("a-name-longer-than-any-interface-has", &i), -ENODEV);
}

static void claims(void)
{
	int a = dp_iface_claim(NO_INTERFACE);
	int b = dp_iface_claim(NO_INTERFACE + 1);

	CU_ASSERT_TRUE(a >= 0 && b >= 0);
	CU_ASSERT_EQUAL(dp_iface_claim(NO_INTERFACE), -EBUSY);
	close(a);
	a = dp_iface_claim(NO_INTERFACE);
	CU_ASSERT_TRUE(a >= 0);
	CU_ASSERT_EQUAL(dp_iface_claim(NO_INTERFACE + 1), -EBUSY);
	close(a);
	close(b);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"reads an interface", reads},
		{"claims an interface", claims},
		CU_TEST_INFO_NULL,
	};

	return test_run("iface", tests);
}
