-- The highest rate at which Pktgen gets an answer to every query: bisection over the rate of port `send`.
-- Load it with `-f nodrop.lua`; the port replays a capture of make-pcap (`-s 0:queries.pcap`).
-- Settings may be given before it is loaded, as globals of these names.

package.path = package.path .. ";?.lua;test/?.lua;app/?.lua;"
pcall(require, "Pktgen")

send = send or 0            -- port that sends; answers are counted on `receive`
receive = receive or send
low = low or 0              -- per cent of the link's speed known to be good
high = high or 100          -- tried first
max_loss = max_loss or 0    -- share of queries that may stay without an answer: 0 for NDR, 0.001 for PDR
precision = precision or 0.02 -- ends when the bracket is this share of the rate
tries = tries or 2          -- how often a rate may fail: a hiccup is no property of what is measured
seconds = seconds or 10     -- of each trial
settle = settle or 3        -- seconds for answers to come home; swerve gives up after 1.8
out = out or "nodrop.txt"

local log = io.open(out, "w")

local function say(text)
	print(text)
	log:write(text .. "\n")
	log:flush()
end

local function count(port, what)
	return pktgen.portStats(tostring(port), "port")[port][what]
end

-- sent and answered at one rate
local function trial(rate)
	pktgen.clr()
	pktgen.delay(200)
	local sent0, back0 = count(send, "opackets"), count(receive, "ipackets")
	pktgen.set(tostring(send), "rate", rate)
	pktgen.start(tostring(send))
	pktgen.delay(seconds * 1000)
	pktgen.stop(tostring(send))
	pktgen.delay(settle * 1000)
	return count(send, "opackets") - sent0, count(receive, "ipackets") - back0
end

local function passes(rate)
	for try = 1, tries do
		local sent, back = trial(rate)
		local lost = sent - back
		say(string.format("rate %.4f %%: %.0f queries/s sent, %.0f answered, %.0f lost (%.4f %%)", rate,
			sent / seconds, back / seconds, lost, sent > 0 and 100 * lost / sent or 0))
		if sent > 0 and lost <= max_loss * sent then
			return true, sent / seconds
		end
	end
	return false, 0
end

local function search()
	local best_rate, best_qps, rate = 0, 0, high
	while high - low > precision * high or best_rate == 0 do
		local good, qps = passes(rate)
		if good then
			best_rate, best_qps, low = rate, qps, rate
			if rate >= high then break end
		else
			high = rate
		end
		rate = (low + high) / 2
		if rate < 0.001 then break end
	end
	return best_rate, best_qps
end

pktgen.screen("off")
pktgen.stop(tostring(send))
pktgen.set(tostring(send), "count", 0) -- until stopped
local rate, qps = search()
say(string.format("RESULT %s %.0f queries/s at rate %.4f %% of the link, loss at most %g", max_loss > 0 and "PDR" or "NDR",
	qps, rate, max_loss))
log:close()
