/*
 * Every row of rrsig-cases.tsv: one RRset, one RRSIG, the DNSKEYs that may have made it, and two
 * independent verifiers' word on crypto and time. The row becomes a message, as an upstream would
 * send it, and is judged by our own parts: cold, from the cache, and with single bits flipped.
 *
 * How a row's words map to ours:
 *   algorithm 3, 12  `crypto` whatever it says (unsupported, malformed): never asked of OpenSSL;
 *                    such a zone is insecure (RFC 4035 s5.2)
 *   algorithm 5, 7   crypto and time as the rest; unsupported unless the operator says otherwise
 *                    (RFC 9905)
 *   crypto valid     a key of the signature's tag and algorithm verifies it
 *   crypto invalid   none does: none fits by tag (the key is not in the row), or by arithmetic, or
 *                    RDATA cannot be brought into canonical form
 *   time ok, expired, future    what val_sig_precheck() says at the row's date, unless it finds
 *                    fault with the structure first; ignored: not compared
 *   notes            labels<signer and signer-not-ancestor must fail the precheck; key-revoked is
 *                    good by arithmetic and refused where keys are chosen (keys.c,
 *                    response_sig.c); wildcard and ttl>orig are no faults of a signature
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "dns/msg.h"
#include "dns/rdata.h"
#include "tests/unit/run.h"
#include "validator/sig.h"
#include "validator/sigcache.h"

enum { LINE_LEN = 1 << 20, KEYS = 32, RDATAS = 128, COLUMNS = 13 };

struct bytes {
	uint8_t *data;
	size_t len;
};

struct row {
	char id[32], crypto[16], time[16], notes[256];
	unsigned algorithm;
	uint32_t date;
	struct bytes owner, rrsig, rdata[RDATAS], dnskey[KEYS];
	unsigned rdatas, dnskeys;
	uint16_t class_, type;
};

static struct val_verifier *verifier;
static struct val_sigcache *cache;
static struct val_sig_key prf_key;
static const struct val_skew no_skew;

static struct {
	unsigned rows, valid, invalid, sha1, dead, malformed, by_rule, revoked, disagree;
	unsigned long flips, flips_structural, flips_verified;
} seen;

/* ---- reading ---- */

static int nibble(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							: -1;
}

static struct bytes from_hex(const char *s)
{
	struct bytes b = {malloc(strlen(s) / 2 + 1), 0};

	for (; nibble(s[0]) >= 0 && nibble(s[1]) >= 0; s += 2)
		b.data[b.len++] = (uint8_t)(nibble(s[0]) << 4 | nibble(s[1]));
	return b;
}

static unsigned list_from_hex(char *s, struct bytes *out, unsigned max)
{
	unsigned n = 0;
	char *save = NULL;

	for (char *p = strtok_r(s, ",", &save); p != NULL && n < max;
		p = strtok_r(NULL, ",", &save))
		out[n++] = from_hex(p);
	return n;
}

static bool read_row(char *line, struct row *r)
{
	char *col[COLUMNS] = {NULL};
	unsigned n = 0;

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '#')
		return false;
	for (char *p = line; p != NULL && n < COLUMNS; n++)
		col[n] = strsep(&p, "\t");
	if (n < 12)
		return false;
	memset(r, 0, sizeof(*r));
	snprintf(r->id, sizeof(r->id), "%s", col[0]);
	snprintf(r->crypto, sizeof(r->crypto), "%s", col[2]);
	snprintf(r->time, sizeof(r->time), "%s", col[3]);
	snprintf(r->notes, sizeof(r->notes), "%s", col[11]);
	r->algorithm = (unsigned)atoi(col[1]);
	r->date = (uint32_t)strtoul(col[4], NULL, 10);
	r->owner = from_hex(col[5]);
	r->class_ = (uint16_t)atoi(col[6]);
	r->type = (uint16_t)atoi(col[7]);
	r->rrsig = from_hex(col[8]);
	r->rdatas = list_from_hex(col[9], r->rdata, RDATAS);
	r->dnskeys = list_from_hex(col[10], r->dnskey, KEYS);
	return true;
}

static void free_row(struct row *r)
{
	free(r->owner.data);
	free(r->rrsig.data);
	for (unsigned i = 0; i < r->rdatas; i++)
		free(r->rdata[i].data);
	for (unsigned i = 0; i < r->dnskeys; i++)
		free(r->dnskey[i].data);
}

/* ---- a row as a message ---- */

static size_t put_rr(uint8_t *p, const struct row *r, uint16_t type, const struct bytes *rdata)
{
	memcpy(p, r->owner.data, r->owner.len);
	dns_put16(p + r->owner.len, type);
	dns_put16(p + r->owner.len + 2, r->class_);
	dns_put32(p + r->owner.len + 4, 3600);
	dns_put16(p + r->owner.len + 8, (uint16_t)rdata->len);
	memcpy(p + r->owner.len + 10, rdata->data, rdata->len);
	return r->owner.len + 10 + rdata->len;
}

static int make_message(const struct row *r, uint8_t *buf, struct dns_msg *msg)
{
	size_t len = DNS_HEADER_LEN;

	memset(buf, 0, DNS_HEADER_LEN);
	dns_put16(buf + DNS_OFF_FLAGS, DNS_FLAG_QR | DNS_FLAG_AA);
	dns_put16(buf + DNS_OFF_ANCOUNT, (uint16_t)(r->rdatas + 1));
	for (unsigned i = 0; i < r->rdatas; i++)
		len += put_rr(buf + len, r, r->type, &r->rdata[i]);
	len += put_rr(buf + len, r, DNS_TYPE_RRSIG, &r->rrsig);
	return dns_msg_parse(msg, buf, len);
}

/* ---- judging ---- */

enum said { SAID_VALID, SAID_INVALID, SAID_UNSUPPORTED };

struct prepared {
	struct dns_msg msg;
	struct val_rrset set;
	struct dns_rrsig sig;
	uint8_t data[VAL_SIGNED_DATA_MAX];
	int data_len;
	enum val_reason precheck;
};

static int prepare(const struct row *r, uint8_t *buf, struct prepared *p)
{
	const struct dns_rr *rr;

	if (make_message(r, buf, &p->msg) != 0)
		return -EBADMSG;
	val_rrset_collect(&p->msg, 0, &p->set);
	if (p->set.sig_count != 1 || p->set.overflow)
		return -EBADMSG;
	rr = &p->msg.rr[p->set.sig[0]];
	if (dns_rrsig_read(p->msg.data + rr->rdata_off, rr->rdata_len, &p->sig) != 0)
		return -EBADMSG;
	p->precheck = val_sig_precheck(&p->set, &p->sig, p->sig.signer, r->date, &no_skew);
	p->data_len = val_signed_data(
		&p->msg, &p->set, &p->sig, p->msg.data + rr->rdata_off, p->data, sizeof(p->data));
	return p->data_len < 0 ? p->data_len : 0;
}

/* Does any key that fits by tag and algorithm verify, here by arithmetic? The good one's index goes
 * to *which. */
static enum said verify_row(const struct row *r, const struct prepared *p, unsigned *which)
{
	enum said said = SAID_INVALID;

	for (unsigned i = 0; i < r->dnskeys; i++) {
		const struct bytes *k = &r->dnskey[i];
		int good;

		if (k->len < 4 || k->data[3] != p->sig.algorithm ||
			dns_key_tag(k->data, k->len) != p->sig.key_tag)
			continue;
		good = val_verify(verifier, k->data, k->len, p->data, (size_t)p->data_len,
			p->sig.signature, p->sig.signature_len);
		if (good == 1) {
			*which = i;
			return SAID_VALID;
		}
		if (good == -ENOTSUP)
			said = SAID_UNSUPPORTED;
	}
	return said;
}

/* Each row by another of the ways that this CPU has. */
static void next_prf(void)
{
	static const struct dns_hash_key secret = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	static unsigned next;
	enum val_sig_prf prf = next++ % VAL_SIG_PRFS;

	if (val_sig_prf_supported(prf))
		val_sig_key_init(&prf_key, &secret, prf);
}

static void row_id(
	const struct row *r, const struct prepared *p, unsigned key, struct val_sig_id *id)
{
	val_sig_id(&prf_key, p->data, (size_t)p->data_len, p->sig.signature, p->sig.signature_len,
		r->dnskey[key].data, r->dnskey[key].len, id);
}

static enum val_sig_state cached(const struct row *r, const struct prepared *p, unsigned key)
{
	struct val_sig_times times;
	struct val_sig_id id;

	row_id(r, p, key, &id);
	return val_sigcache_get(cache, &id, r->date, &times);
}

static bool time_agrees(const struct row *r, const struct prepared *p)
{
	if (strcmp(r->time, "ok") == 0)
		return p->precheck != VAL_R_SIG_EXPIRED && p->precheck != VAL_R_SIG_NOT_YET_VALID &&
		       p->precheck != VAL_R_SIG_TIMES_REVERSED;
	if (p->precheck == VAL_R_SIG_LABELS || p->precheck == VAL_R_SIG_SIGNER ||
		p->precheck == VAL_R_SIG_MALFORMED)
		return true; // structure is judged first
	if (strcmp(r->time, "expired") == 0)
		return p->precheck == VAL_R_SIG_EXPIRED || p->precheck == VAL_R_SIG_TIMES_REVERSED;
	if (strcmp(r->time, "future") == 0)
		return p->precheck == VAL_R_SIG_NOT_YET_VALID ||
		       p->precheck == VAL_R_SIG_TIMES_REVERSED;
	return true;
}

static void disagree(const struct row *r, const char *what)
{
	seen.disagree++;
	printf("\n  %s alg %u crypto %s time %s [%s]: %s", r->id, r->algorithm, r->crypto, r->time,
		r->notes, what);
}

/* ---- flips ---- */

static void flip(struct bytes *b, unsigned bit)
{
	b->data[bit / 8] = (uint8_t)(b->data[bit / 8] ^ (1u << bit % 8));
}

/* One random bit in RRSIG, RDATA or owner: a cache that has seen the row must not call the result
 * good. */
static void flip_one(struct row *r, unsigned key, const struct prepared *original)
{
	static uint8_t buf[65536];
	static struct prepared p;
	unsigned part = (unsigned)rand() % 3;
	struct bytes *b = part == 0   ? &r->rrsig
			  : part == 1 ? &r->rdata[(unsigned)rand() % r->rdatas]
				      : &r->owner;
	unsigned bit, which;

	if (b->len == 0)
		return;
	bit = (unsigned)rand() % (unsigned)(b->len * 8);
	flip(b, bit);
	seen.flips++;
	if (prepare(r, buf, &p) != 0 || p.precheck != VAL_R_NONE) {
		seen.flips_structural++;
	} else if (cached(r, &p, key) == VAL_SIG_GOOD) {
		// Letter case of names is not signed (RFC 4034 s6.2): the very same signed data may
		// be believed.
		if (p.data_len != original->data_len ||
			memcmp(p.data, original->data, (size_t)p.data_len) != 0 ||
			p.sig.signature_len != original->sig.signature_len ||
			memcmp(p.sig.signature,
				r->rrsig.data +
					(p.sig.signature -
						(p.msg.data + p.msg.rr[p.set.sig[0]].rdata_off)),
				p.sig.signature_len) != 0)
			disagree(r, "a flipped bit was believed from the cache");
	} else if (rand() % 50 == 0) {
		seen.flips_verified++;
		if (verify_row(r, &p, &which) == SAID_VALID)
			disagree(r, "a flipped bit was believed by arithmetic");
	}
	flip(b, bit);
}

/* ---- the test ---- */

static void judge_valid_row(struct row *r, struct prepared *p, unsigned key, unsigned flips)
{
	struct val_sig_times times = {p->sig.inception, p->sig.expiration, 1};
	struct val_sig_id id;

	next_prf();
	// a cache for each row: some rows are the same data under two names
	CU_ASSERT_EQUAL_FATAL(val_sigcache_new(64, -1, &cache), 0);
	if (cached(r, p, key) != VAL_SIG_UNKNOWN)
		disagree(r, "known before it was inserted");
	row_id(r, p, key, &id);
	val_sigcache_put(cache, &id, &times);
	if (cached(r, p, key) != VAL_SIG_GOOD)
		disagree(r, "not in the cache after it was inserted");
	for (unsigned i = 0; i < flips; i++)
		flip_one(r, key, p);
	val_sigcache_free(cache);
}

static bool is_live(unsigned algorithm)
{
	return val_alg_supported((uint8_t)algorithm, false);
}

static bool is_sha1(unsigned algorithm)
{
	return !is_live(algorithm) && val_alg_supported((uint8_t)algorithm, true);
}

/* What two verifiers' word on crypto and time leaves open. */
static void judge_notes(const struct row *r, const struct prepared *p, enum said said, unsigned key)
{
	bool fault = strstr(r->notes, "labels<signer") != NULL ||
		     strstr(r->notes, "signer-not-ancestor") != NULL;
	bool structural = p->precheck == VAL_R_SIG_LABELS || p->precheck == VAL_R_SIG_SIGNER;
	bool revoked = said == SAID_VALID &&
		       (dns_get16(r->dnskey[key].data) & DNS_DNSKEY_FLAG_REVOKE) != 0;

	if (fault != structural)
		disagree(r, fault ? "labels or signer let pass" : "labels or signer refused");
	if (revoked != (strstr(r->notes, "key-revoked") != NULL))
		disagree(r, revoked ? "a revoked key verifies" : "no revoked key verifies");
	seen.revoked += revoked;
}

static void judge_row(struct row *r, unsigned flips)
{
	static uint8_t buf[65536];
	static struct prepared p;
	unsigned key = 0;
	enum said said;
	int err = prepare(r, buf, &p);

	seen.rows++;
	if (!is_live(r->algorithm) && !is_sha1(r->algorithm)) {
		seen.dead++; // never asked of OpenSSL: the zone is insecure (RFC 4035 s5.2)
		return;
	}
	seen.sha1 += is_sha1(r->algorithm);
	if (err != 0) {
		seen.malformed++;
		if (strcmp(r->crypto, "valid") == 0)
			disagree(r, "valid, but not readable to us");
		return;
	}
	said = verify_row(r, &p, &key);
	seen.valid += said == SAID_VALID;
	seen.invalid += said != SAID_VALID;
	if ((said == SAID_VALID) != (strcmp(r->crypto, "valid") == 0))
		disagree(r, said == SAID_VALID ? "we say valid" : "we say invalid");
	if (!time_agrees(r, &p))
		disagree(r, val_reason_name(p.precheck));
	judge_notes(r, &p, said, key);
	if (said == SAID_VALID && p.precheck != VAL_R_NONE)
		seen.by_rule++;
	if (said == SAID_VALID && p.precheck == VAL_R_NONE)
		judge_valid_row(r, &p, key, flips);
}

static unsigned flips_wanted(void)
{
	const char *s = getenv("SWERVE_FLIPS"); // in all; a million in the long run

	return s != NULL ? (unsigned)strtoul(s, NULL, 10) : 50000;
}

static FILE *input;

static void test_rows(void)
{
	char *line = malloc(LINE_LEN);
	struct row *r = malloc(sizeof(*r));
	// about 1,100 rows are good by every rule; the rest takes no flips
	unsigned flips = flips_wanted() / 1100 + 1;

	CU_ASSERT_EQUAL_FATAL(val_verifier_new(&verifier), 0);
	srand(4034);
	while (fgets(line, LINE_LEN, input) != NULL)
		if (read_row(line, r)) {
			judge_row(r, flips);
			free_row(r);
		}
	printf("\n  %u rows: %u valid, %u invalid, %u malformed, %u in dead algorithms (insecure "
	       "by rule); %u of them SHA-1, "
	       "%u good by arithmetic but not by rule, %u by a revoked key\n  %lu bits flipped: "
	       "%lu fail in structure "
	       "or time, %lu of the rest "
	       "verified too\n  ",
		seen.rows, seen.valid, seen.invalid, seen.malformed, seen.dead, seen.sha1,
		seen.by_rule, seen.revoked, seen.flips, seen.flips_structural, seen.flips_verified);
	CU_ASSERT(seen.rows > 1000);
	CU_ASSERT(seen.flips > flips_wanted() / 2);
	CU_ASSERT_EQUAL(seen.disagree, 0);
	val_verifier_free(verifier);
	free(r);
	free(line);
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"every row's crypto and time, cold, hot and flipped", test_rows},
		CU_TEST_INFO_NULL,
	};
	const char *folder = getenv("SWERVE_DATA");
	char path[4096];

	if (folder == NULL && argc > 1)
		folder = argv[1];

	snprintf(path, sizeof(path), "%s/rrsig-cases.tsv", folder != NULL ? folder : ".");
	input = fopen(path, "r");
	if (input == NULL) {
		printf("skipped: %s is not there\n", path);
		return 77;
	}
	return test_run("validator/rrsig_cases", tests);
}
