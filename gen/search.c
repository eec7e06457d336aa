#include "gen/search.h"

void gen_search_init(struct gen_search *s, double min, double max, double max_loss)
{
	*s = (struct gen_search){
		.max_loss = max_loss,
		.precision = 0.02,
		.tries = 2,
		.low = min,
		.high = max,
		.rate = max,
	};
}

bool gen_search_next(struct gen_search *s, double *rate)
{
	if (s->done || s->steps >= GEN_SEARCH_STEPS_MAX)
		return false;
	s->steps++;
	*rate = s->rate;
	return true;
}

static void narrow(struct gen_search *s)
{
	s->failed = 0;
	if (s->high - s->low > s->precision * s->high)
		s->rate = (s->low + s->high) / 2;
	else if (s->best == 0 && s->rate > s->low)
		s->rate = s->low; // the least has not been tried
	else
		s->done = true;
}

void gen_search_told(struct gen_search *s, uint64_t sent, uint64_t lost)
{
	bool passed = sent > 0 && (double)lost <= s->max_loss * (double)sent;

	if (!passed && ++s->failed < s->tries)
		return;
	if (passed) {
		s->best = s->low = s->rate;
		s->done = s->rate >= s->high;
	} else if (s->rate <= s->low) {
		s->done = true;
	} else {
		s->high = s->rate;
	}
	if (!s->done)
		narrow(s);
}
