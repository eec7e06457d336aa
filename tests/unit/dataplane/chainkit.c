#include "tests/unit/dataplane/chainkit.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "dns/text.h"
#include "dns/wire.h"
#include "tests/unit/unit.h"

struct chain_bench chain;

void chain_open(struct stage_spec spec)
{
	tree_new(&chain.tree, 0);
	spec.tree = &chain.tree;
	spec.status = VAL_ZONE_SECURE;
	stage_open(&spec);
	chain.budget = 1000;
}

void chain_close(void)
{
	stage_close();
	tree_free(&chain.tree);
}

uint16_t chain_type(const struct stage_packet *p)
{
	const uint8_t *name = p->dns + DNS_HEADER_LEN;

	return dns_get16(name + dns_name_len(name, p->dns + p->len));
}

static void note_asked(const struct stage_packet *up)
{
	char type[DNS_MNEMONIC_MAX];
	size_t len = strlen(chain.asked);

	snprintf(chain.asked + len, sizeof(chain.asked) - len, "%s%s %s", len > 0 ? ", " : "",
		dns_type_text(chain_type(up), type), stage_qname(up));
}

void chain_reply(const struct stage_packet *up)
{
	size_t len;
	uint8_t *dns = tree_answer(&chain.tree, stage_qname(up), chain_type(up), &len);

	stage_reply_dns(up, dns, len);
}

/* The resolvers at work, until nothing is asked any more. */
void chain_serve(void)
{
	struct stage_packet up;

	while (chain.budget > 0 && stage_take(STAGE_UPSTREAM, &up)) {
		chain.budget--;
		CU_ASSERT_NOT_EQUAL(dns_get16(up.dns + DNS_OFF_FLAGS) & DNS_FLAG_RD, 0);
		note_asked(&up);
		chain_reply(&up);
		for (int i = 0; i < 4; i++)
			stage_turn();
	}
}

void chain_ask(const char *qname, uint16_t flags)
{
	struct stage_query q = {
		.qname = qname, .id = 7, .edns = true, .do_bit = true, .flags = flags};

	chain.asked[0] = 0;
	stage_ask(&q);
}

const struct stage_answer *chain_resolve(const char *qname)
{
	chain_ask(qname, 0);
	chain_serve();
	return stage_expect_answer();
}

void chain_expect(const char *row, const struct stage_answer *a, uint16_t rcode, bool ad, int ede)
{
	UNIT_CHECK(row, dns_msg_rcode(&a->msg) == rcode);
	UNIT_CHECK(row, ((a->msg.flags & DNS_FLAG_AD) != 0) == ad);
	UNIT_CHECK(row, a->ede == ede);
	if (a->ede != ede)
		printf("\n  %s: extended error %d\n", row, a->ede);
}
