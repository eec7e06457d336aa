#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/msg.h"
#include "validator/keys.h"

/** One line of input, judged with its zone's keys. */
struct answer {
	char *software, *algorithm, *denial, *zone_text, *kind, *name, *type, *verdict;
	uint8_t *wire; // exact size
	size_t len;
	struct dns_msg msg;
	const struct val_zone_keys *zone;
};

/** What was left out of an answer. */
enum harm { HARM_RECORD, HARM_SIGNATURE, HARM_RRSET, HARMS };
struct gap {
	enum harm harm;
	const struct dns_rr *rr; // the record, or the first of the RRset
	bool left_out[DNS_MSG_RR_MAX];
};

/** A kind of gap that is no loss; `used` counts how often that was so. */
struct spare {
	const char *what, *why;
	bool (*fits)(const struct answer *a, const struct gap *g, const struct dns_name *owner);
	unsigned used;
};
extern struct spare spares[];
extern const size_t spares_count;

/** The row that says why an answer may pass without this, or NULL. */
struct spare *spare_find(const struct answer *a, const struct gap *g);
