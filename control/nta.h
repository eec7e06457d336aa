#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/keeper.h"
#include "dataplane/dataplane.h"

/**
 * Negative trust anchors (RFC 7646): names at and below which an operator wants no validation for a
 * while. Each ends by itself, at the latest after a week, and before that when its zone validates
 * again, unless it was forced. Pure but for its text file: the caller sends the questions that are
 * due and hands in what came back. Control thread only.
 */
struct ctl_ntas;

enum {
	CTL_NTAS_MAX = CTL_KEEPER_NTAS_MAX,
	CTL_NTA_MAX_S = 7 * 86400, // RFC 7646 s2
	CTL_NTA_REASON_MAX = 256,
	CTL_NTA_ERR_MAX = 1024,
};

enum ctl_nta_end { CTL_NTA_EXPIRED, CTL_NTA_VALIDATES };

struct ctl_nta {
	struct dns_name name;  // lower-cased
	uint32_t since, until; // epoch s
	bool forced;           // stays though its zone validates
	char reason[CTL_NTA_REASON_MAX];
	uint32_t checked; // epoch s of the last check's end, 0 none
	uint16_t good,
		bad; // answers of the last check: those that validated, and those that did not
};

struct ctl_ntas_config {
	uint32_t recheck_s;
	struct val_skew skew;
	bool sha1;
};

/** @retval 0, -ENOMEM */
int ctl_ntas_new(const struct ctl_ntas_config *cfg, struct ctl_ntas **out);
void ctl_ntas_free(struct ctl_ntas *n);

/**
 * Add one, or give one that is there a new life and reason.
 * @param nta  name, since, until, forced and reason are looked at; until - since 1..CTL_NTA_MAX_S
 * @retval 0 new, 1 renewed, -ENOSPC, -EINVAL
 */
int ctl_ntas_add(struct ctl_ntas *n, const struct ctl_nta *nta, uint64_t now_ms);
/** @retval 0, -ENOENT */
int ctl_ntas_remove(struct ctl_ntas *n, const struct dns_name *name);

/** In the order in which they were added; NULL at i >= count. Valid until one comes or goes. */
size_t ctl_ntas_count(const struct ctl_ntas *n);
/** See ctl_ntas_count(). */
const struct ctl_nta *ctl_ntas_at(const struct ctl_ntas *n, size_t i);
/** @return how many; room for CTL_NTAS_MAX */
size_t ctl_ntas_names(const struct ctl_ntas *n, struct dns_name *out);

/**
 * One whose time is over, or whose zone validates again, is taken out.
 * @retval true *out is it; call again
 */
bool ctl_ntas_end(struct ctl_ntas *n, uint32_t epoch_s, struct ctl_nta *out, enum ctl_nta_end *why);

/**
 * Questions of checks to send now: SOA of the anchor's name, at every path of the closest routed
 * zone, and where that has recursive upstreams, path by path, for the keys that the answer needs.
 * Names that no routed zone encloses are not checked.
 * @return how many of out[] are filled
 */
size_t ctl_ntas_due(struct ctl_ntas *n, const struct route_config *c, struct route_paths *p,
	uint64_t now_ms, struct ctl_keeper_ask *out, size_t max);
/**
 * The answer to this question did not fit into UDP: which question to ask again over TCP; the
 * answer is told under the same token.
 * @return false when the token is none of a check behind recursive upstreams
 */
bool ctl_ntas_by_tcp(const struct ctl_ntas *n, uint64_t token, struct ctl_keeper_ask *out);
/**
 * What came back, judged by the chain of trust as it is without negative anchors.
 * @param told  error as dp_told has it
 * @return true when it was ours
 */
bool ctl_ntas_told(
	struct ctl_ntas *n, struct ctl_keeper *k, const struct dp_told *told, uint32_t epoch_s);
/** The same of what came over TCP, or by another way. */
struct ctl_nta_heard {
	uint64_t token;
	int error;          // as dp_told has it
	const uint8_t *msg; // borrowed; NULL on error
	size_t len;
};
void ctl_ntas_heard(struct ctl_ntas *n, const struct ctl_keeper *k, const struct ctl_nta_heard *h,
	uint32_t epoch_s);

/** All of them as JSON, for a file. @return the caller's to free, NULL: out of memory */
char *ctl_ntas_text(const struct ctl_ntas *n);
/**
 * Add what ctl_ntas_text() wrote. What is longer than a week in the future, by a clock that was set
 * back, is cut to the life that it was given.
 *
 * @param n    empty
 * @param name of the file, for messages
 * @retval 0, -EINVAL with err set (CTL_NTA_ERR_MAX octets): n is empty
 */
int ctl_ntas_read(struct ctl_ntas *n, const char *name, const char *text, size_t len,
	uint32_t epoch_s, uint64_t now_ms, char *err);
/** Write all of them to a file. @retval 0, -errno with err set (CTL_NTA_ERR_MAX octets) */
int ctl_ntas_save(const struct ctl_ntas *n, const char *path, char *err);
/** ctl_ntas_read() of a file. @retval 0 (also: no file), -errno with err set: nothing was read */
int ctl_ntas_load(
	struct ctl_ntas *n, const char *path, uint32_t epoch_s, uint64_t now_ms, char *err);
