#include "routing/judge_priv.h"

/* Behind its siblings: what the times of signatures and the serials of zones say. */

const char *route_lag_name(enum route_lag l)
{
	static const char *const names[] = {
		[ROUTE_LAG_NONE] = "none",
		[ROUTE_LAG_EXPIRY] = "expiry",
		[ROUTE_LAG_INCEPTION] = "inception",
		[ROUTE_LAG_SERIAL] = "serial",
	};

	return (unsigned)l < sizeof(names) / sizeof(names[0]) ? names[l] : "unknown";
}

/* ---- serials ---- */

static bool serial_later(uint32_t a, uint32_t b)
{
	return a != 0 && b != 0 && (int32_t)(a - b) > 0; // RFC 1982
}

void route_judge_note_serial(struct route_path_state *s, uint32_t serial)
{
	if (serial == 0 || serial == s->serial)
		return;
	s->serial = serial;
	s->serial_behind_ms = 0;
}

/* @return sites other than the path's that show a later serial */
static uint32_t later_siblings(
	const struct route_judge *j, const struct route_zone_state *z, uint32_t at, uint32_t *by)
{
	const struct route_path_state *own = &j->path[j->order[at].id];
	uint16_t last = j->order[at].site;
	uint32_t n = 0;

	*by = 0;
	for (uint32_t i = z->first; i < z->first + z->count; i++) {
		const struct route_path_state *s = &j->path[j->order[i].id];

		if (j->order[i].site == j->order[at].site || s->ill != 0 ||
			!serial_later(s->serial, own->serial))
			continue;
		n += j->order[i].site != last;
		last = j->order[i].site;
		if (s->serial - own->serial > *by)
			*by = s->serial - own->serial;
	}
	return n;
}

void route_judge_compare_serials(struct route_judge *j, const struct route_zone_state *z)
{
	uint32_t by;

	for (uint32_t i = z->first; i < z->first + z->count; i++) {
		struct route_path_state *s = &j->path[j->order[i].id];

		if (later_siblings(j, z, i, &by) == 0)
			s->serial_behind_ms = 0;
		else if (s->serial_behind_ms == 0)
			s->serial_behind_ms = j->clock.now_ms;
	}
}

static uint32_t serial_lag(struct route_judge *j, const struct route_zone_state *z, uint32_t at)
{
	struct route_path_state *s = &j->path[j->order[at].id];
	uint32_t by, n;

	if (j->params.serial_lag_ms == 0 || s->serial_behind_ms == 0 ||
		j->clock.now_ms - s->serial_behind_ms < j->params.serial_lag_ms)
		return 0;
	n = later_siblings(j, z, at, &by);
	if (2 * n < z->sites)
		return 0; // one site that is early does not make the others late
	s->lag = ROUTE_LAG_SERIAL;
	s->lag_by = by;
	return n;
}

/* ---- signature times ---- */

/* Does one of the paths of another site show that a newer or longer-lived signature exists? */
static uint32_t fresher_siblings(
	struct route_judge *j, const struct route_zone_state *z, uint32_t at, bool near)
{
	struct route_path_state *own = &j->path[j->order[at].id];
	uint32_t n = 0;

	for (uint32_t i = z->first; i < z->first + z->count; i++) {
		const struct route_path_state *s = &j->path[j->order[i].id];
		int32_t ahead = (int32_t)(s->win.newest_inception - own->win.newest_inception);
		uint32_t nearest = 0;
		bool far;

		if (j->order[i].site == j->order[at].site || s->ill != 0 ||
			s->win.newest_inception == 0 ||
			route_window_secure(&s->win, &nearest) < j->params.peer_good_min)
			continue;
		far = (int64_t)(int32_t)(nearest - j->epoch_s) >= j->params.expiry_margin_s;
		if (near ? !far || ahead <= 0 : ahead <= 0 || (uint32_t)ahead <= j->params.lag_s)
			continue;
		n++;
		if ((uint32_t)ahead > own->lag_by)
			own->lag_by = (uint32_t)ahead;
	}
	if (n > 0)
		own->lag = near ? ROUTE_LAG_EXPIRY : ROUTE_LAG_INCEPTION;
	return n;
}

/*
 * Behind, though every answer so far is good? Three signs:
 * - the nearest expiration is closer than the margin, a sibling's is not, and the sibling has shown
 * a signature newer than any of ours: the site has stopped taking updates. (Without the last part,
 * a path that carries more traffic would be blamed for the one RRset of the zone that is renewed
 * late everywhere.)
 * - the newest inception is behind the freshest sibling's by more than lag_s.
 * - the SOA serial has stood still for serial_lag_ms while at least half of the zone's sites showed
 * a later one. (Being behind is no sign: with many updates a sound site may never be the first to
 * have one. Standing still is.)
 *
 * The first two are weak where a path has shown few RRsets, since those may all be old: hence the
 * numbers of answers asked for. A zone whose signatures all live shorter than the margin makes
 * nobody lag: no sibling is farther.
 */
uint32_t route_judge_lag(struct route_judge *j, const struct route_zone_state *z, uint32_t at)
{
	struct route_path_state *s = &j->path[j->order[at].id];
	uint32_t nearest = 0, n = 0;
	uint32_t secure = route_window_secure(&s->win, &nearest);

	s->lag = ROUTE_LAG_NONE;
	s->lag_by = 0;
	if (secure >= j->params.peer_good_min && s->win.newest_inception != 0 &&
		j->params.expiry_margin_s > 0 &&
		(int64_t)(int32_t)(nearest - j->epoch_s) < j->params.expiry_margin_s)
		n = fresher_siblings(j, z, at, true);
	if (n == 0 && secure >= j->params.peer_good_min && s->win.newest_inception != 0 &&
		secure >= j->params.lag_answers)
		n = fresher_siblings(j, z, at, false);
	return n != 0 ? n : serial_lag(j, z, at);
}
