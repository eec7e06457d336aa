#include <errno.h>
#include <string.h>

#include "control/start.h"
#include "tests/unit/run.h"

static struct ctl_config base(void)
{
	struct ctl_config c = {0};

	c.eal = (struct ctl_eal_config){.main_lcore = 0,
		.workers = {5, 3},
		.worker_count = 2,
		.crypto = {1},
		.crypto_count = 1,
		.memory_mb = 256,
		.hugepages = true};
	c.dp.port_count = 1;
	c.dp.ports[0].driver = DP_DRIVER_AF_XDP;
	strcpy(c.dp.ports[0].name, "uplink");
	strcpy(c.dp.ports[0].device, "no-such-if0");
	return c;
}

static const char *joined(const struct ctl_config *c)
{
	static struct ctl_eal_argv a;
	static char text[8192];

	ctl_eal_argv(c, "p", &a);
	text[0] = '\0';
	for (int i = 0; i < a.argc; i++) {
		strcat(text, i ? " " : "");
		strcat(text, a.argv[i]);
	}
	CU_ASSERT_PTR_NULL(a.argv[a.argc]);
	return text;
}

static void test_argv(void)
{
	struct ctl_config c = base();

	// the file's order, not the CPUs' order: worker 0 is on CPU 5
	CU_ASSERT_STRING_EQUAL(joined(&c),
		"swerved --lcores 0@0,1@5,2@3,3@1 --main-lcore 0 -m 256 --in-memory "
		"--no-telemetry --file-prefix p --no-pci --iova-mode=va");
	c.eal.telemetry = true;
	CU_ASSERT_PTR_NULL(strstr(joined(&c), "--no-telemetry"));
	c.eal.telemetry = false;
	c.eal.hugepages = false;
	c.eal.crypto_count = 0;
	c.eal.arg_count = 1;
	strcpy(c.eal.args[0], "--log-level=8");
	c.dp.ports[0].driver = DP_DRIVER_DEVICE;
	strcpy(c.dp.ports[0].device, "0000:01:00.0");
	CU_ASSERT_STRING_EQUAL(joined(&c),
		"swerved --lcores 0@0,1@5,2@3 --main-lcore 0 -m 256 --no-huge --no-shconf "
		"--no-telemetry --file-prefix p -a 0000:01:00.0 --log-level=8");
}

static void test_argv_full(void)
{
	struct ctl_config c = base();

	c.eal.worker_count = c.eal.crypto_count = CTL_LCORES_MAX;
	for (unsigned i = 0; i < CTL_LCORES_MAX; i++) {
		c.eal.workers[i] = (uint16_t)(1000 - i);
		c.eal.crypto[i] = (uint16_t)(800 - i);
	}
	c.eal.arg_count = CTL_EAL_ARGS_MAX;
	c.dp.port_count = DP_PORTS_MAX;
	for (unsigned i = 0; i < DP_PORTS_MAX; i++) {
		c.dp.ports[i].driver = DP_DRIVER_DEVICE;
		strcpy(c.dp.ports[i].device, "01:00.0");
	}
	strcpy(c.eal.args[CTL_EAL_ARGS_MAX - 1], "last");
	const char *text = joined(&c);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, ",128@737 "));
	CU_ASSERT_STRING_EQUAL(text + strlen(text) - 4, "last");
}

static void test_pci(void)
{
	static const struct {
		const char *device;
		bool pci;
	} rows[] = {
		{"0000:01:00.0", true},
		{"01:00.0", true},
		{"af:1f.7", true},
		{"0000:01:00.0,dv_flow_en=1", true},
		{"net_ring0", false},
		{"net_pcap0,rx_pcap=a.pcap", false},
		{"01:00", false},
		{"", false},
		{"0000:", false},
		{"01:00.x", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (ctl_is_pci(rows[i].device) != rows[i].pci)
			printf("\n  %s", rows[i].device);
		CU_ASSERT_EQUAL(ctl_is_pci(rows[i].device), rows[i].pci);
	}
}

static void test_preflight(void)
{
	struct ctl_config c = base();
	char err[CTL_YAML_ERR_MAX];

	c.eal.worker_count = c.eal.crypto_count = 0;
	c.eal.hugepages = false;
	CU_ASSERT_EQUAL(ctl_preflight(&c, err), -ENODEV);
	CU_ASSERT_STRING_EQUAL(err, "ports: uplink: there is no interface \"no-such-if0\"");
	c.eal.hugepages = true;
	c.eal.memory_mb = 1u << 30;
	CU_ASSERT_EQUAL(ctl_preflight(&c, err), -ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "1073741824 MB of hugepages are wanted"));
	c.eal.workers[0] = 60000;
	c.eal.worker_count = 1;
	CU_ASSERT_EQUAL(ctl_preflight(&c, err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "eal.workers: CPU 60000 does not exist"));
	c.eal.worker_count = 0;
	c.eal.hugepages = false;
	c.dp.ports[0].driver = DP_DRIVER_DEVICE;
	CU_ASSERT_EQUAL(ctl_preflight(&c, err), 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"EAL arguments", test_argv},
		{"EAL arguments, all full", test_argv_full},
		{"PCI addresses", test_pci},
		{"preflight", test_preflight},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/start", tests);
}
