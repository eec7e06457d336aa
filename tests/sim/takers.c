#include "tests/sim/takers.h"

#include <math.h>

void sim_taking_count(struct sim_taking *t, unsigned place, unsigned limit_percent, unsigned usable)
{
	double limit = limit_percent / 100.0, equal = 1.0 / usable;
	double allowed = limit > equal ? limit : equal;

	t->asked++;
	t->taken[place]++;
	t->allowed += allowed;
	t->variance += allowed * (1 - allowed);
}

static double excess(const struct sim_taking *t, uint64_t taken)
{
	// without a variance nothing is restrained: nobody can have more than all
	return t->variance > 0 ? ((double)taken - t->allowed) / sqrt(t->variance) : 0;
}

double sim_taking_excess(const struct sim_taking *t, unsigned place)
{
	return excess(t, t->taken[place]);
}

static bool tells(const struct sim_taking *t)
{
	return t->asked >= SIM_TAKING_MIN && excess(t, t->asked) > SIM_LIMIT_DEVIATIONS;
}

static void tell(struct sim_takers *s, const struct sim_taking *t, unsigned place)
{
	double share = (double)t->taken[place] / (double)t->asked;
	double over = sim_taking_excess(t, place);

	if (share > s->share) {
		s->share = share;
		s->allowed = t->allowed / (double)t->asked;
	}
	if (s->told++ == 0 || over > s->excess)
		s->excess = over;
	s->beyond += over > SIM_LIMIT_DEVIATIONS;
}

void sim_takers_add(struct sim_takers *s, const struct sim_taking *t)
{
	for (unsigned place = 0; place < SIM_PLACES; place++) {
		s->all.taken[place] += t->taken[place];
		if (t->taken[place] == 0)
			continue;
		if (tells(t))
			tell(s, t, place);
		else
			s->few++;
	}
	s->all.asked += t->asked;
	s->all.allowed += t->allowed;
	s->all.variance += t->variance;
}
