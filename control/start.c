#include "control/start.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>

__attribute__((format(printf, 2, 3))) static void arg(struct ctl_eal_argv *a, const char *fmt, ...)
{
	va_list ap;

	if (a->argc >= CTL_EAL_ARGV_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(a->text[a->argc], CTL_EAL_ARG_LEN, fmt, ap);
	va_end(ap);
	a->argv[a->argc] = a->text[a->argc];
	a->argv[++a->argc] = NULL;
}

/** "0@0,1@4,2@5": logical lcore @ CPU. */
static void lcores_text(const struct ctl_eal_config *e, char *buf, size_t size)
{
	unsigned lcore = 1;
	size_t n = (size_t)snprintf(buf, size, "0@%u", e->main_lcore);

	for (unsigned i = 0; i < e->worker_count && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, ",%u@%u", lcore++, e->workers[i]);
	for (unsigned i = 0; i < e->crypto_count && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, ",%u@%u", lcore++, e->crypto[i]);
}

static size_t hex_digits(const char *s)
{
	size_t n = 0;

	while (isxdigit((unsigned char)s[n]))
		n++;
	return n;
}

bool ctl_is_pci(const char *device)
{
	if (hex_digits(device) == 4 && device[4] == ':')
		device += 5;
	return hex_digits(device) == 2 && device[2] == ':' && hex_digits(device + 3) == 2 &&
	       device[5] == '.' && isdigit((unsigned char)device[6]) &&
	       (device[7] == '\0' || device[7] == ',');
}

static void pci_args(const struct ctl_config *c, struct ctl_eal_argv *out)
{
	bool any = false;

	for (unsigned i = 0; i < c->dp.port_count; i++) {
		const struct dp_port_config *p = &c->dp.ports[i];
		if (p->driver != DP_DRIVER_DEVICE || !ctl_is_pci(p->device))
			continue;
		// an allow list: other devices of the machine are not ours to touch
		arg(out, "-a");
		arg(out, "%s", p->device);
		any = true;
	}
	if (any)
		return;
	arg(out, "--no-pci");
	// No card reads memory by physical address. By virtual ones a packet pool is one piece,
	// which net_af_xdp needs.
	arg(out, "--iova-mode=va");
}

/** Nothing of ours in the file system: a crash leaves no hugepage behind. */
static void memory_args(const struct ctl_config *c, struct ctl_eal_argv *out)
{
	if (c->eal.hugepages) {
		arg(out, "--in-memory");
		return;
	}
	// without hugepages EAL refuses --in-memory: --no-huge means --legacy-mem
	arg(out, "--no-huge");
	arg(out, "--no-shconf");
}

void ctl_eal_argv(const struct ctl_config *c, const char *prefix, struct ctl_eal_argv *out)
{
	char lcores[CTL_EAL_ARG_LEN];

	memset(out, 0, sizeof(*out));
	lcores_text(&c->eal, lcores, sizeof(lcores));
	arg(out, "swerved");
	arg(out, "--lcores");
	arg(out, "%s", lcores);
	arg(out, "--main-lcore");
	arg(out, "0");
	arg(out, "-m");
	arg(out, "%u", c->eal.memory_mb);
	memory_args(c, out);
	if (!c->eal.telemetry)
		arg(out, "--no-telemetry");
	arg(out, "--file-prefix");
	arg(out, "%s", prefix);
	pci_args(c, out);
	for (unsigned i = 0; i < c->eal.arg_count; i++)
		arg(out, "%s", c->eal.args[i]);
}

/* ---- preflight ---- */

static int check_cpu(const char *key, uint16_t cpu, char *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	if (cpu < cpus)
		return 0;
	snprintf(err, CTL_YAML_ERR_MAX, "eal.%s: CPU %u does not exist, this machine has 0..%ld",
		key, cpu, cpus - 1);
	return -EINVAL;
}

static int check_cpus(const struct ctl_eal_config *e, char *err)
{
	int rc = check_cpu("main_lcore", e->main_lcore, err);

	for (unsigned i = 0; i < e->worker_count && !rc; i++)
		rc = check_cpu("workers", e->workers[i], err);
	for (unsigned i = 0; i < e->crypto_count && !rc; i++)
		rc = check_cpu("crypto", e->crypto[i], err);
	return rc;
}

static uint64_t read_number(const char *path)
{
	unsigned long long v = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &v) != 1)
		v = 0;
	fclose(f);
	return v;
}

/** Free hugepages of all sizes, MB. */
static uint64_t free_huge_mb(void)
{
	static const char dir[] = "/sys/kernel/mm/hugepages";
	char path[sizeof(dir) + 300];
	uint64_t kb = 0;
	DIR *d = opendir(dir);

	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));) {
		unsigned long size_kb;
		if (sscanf(e->d_name, "hugepages-%lukB", &size_kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir, e->d_name);
		kb += size_kb * read_number(path);
	}
	closedir(d);
	return kb / 1024;
}

static int check_hugepages(const struct ctl_eal_config *e, char *err)
{
	uint64_t free_mb = e->hugepages ? free_huge_mb() : e->memory_mb;

	if (free_mb >= e->memory_mb)
		return 0;
	snprintf(err, CTL_YAML_ERR_MAX,
		"eal.memory_mb: %u MB of hugepages are wanted, %llu MB are free; as root: "
		"echo %u > /proc/sys/vm/nr_hugepages, or set eal.hugepages: false",
		e->memory_mb, (unsigned long long)free_mb, (e->memory_mb + 1) / 2);
	return -ENOMEM;
}

static bool have_cap(unsigned cap)
{
	char line[256];
	unsigned long long caps = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	return caps >> cap & 1;
}

static int check_port(const struct dp_port_config *p, char *err)
{
	if (p->driver == DP_DRIVER_DEVICE)
		return 0;
	if (if_nametoindex(p->device) == 0) {
		snprintf(err, CTL_YAML_ERR_MAX, "ports: %s: there is no interface \"%s\"", p->name,
			p->device);
		return -ENODEV;
	}
	if (!have_cap(CAP_NET_RAW) || !have_cap(CAP_NET_ADMIN)) {
		snprintf(err, CTL_YAML_ERR_MAX,
			"ports: %s: interface \"%s\" needs the rights of root (CAP_NET_ADMIN, "
			"CAP_NET_RAW)",
			p->name, p->device);
		return -EPERM;
	}
	return 0;
}

int ctl_preflight(const struct ctl_config *c, char *err)
{
	int rc = check_cpus(&c->eal, err);

	if (!rc)
		rc = check_hugepages(&c->eal, err);
	for (unsigned i = 0; i < c->dp.port_count && !rc; i++)
		rc = check_port(&c->dp.ports[i], err);
	return rc;
}
