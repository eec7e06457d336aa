#pragma once

#include "tests/unit/control/table.h"

/** Routes files with one mistake each, called r.yaml; our own region is apac. */

// line numbers in the rows below count from these
#define SITES                                                                                      \
	"sites:\n"                                                                                 \
	"  - {name: sin, addresses: [192.0.2.1, \"2001:db8::1\"]}\n"                               \
	"  - {name: nrt, addresses: [192.0.2.2]}\n"
#define REGIONS                                                                                    \
	"regions:\n"                                                                               \
	"  - {name: apac, clients: [198.51.100.0/24]}\n"                                           \
	"  - {name: us}\n"
#define ZONES                                                                                      \
	"zones:\n"                                                                                 \
	"  - {name: com., sites: [sin, nrt]}\n"

static const struct broken_row broken_routes[] = {
	{"empty", "", "r.yaml:1: the file is empty, expected a mapping"},
	{"list", "- a\n", "r.yaml:1: expected a mapping, got a list"},
	{"unknown", SITES "zone: []\n", "r.yaml:4: zone: unknown key"},
	{"duplicate", SITES REGIONS ZONES SITES, "r.yaml:9: sites: duplicate key, first on line 1"},
	{"no sites", REGIONS ZONES, "r.yaml:1: key \"sites\" is missing"},
	{"no zones", SITES REGIONS, "r.yaml:1: key \"zones\" is missing"},
	{"sites empty", "sites: []\n" REGIONS ZONES,
		"r.yaml:1: sites: expected at least one site, got an empty list"},
	{"sites nothing", "sites:\n" REGIONS ZONES,
		"r.yaml:1: sites: expected a list of sites, got nothing"},
	{"zones empty", SITES REGIONS "zones: []\n",
		"r.yaml:7: zones: expected at least one zone, got an empty list"},
	{"site scalar", "sites:\n  - sin\n" REGIONS ZONES,
		"r.yaml:2: sites[0]: expected a mapping, got a plain value"},
	{"site key", "sites:\n  - name: sin\n    adresses: []\n" REGIONS ZONES,
		"r.yaml:3: sites[0].adresses: unknown key"},
	{"site key twice", "sites:\n  - name: sin\n    name: sin\n" REGIONS ZONES,
		"r.yaml:3: sites[0].name: duplicate key, first on line 2"},
	{"site unnamed", "sites:\n  - addresses: [192.0.2.1]\n" REGIONS ZONES,
		"r.yaml:2: sites[0]: key \"name\" is missing"},
	{"site name bad", "sites:\n  - {name: \"s n\", addresses: [192.0.2.1]}\n" REGIONS ZONES,
		"r.yaml:2: sites[0].name: expected a name of letters, digits and \"._-\", got \"s "
		"n\""},
	{"site name long",
		"sites:\n  - {name: a2345678901234567890123456789012, addresses: "
		"[192.0.2.1]}\n" REGIONS ZONES,
		"r.yaml:2: sites[0].name: expected at most 31 octets of text, got 32"},
	{"site twice", SITES "  - {name: sin, addresses: [192.0.2.3]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].name: site \"sin\" is there twice"},
	{"site without addresses", SITES "  - {name: lax}\n" REGIONS ZONES,
		"r.yaml:4: sites[2]: key \"addresses\" is missing"},
	{"addresses empty", SITES "  - {name: lax, addresses: []}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses: expected at least one address, got an empty list"},
	{"address scalar", SITES "  - {name: lax, addresses: 192.0.2.3}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses: expected a list of addresses, got a plain value"},
	{"address bad", SITES "  - name: lax\n    addresses: [192.0.2.300]\n" REGIONS ZONES,
		"r.yaml:5: sites[2].addresses[0]: expected an IPv4 or IPv6 address, got "
		"\"192.0.2.300\""},
	{"address map", SITES "  - name: lax\n    addresses: [{a: b}]\n" REGIONS ZONES,
		"r.yaml:5: sites[2].addresses[0]: expected an address, got a mapping"},
	{"address multicast", SITES "  - name: lax\n    addresses: [\"ff02::1\"]\n" REGIONS ZONES,
		"r.yaml:5: sites[2].addresses[0]: expected one host's address, got ff02::1"},
	{"address twice",
		SITES "  - name: lax\n    addresses: [192.0.2.3, 192.0.2.3]\n" REGIONS ZONES,
		"r.yaml:5: sites[2].addresses[1]: address 192.0.2.3 is there twice"},
	{"address of another",
		SITES "  - name: lax\n    addresses:\n      - 192.0.2.1\n" REGIONS ZONES,
		"r.yaml:6: sites[2].addresses[0]: address 192.0.2.1 belongs to site \"sin\" "
		"already"},
	{"region key", SITES "regions:\n  - {nam: apac}\n" ZONES,
		"r.yaml:5: regions[0].nam: unknown key"},
	{"region unnamed", SITES "regions:\n  - {clients: []}\n" ZONES,
		"r.yaml:5: regions[0]: key \"name\" is missing"},
	{"region twice", SITES REGIONS "  - {name: us}\n" ZONES,
		"r.yaml:7: regions[2].name: region \"us\" is there twice"},
	{"prefix bad", SITES REGIONS "  - {name: eu, clients: [203.0.113.0/40]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: expected a prefix as 192.0.2.0/24, got "
		"\"203.0.113.0/40\""},
	{"prefix bits", SITES REGIONS "  - {name: eu, clients: [203.0.113.1/24]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: expected a prefix, got \"203.0.113.1/24\" with "
		"bits beyond its "
		"length"},
	{"prefix twice", SITES REGIONS "  - {name: eu, clients: [198.51.100.0/24]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: prefix 198.51.100.0/24 belongs to region "
		"\"apac\" already"},
	{"own region", SITES "regions:\n  - {name: us}\n" ZONES,
		"r.yaml:4: regions: expected our own region \"apac\" among them, got none of that "
		"name"},
	{"own region, no regions", SITES ZONES,
		"r.yaml:1: expected our own region \"apac\" among them, got none of that name"},
	{"zone scalar", SITES REGIONS "zones: [com.]\n",
		"r.yaml:7: zones[0]: expected a mapping, got a plain value"},
	{"zone key", SITES REGIONS ZONES "  - {name: net., site: [sin]}\n",
		"r.yaml:9: zones[1].site: unknown key"},
	{"zone unnamed", SITES REGIONS ZONES "  - {sites: [sin]}\n",
		"r.yaml:9: zones[1]: key \"name\" is missing"},
	{"zone name empty label", SITES REGIONS ZONES "  - {name: a..b, sites: [sin]}\n",
		"r.yaml:9: zones[1].name: expected a domain name, got \"a..b\""},
	{"zone name nothing", SITES REGIONS ZONES "  - {name: , sites: [sin]}\n",
		"r.yaml:9: zones[1].name: expected a domain name, got \"\""},
	{"zone twice in other letters", SITES REGIONS ZONES "  - {name: COM, sites: [sin]}\n",
		"r.yaml:9: zones[1].name: zone \"COM\" is there twice"},
	{"zone kind", SITES REGIONS ZONES "  - {name: net., kind: cache, sites: [sin]}\n",
		"r.yaml:9: zones[1].kind: expected one of authoritative, recursive, got \"cache\""},
	{"zone without sites", SITES REGIONS ZONES "  - {name: net.}\n",
		"r.yaml:9: zones[1]: the zone has no \"sites\""},
	{"zone sites empty", SITES REGIONS ZONES "  - {name: net., sites: []}\n",
		"r.yaml:9: zones[1].sites: expected at least one site, best first, got an empty "
		"list"},
	{"zone unknown site", SITES REGIONS ZONES "  - name: net.\n    sites: [sin, lax]\n",
		"r.yaml:10: zones[1].sites[1]: unknown site \"lax\""},
	{"zone site twice", SITES REGIONS ZONES "  - name: net.\n    sites: [sin, sin]\n",
		"r.yaml:10: zones[1].sites[1]: site \"sin\" is in this list twice"},
	{"order unknown region",
		SITES REGIONS ZONES "  - name: net.\n    sites: [sin]\n    regions:\n"
				    "      - {region: eu, sites: [sin]}\n",
		"r.yaml:12: zones[1].regions[0].region: unknown region \"eu\""},
	{"order region twice",
		SITES REGIONS ZONES
		"  - name: net.\n    sites: [sin]\n    regions:\n"
		"      - {region: us, sites: [sin]}\n      - {region: us, sites: [nrt]}\n",
		"r.yaml:13: zones[1].regions[1].region: region \"us\" is in this zone twice"},
	{"order without sites",
		SITES REGIONS ZONES
		"  - name: net.\n    sites: [sin]\n    regions:\n      - {region: us}\n",
		"r.yaml:12: zones[1].regions[0]: key \"sites\" is missing"},
	{"order unknown site",
		SITES REGIONS ZONES "  - name: net.\n    sites: [sin]\n    regions:\n"
				    "      - {region: us, sites: [fra]}\n",
		"r.yaml:12: zones[1].regions[0].sites[0]: unknown site \"fra\""},
	{"order key",
		SITES REGIONS ZONES "  - name: net.\n    sites: [sin]\n    regions:\n"
				    "      - {region: us, sites: [sin], weight: 1}\n",
		"r.yaml:12: zones[1].regions[0].weight: unknown key"},
	{"sites scalar", "sites: sin\n" REGIONS ZONES,
		"r.yaml:1: sites: expected a list of sites, got a plain value"},
	{"sites map", "sites: {sin: 192.0.2.1}\n" REGIONS ZONES,
		"r.yaml:1: sites: expected a list of sites, got a mapping"},
	{"site list", "sites:\n  - [sin, 192.0.2.1]\n" REGIONS ZONES,
		"r.yaml:2: sites[0]: expected a mapping, got a list"},
	{"site nothing", "sites:\n  -\n" REGIONS ZONES,
		"r.yaml:2: sites[0]: expected a mapping, got nothing"},
	{"site name nothing", "sites:\n  - {name: , addresses: [192.0.2.1]}\n" REGIONS ZONES,
		"r.yaml:2: sites[0].name: expected text, got nothing"},
	{"site name list", "sites:\n  - {name: [sin], addresses: [192.0.2.1]}\n" REGIONS ZONES,
		"r.yaml:2: sites[0].name: expected text, got a list"},
	{"site name not ASCII",
		"sites:\n  - {name: m\u00fcc, addresses: [192.0.2.1]}\n" REGIONS ZONES,
		"r.yaml:2: sites[0].name: expected a name of letters, digits and \"._-\", got "
		"\"m??c\""},
	{"site names itself", "sites: &s\n  - *s\n" REGIONS ZONES,
		"r.yaml:1: sites[0]: expected a mapping, got a list"},
	{"addresses nothing", SITES "  - {name: lax, addresses: }\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses: expected a list of addresses, got nothing"},
	{"address nothing", SITES "  - name: lax\n    addresses:\n      -\n" REGIONS ZONES,
		"r.yaml:6: sites[2].addresses[0]: expected an IPv4 or IPv6 address, got \"\""},
	{"address of a prefix", SITES "  - {name: lax, addresses: [192.0.2.3/32]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses[0]: expected an IPv4 or IPv6 address, got "
		"\"192.0.2.3/32\""},
	{"address with an interface",
		SITES "  - {name: lax, addresses: [\"fe80::1%eth0\"]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses[0]: expected an IPv4 or IPv6 address, got "
		"\"fe80::1%eth0\""},
	{"address with a port",
		SITES "  - {name: lax, addresses: [\"192.0.2.3:53\"]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses[0]: expected an IPv4 or IPv6 address, got "
		"\"192.0.2.3:53\""},
	{"address is a name",
		SITES "  - {name: lax, addresses: [a.gtld-servers.net]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses[0]: expected an IPv4 or IPv6 address, got "
		"\"a.gtld-servers.net\""},
	{"address unspecified", SITES "  - {name: lax, addresses: [0.0.0.0]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses[0]: expected one host's address, got 0.0.0.0"},
	{"address broadcast", SITES "  - {name: lax, addresses: [255.255.255.255]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses[0]: expected one host's address, got "
		"255.255.255.255"},
	{"address v6 unspecified", SITES "  - {name: lax, addresses: [\"::\"]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses[0]: expected one host's address, got ::"},
	{"address v6 twice, spelt apart",
		SITES
		"  - {name: lax, addresses: [\"2001:db8::7\", \"2001:DB8:0::7\"]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses[1]: address 2001:db8::7 is there twice"},
	{"addresses too many",
		SITES "  - {name: lax, addresses: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, "
		      "15, 16, 17]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses: expected at most 16 addresses, got 17"},
	{"regions scalar", SITES "regions: apac\n" ZONES,
		"r.yaml:4: regions: expected a list of regions, got a plain value"},
	{"regions nothing", SITES "regions:\n" ZONES,
		"r.yaml:4: regions: expected a list of regions, got nothing"},
	{"region scalar", SITES "regions: [apac]\n" ZONES,
		"r.yaml:4: regions[0]: expected a mapping, got a plain value"},
	{"region name nothing", SITES "regions:\n  - {name: }\n" ZONES,
		"r.yaml:5: regions[0].name: expected text, got nothing"},
	{"region name map", SITES "regions:\n  - name: {a: b}\n" ZONES,
		"r.yaml:5: regions[0].name: expected text, got a mapping"},
	{"region name bad", SITES "regions:\n  - name: asia/pacific\n" ZONES,
		"r.yaml:5: regions[0].name: expected a name of letters, digits and \"._-\", got "
		"\"asia/pacific\""},
	{"region name long", SITES "regions:\n  - name: a2345678901234567890123456789012\n" ZONES,
		"r.yaml:5: regions[0].name: expected at most 31 octets of text, got 32"},
	{"clients scalar", SITES REGIONS "  - {name: eu, clients: 203.0.113.0/24}\n" ZONES,
		"r.yaml:7: regions[2].clients: expected a list of prefixes, got a plain value"},
	{"clients nothing", SITES REGIONS "  - {name: eu, clients: }\n" ZONES,
		"r.yaml:7: regions[2].clients: expected a list of prefixes, got nothing"},
	{"client map", SITES REGIONS "  - {name: eu, clients: [{a: b}]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: expected a prefix, got a mapping"},
	{"client any", SITES REGIONS "  - {name: eu, clients: [any]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: expected a prefix as 192.0.2.0/24, got \"any\""},
	{"client v6 too long",
		SITES REGIONS "  - {name: eu, clients: [\"2001:db8::/129\"]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: expected a prefix as 192.0.2.0/24, got "
		"\"2001:db8::/129\""},
	{"client without length", SITES REGIONS "  - {name: eu, clients: [203.0.113.0/]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: expected a prefix as 192.0.2.0/24, got "
		"\"203.0.113.0/\""},
	{"client v6 bits", SITES REGIONS "  - {name: eu, clients: [\"2001:db8::1/64\"]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: expected a prefix, got \"2001:db8::1/64\" with "
		"bits beyond its length"},
	{"prefix twice in one region",
		SITES REGIONS "  - {name: eu, clients: [203.0.113.0/24, 203.0.113.0/24]}\n" ZONES,
		"r.yaml:7: regions[2].clients[1]: prefix 203.0.113.0/24 belongs to region \"eu\" "
		"already"},
	{"zones scalar", SITES REGIONS "zones: com.\n",
		"r.yaml:7: zones: expected a list of zones, got a plain value"},
	{"zones nothing", SITES REGIONS "zones:\n",
		"r.yaml:7: zones: expected a list of zones, got nothing"},
	{"zones map", SITES REGIONS "zones: {com.: [sin]}\n",
		"r.yaml:7: zones: expected a list of zones, got a mapping"},
	{"zone list", SITES REGIONS "zones:\n  - [com., sin]\n",
		"r.yaml:8: zones[0]: expected a mapping, got a list"},
	{"zone name list", SITES REGIONS ZONES "  - {name: [net.], sites: [sin]}\n",
		"r.yaml:9: zones[1].name: expected a zone's name, got a list"},
	{"zone name long label",
		SITES REGIONS ZONES
		"  - {name: a234567890123456789012345678901234567890123456789012345678901234., "
		"sites: [sin]}\n",
		"r.yaml:9: zones[1].name: expected a domain name, got "
		"\"a234567890123456789012345678901234567890123456789012345678901234\""},
	{"zone name bad escape", SITES REGIONS ZONES "  - {name: 'a\\300.', sites: [sin]}\n",
		"r.yaml:9: zones[1].name: expected a domain name, got \"a\\300.\""},
	{"zone name twice",
		SITES REGIONS ZONES "  - name: net.\n    name: org.\n    sites: [sin]\n",
		"r.yaml:10: zones[1].name: duplicate key, first on line 9"},
	{"zone kind in capitals",
		SITES REGIONS ZONES "  - {name: net., kind: Recursive, sites: [sin]}\n",
		"r.yaml:9: zones[1].kind: expected one of authoritative, recursive, got "
		"\"Recursive\""},
	{"zone kind list",
		SITES REGIONS ZONES "  - {name: net., kind: [recursive], sites: [sin]}\n",
		"r.yaml:9: zones[1].kind: expected one of authoritative, recursive, got a list"},
	{"zone sites scalar", SITES REGIONS ZONES "  - {name: net., sites: sin}\n",
		"r.yaml:9: zones[1].sites: expected a list of sites, got a plain value"},
	{"zone sites nothing", SITES REGIONS ZONES "  - {name: net., sites: }\n",
		"r.yaml:9: zones[1].sites: expected a list of sites, got nothing"},
	{"zone site map", SITES REGIONS ZONES "  - {name: net., sites: [{sin: 1}]}\n",
		"r.yaml:9: zones[1].sites[0].sin: unknown key"},
	{"site in an order without a name",
		SITES REGIONS ZONES "  - {name: net., sites: [sin, {share_limit: 40}]}\n",
		"r.yaml:9: zones[1].sites[1]: key \"site\" is missing"},
	{"site in an order unknown", SITES REGIONS ZONES "  - {name: net., sites: [{site: fra}]}\n",
		"r.yaml:9: zones[1].sites[0].site: unknown site \"fra\""},
	{"site in an order is a list",
		SITES REGIONS ZONES "  - {name: net., sites: [{site: [sin]}]}\n",
		"r.yaml:9: zones[1].sites[0].site: expected a site's name, got a list"},
	{"share limit of 0",
		SITES REGIONS ZONES "  - {name: net., sites: [sin, {site: nrt, share_limit: 0}]}\n",
		"r.yaml:9: zones[1].sites[1].share_limit: expected 1..100, got 0"},
	{"share limit over all",
		SITES REGIONS ZONES "  - {name: net., sites: [{site: sin, share_limit: 101}]}\n",
		"r.yaml:9: zones[1].sites[0].share_limit: expected 1..100, got 101"},
	{"share limit with a sign",
		SITES REGIONS ZONES "  - {name: net., sites: [{site: sin, share_limit: 40%}]}\n",
		"r.yaml:9: zones[1].sites[0].share_limit: expected a whole number, got \"40%\""},
	{"share limit twice",
		SITES REGIONS ZONES
		"  - {name: net., sites: [{site: sin, share_limit: 4, share_limit: 5}]}\n",
		"r.yaml:9: zones[1].sites[0].share_limit: duplicate key, first on line 9"},
	{"weight of 0",
		SITES REGIONS ZONES
		"  - {name: net., policy: weighted, sites: [{site: sin, weight: 0}]}\n",
		"r.yaml:9: zones[1].sites[0].weight: expected 1..100, got 0"},
	{"weight too large",
		SITES REGIONS ZONES
		"  - {name: net., policy: weighted, sites: [nrt, {site: sin, weight: 101}]}\n",
		"r.yaml:9: zones[1].sites[1].weight: expected 1..100, got 101"},
	{"weight of no number",
		SITES REGIONS ZONES
		"  - {name: net., policy: weighted, sites: [{site: sin, weight: most}]}\n",
		"r.yaml:9: zones[1].sites[0].weight: expected a whole number, got \"most\""},
	{"weight that nobody asks for",
		SITES REGIONS ZONES "  - {name: net., sites: [{site: sin, weight: 2}]}\n",
		"r.yaml:9: zones[1].sites[0].weight: expected policy \"weighted\" for a weight to "
		"count, got \"ordered\""},
	{"weight in a fastest region",
		SITES REGIONS ZONES
		"  - name: net.\n    policy: weighted\n    sites: [sin]\n    regions:\n"
		"      - {region: us, policy: fastest, sites: [{site: nrt, weight: 2}]}\n",
		"r.yaml:13: zones[1].regions[0].sites[0].weight: expected policy \"weighted\" for "
		"a weight to count, got \"fastest\""},
	{"policy unknown", SITES REGIONS ZONES "  - {name: net., policy: random, sites: [sin]}\n",
		"r.yaml:9: zones[1].policy: expected one of ordered, weighted, fastest, got "
		"\"random\""},
	{"policy is a list",
		SITES REGIONS ZONES "  - {name: net., policy: [fastest], sites: [sin]}\n",
		"r.yaml:9: zones[1].policy: expected one of ordered, weighted, fastest, got a "
		"list"},
	{"policy of a region unknown",
		SITES REGIONS ZONES
		"  - {name: net., sites: [sin], regions: [{region: us, policy: nearest, sites: "
		"[sin]}]}\n",
		"r.yaml:9: zones[1].regions[0].policy: expected one of ordered, weighted, fastest, "
		"got \"nearest\""},
	{"group empty", SITES REGIONS ZONES "  - {name: net., sites: [[sin], []]}\n",
		"r.yaml:9: zones[1].sites[1]: expected at least one site in a group, got an empty "
		"list"},
	{"group after sites", SITES REGIONS ZONES "  - {name: net., sites: [sin, [nrt]]}\n",
		"r.yaml:9: zones[1].sites[1]: expected a site as before it: either all are groups "
		"or none is"},
	{"site after groups", SITES REGIONS ZONES "  - {name: net., sites: [[sin], nrt]}\n",
		"r.yaml:9: zones[1].sites[1]: expected a list as before it: either all are groups "
		"or none is"},
	{"group in a group", SITES REGIONS ZONES "  - {name: net., sites: [[sin, [nrt]]]}\n",
		"r.yaml:9: zones[1].sites[0][1]: expected a site's name, got a list"},
	{"site in two groups", SITES REGIONS ZONES "  - {name: net., sites: [[sin, nrt], [sin]]}\n",
		"r.yaml:9: zones[1].sites[1][0]: site \"sin\" is in this list twice"},
	{"zone site in capitals", SITES REGIONS ZONES "  - {name: net., sites: [SIN]}\n",
		"r.yaml:9: zones[1].sites[0]: unknown site \"SIN\""},
	{"zone regions map",
		SITES REGIONS ZONES "  - {name: net., sites: [sin], regions: {us: [sin]}}\n",
		"r.yaml:9: zones[1].regions: expected a list of regions, got a mapping"},
	{"order scalar", SITES REGIONS ZONES "  - {name: net., sites: [sin], regions: [us]}\n",
		"r.yaml:9: zones[1].regions[0]: expected a mapping, got a plain value"},
	{"order without region",
		SITES REGIONS ZONES "  - {name: net., sites: [sin], regions: [{sites: [sin]}]}\n",
		"r.yaml:9: zones[1].regions[0]: key \"region\" is missing"},
	{"order region list",
		SITES REGIONS ZONES
		"  - {name: net., sites: [sin], regions: [{region: [us], sites: [sin]}]}\n",
		"r.yaml:9: zones[1].regions[0].region: expected a region's name, got a list"},
	{"order sites empty",
		SITES REGIONS ZONES
		"  - {name: net., sites: [sin], regions: [{region: us, sites: []}]}\n",
		"r.yaml:9: zones[1].regions[0].sites: expected at least one site, best first, got "
		"an empty list"},
	{"order sites scalar",
		SITES REGIONS ZONES
		"  - {name: net., sites: [sin], regions: [{region: us, sites: nrt}]}\n",
		"r.yaml:9: zones[1].regions[0].sites: expected a list of sites, got a plain value"},
	{"order site twice",
		SITES REGIONS ZONES
		"  - {name: net., sites: [sin], regions: [{region: us, sites: [nrt, nrt]}]}\n",
		"r.yaml:9: zones[1].regions[0].sites[1]: site \"nrt\" is in this list twice"},
	{"order site is a region",
		SITES REGIONS ZONES
		"  - {name: net., sites: [sin], regions: [{region: us, sites: [us]}]}\n",
		"r.yaml:9: zones[1].regions[0].sites[0]: unknown site \"us\""},
	{"region is a site",
		SITES REGIONS ZONES
		"  - {name: net., sites: [sin], regions: [{region: sin, sites: [nrt]}]}\n",
		"r.yaml:9: zones[1].regions[0].region: unknown region \"sin\""},
	{"tab", SITES "regions:\n\t- {name: apac}\n" ZONES,
		"r.yaml:5: near \"name\": not well-formed YAML: found character that cannot start "
		"any token while scanning for the next token"},
	{"bracket open", SITES REGIONS "zones:\n  - {name: com., sites: [sin, nrt}\n",
		"r.yaml:8: near \"name\": not well-formed YAML: did not find expected ',' or ']' "
		"while parsing a flow sequence"},
	{"brace open", SITES REGIONS "zones:\n  - {name: com., sites: [sin]\n",
		"r.yaml:9: near \"name\": not well-formed YAML: did not find expected ',' or '}' "
		"while parsing a flow mapping"},
	{"quote open", SITES REGIONS "zones:\n  - name: \"com.\n",
		"r.yaml:9: near \"name\": not well-formed YAML: found unexpected end of stream "
		"while scanning a quoted scalar"},
	{"indent", SITES REGIONS "zones:\n  - name: com.\n   sites: [sin]\n",
		"r.yaml:9: near \"sites\": not well-formed YAML: did not find expected '-' "
		"indicator while parsing a block collection"},
	{"colon in text", SITES REGIONS "zones:\n  - name: com.: net.\n",
		"r.yaml:8: near \"name\": not well-formed YAML: mapping values are not allowed in "
		"this context"},
	{"not UTF-8", SITES REGIONS "zones:\n  - name: \"\xff\"\n",
		"r.yaml:8: near \"name\": not well-formed YAML: invalid leading UTF-8 octet"},
	{"control character", SITES REGIONS ZONES "  - name: \"\x01\"\n",
		"r.yaml:9: near \"name\": not well-formed YAML: control characters are not "
		"allowed"},
	{"NUL in a name", SITES REGIONS ZONES "  - name: \"a\\0b\"\n    sites: [sin]\n",
		"r.yaml:9: zones[1].name: expected a zone's name, got text with a NUL octet"},
	{"alias unknown", SITES REGIONS "zones: *none\n",
		"r.yaml:7: near \"zones\": not well-formed YAML: found undefined alias"},
	{"second document", SITES REGIONS ZONES "---\n" ZONES,
		"r.yaml:10: a second document begins, expected one"},
	{"key is a list", SITES REGIONS ZONES "[a]: b\n", "r.yaml:9: expected a key, got a list"},
	{"settings in it", SITES REGIONS ZONES "upstream: {tries: 3}\n",
		"r.yaml:9: upstream: unknown key"},
};
