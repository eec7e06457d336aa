#include "tests/sim/score.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	MINUTE_MS = 60000,
	CURVE = 100, // points of a curve of times
	// a site must have carried this much a minute for its takers' parts to mean something
	TAKEOVER_MIN = 1500,
};

int sim_score_init(struct sim_score *s, size_t sites, const struct sim_plan *plan)
{
	*s = (struct sim_score){.sites = sites, .minutes = (size_t)(plan->end_ms / MINUTE_MS) + 1};
	s->load = calloc(s->sites * s->minutes, sizeof(*s->load));
	return s->load != NULL ? 0 : -ENOMEM;
}

void sim_score_fini(struct sim_score *s)
{
	free(s->record);
	free(s->load);
}

struct sim_record *sim_score_add(struct sim_score *s)
{
	if (s->record_count == s->record_room) {
		s->record_room = s->record_room == 0 ? 1024 : 2 * s->record_room;
		s->record = realloc(s->record, s->record_room * sizeof(*s->record));
		if (s->record == NULL)
			abort();
	}
	return memset(&s->record[s->record_count++], 0, sizeof(*s->record));
}

/* ---- times ---- */

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

size_t sim_score_times(const struct sim_score *s, enum sim_kind kind, bool first, unsigned band,
	uint32_t *out, size_t *missed)
{
	size_t n = 0;

	*missed = 0;
	for (size_t i = 0; i < s->record_count; i++) {
		const struct sim_record *r = &s->record[i];

		if (r->kind != kind || r->first != first || (band < SIM_BANDS && r->band != band))
			continue;
		if (r->found)
			out[n++] = r->ms;
		else
			(*missed)++;
	}
	qsort(out, n, sizeof(*out), compare_u32);
	return n;
}

static uint32_t percentile(const uint32_t *sorted, size_t n, unsigned percent)
{
	return n == 0 ? 0 : sorted[(n - 1) * percent / 100];
}

static size_t seen_of(const struct sim_score *s, enum sim_kind kind, uint32_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->record_count; i++)
		if (s->record[i].kind == kind && s->record[i].first && s->record[i].found)
			out[n++] = s->record[i].seen;
	qsort(out, n, sizeof(*out), compare_u32);
	return n;
}

static uint32_t *room_for_records(const struct sim_score *s)
{
	uint32_t *room = calloc(s->record_count + 1, sizeof(*room));

	if (room == NULL)
		abort();
	return room;
}

/* ---- takeover ---- */

static double load_at(const struct sim_score *s, size_t site, uint64_t ms)
{
	return s->load[site % s->sites * s->minutes + ms / MINUTE_MS];
}

// The largest part of the failed site's queries that came on top of a neighbour's own.
static double taken(const struct sim_score *s, const struct sim_fault *f, size_t by, double lost)
{
	double before = load_at(s, by, f->from_ms - MINUTE_MS), most = 0;

	for (uint64_t ms = f->from_ms + MINUTE_MS; ms < f->until_ms; ms += MINUTE_MS) {
		double more = (load_at(s, by, ms) - before) / lost;

		most = more > most ? more : most;
	}
	return most;
}

size_t sim_score_takeover(const struct sim_score *s, const struct sim_plan *plan, double *out)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const struct sim_fault *f = &plan->fault[i];

		if (!sim_kind_is_site(f->kind) || f->families != 3 ||
			f->until_ms - f->from_ms > 5 * MINUTE_MS)
			continue;
		for (size_t site = f->round; site < s->sites; site += SIM_ROUNDS) {
			double lost = load_at(s, site, f->from_ms - MINUTE_MS), most = 0;

			if (lost < TAKEOVER_MIN)
				continue;
			for (size_t by = site + s->sites - 2; by <= site + s->sites + 2; by++) {
				double part = by % s->sites == site ? 0 : taken(s, f, by, lost);

				most = part > most ? part : most;
			}
			out[n++] = most;
		}
	}
	qsort(out, n, sizeof(*out), compare_double);
	return n;
}

/* ---- telling ---- */

static void json_times(const struct sim_score *s, enum sim_kind k, bool first, FILE *to)
{
	uint32_t *times = room_for_records(s);
	size_t missed, n;

	fprintf(to, "{\"bands\": [");
	for (unsigned b = 0; b < SIM_BANDS; b++) {
		n = sim_score_times(s, k, first, b, times, &missed);
		fprintf(to,
			"%s{\"rate\": %u, \"found\": %zu, \"missed\": %zu, \"p50_ms\": %u, "
			"\"p99_ms\": %u}",
			b ? ", " : "", sim_band_rate[b], n, missed, percentile(times, n, 50),
			percentile(times, n, 99));
	}
	n = sim_score_times(s, k, first, SIM_BANDS, times, &missed);
	fprintf(to,
		"], \"found\": %zu, \"missed\": %zu, \"p50_ms\": %u, \"p99_ms\": %u, "
		"\"max_ms\": %u, \"curve_ms\": [",
		n, missed, percentile(times, n, 50), percentile(times, n, 99),
		percentile(times, n, 100));
	for (unsigned i = 0; i <= CURVE && n > 0; i++)
		fprintf(to, "%s%u", i ? ", " : "", percentile(times, n, i * 100 / CURVE));
	fprintf(to, "]}");
	free(times);
}

static void json_kind(const struct sim_score *s, enum sim_kind k, FILE *to)
{
	uint32_t *seen = room_for_records(s);
	size_t n = seen_of(s, k, seen);

	fprintf(to,
		"\"%s\": {\"lives\": %llu, \"asked\": %llu, \"sent\": %llu, \"failed\": %llu, "
		"\"moves\": %llu,\n  \"seen_p50\": %u, \"seen_p99\": %u,\n  \"first\": ",
		sim_kind_name(k), (unsigned long long)s->lives[k],
		(unsigned long long)s->fault_asked[k], (unsigned long long)s->fault_sent[k],
		(unsigned long long)s->fault_failed[k], (unsigned long long)s->moves[k],
		percentile(seen, n, 50), percentile(seen, n, 99));
	json_times(s, k, true, to);
	fprintf(to, ",\n  \"other\": ");
	json_times(s, k, false, to);
	fprintf(to, ",\n  \"around\": [");
	for (unsigned o = 0; o < SIM_OFFSETS; o++)
		for (unsigned i = 0; i < SIM_AROUND; i++)
			fprintf(to, "%s%llu%s",
				i   ? ", "
				: o ? ", ["
				    : "[",
				(unsigned long long)s->around[k][o][i],
				i + 1 == SIM_AROUND ? "]" : "");
	fprintf(to, "]}");
	free(seen);
}

static double *takeover(const struct sim_score *s, const struct sim_plan *plan, size_t *n)
{
	double *parts = calloc(plan->count * s->sites + 1, sizeof(*parts));

	if (parts == NULL)
		abort();
	*n = sim_score_takeover(s, plan, parts);
	return parts;
}

static double taken_share(const struct sim_taking *t, double taken)
{
	return t->asked > 0 ? taken / (double)t->asked : 0;
}

static void json_takers(const struct sim_takers *s, FILE *to)
{
	const struct sim_taking *all = &s->all;

	fprintf(to,
		"\"limits\": {\"takers\": %llu, \"few\": %llu, \"beyond\": %llu, "
		"\"deviations\": %d, \"excess_max\": %.2f,\n\"share_max\": %.4f, "
		"\"share_max_allowed\": %.4f, \"asked\": %llu, \"allowed\": %.4f, "
		"\"places\": [",
		(unsigned long long)s->told, (unsigned long long)s->few,
		(unsigned long long)s->beyond, SIM_LIMIT_DEVIATIONS, s->excess, s->share,
		s->allowed, (unsigned long long)all->asked, taken_share(all, all->allowed));
	for (unsigned i = 0; i < SIM_PLACES; i++)
		fprintf(to, "%s{\"share\": %.4f, \"excess\": %.2f}", i ? ", " : "",
			taken_share(all, (double)all->taken[i]), sim_taking_excess(all, i));
	fprintf(to, "]},\n");
}

static void print_takers(const struct sim_takers *s, FILE *to)
{
	const struct sim_taking *all = &s->all;

	fprintf(to, "first choices while the first site was away: %llu; by place in the order",
		(unsigned long long)all->asked);
	for (unsigned i = 1; i < SIM_PLACES; i++)
		fprintf(to, " %.4f", taken_share(all, (double)all->taken[i]));
	fprintf(to,
		", %.4f allowed\n"
		"share limits: %llu takers beyond theirs by %d standard deviations, of %llu (%llu "
		"more with too few to tell); most %.3f, where %.3f was allowed; %.1f deviations "
		"at most\n",
		taken_share(all, all->allowed), (unsigned long long)s->beyond, SIM_LIMIT_DEVIATIONS,
		(unsigned long long)s->told, (unsigned long long)s->few, s->share, s->allowed,
		s->excess);
}

void sim_score_json(const struct sim_score *s, const struct sim_plan *plan, FILE *to)
{
	size_t n;
	double *parts = takeover(s, plan, &n);

	fprintf(to,
		"{\"edge_days\": %.3f, \"calm_edge_days\": %.3f, \"ticks\": %llu, \"asked\": %llu, "
		"\"sent\": %llu,\n\"probes\": %llu, \"failed\": %llu, \"wrong_calm\": %llu, "
		"\"wrong_near\": %llu, \"wrong_control\": %llu,\n\"relapses\": %llu, "
		"\"withdrawn\": %llu, "
		"\"flaps\": %llu, \"moves_minute_max\": %u, \"unreturned\": %llu, "
		"\"held_zone\": %llu, \"held_ours\": %llu,\n",
		(double)s->lived_ms / 86400e3, (double)s->calm_ms / 86400e3,
		(unsigned long long)s->ticks, (unsigned long long)s->asked,
		(unsigned long long)s->sent, (unsigned long long)s->probes,
		(unsigned long long)s->failed, (unsigned long long)s->wrong_calm,
		(unsigned long long)s->wrong_near, (unsigned long long)s->wrong_control,
		(unsigned long long)s->relapses, (unsigned long long)s->withdrawn,
		(unsigned long long)s->flaps, s->moves_minute_max,
		(unsigned long long)s->unreturned, (unsigned long long)s->held_zone,
		(unsigned long long)s->held_ours);
	fprintf(to,
		"\"takeover\": {\"sites\": %zu, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f},\n", n,
		n ? parts[(n - 1) / 2] : 0, n ? parts[(n - 1) * 99 / 100] : 0,
		n ? parts[n - 1] : 0);
	json_takers(&s->takers, to);
	fprintf(to, "\"around_from_s\": %d,\n\"kinds\": {\n", -SIM_AROUND_BEFORE);
	for (enum sim_kind k = SIM_EXPIRED; k < SIM_KINDS; k++) {
		json_kind(s, k, to);
		fprintf(to, "%s\n", k + 1 < SIM_KINDS ? "," : "}}");
	}
	free(parts);
}

void sim_score_print(const struct sim_score *s, const struct sim_plan *plan, FILE *to)
{
	uint32_t *times = room_for_records(s);
	size_t n, missed;
	double *parts = takeover(s, plan, &n);

	fprintf(to,
		"%.1f edge-days, %.1f of them without a fault: %llu questions, %llu ticks judged\n"
		"wrong: %llu without a fault, %llu beside one, %llu in control groups (%llu taken "
		"back)\nprobations ended by chance: %llu; returns too early: %llu; most moves of a "
		"zone in a minute: %u; not back in "
		"time: %llu\n"
		"without an answer: %llu; most that one site took of another's load: %.2f of it at "
		"p50, %.2f at most (%zu)\n",
		(double)s->lived_ms / 86400e3, (double)s->calm_ms / 86400e3,
		(unsigned long long)s->asked, (unsigned long long)s->ticks,
		(unsigned long long)s->wrong_calm, (unsigned long long)s->wrong_near,
		(unsigned long long)s->wrong_control, (unsigned long long)s->withdrawn,
		(unsigned long long)s->relapses, (unsigned long long)s->flaps, s->moves_minute_max,
		(unsigned long long)s->unreturned, (unsigned long long)s->failed,
		n ? parts[(n - 1) / 2] : 0, n ? parts[n - 1] : 0, n);
	print_takers(&s->takers, to);
	fprintf(to, "%-10s %8s %7s %10s %10s %10s   %s\n", "first site", "found", "missed", "p50 s",
		"p99 s", "max s", "other sites: found, missed");
	for (enum sim_kind k = SIM_EXPIRED; k < SIM_ZONE; k++) {
		n = sim_score_times(s, k, true, SIM_BANDS, times, &missed);
		fprintf(to, "%-10s %8zu %7zu %10.2f %10.2f %10.2f", sim_kind_name(k), n, missed,
			percentile(times, n, 50) / 1e3, percentile(times, n, 99) / 1e3,
			percentile(times, n, 100) / 1e3);
		n = sim_score_times(s, k, false, SIM_BANDS, times, &missed);
		fprintf(to, "   %zu, %zu\n", n, missed);
	}
	free(times);
	free(parts);
}
