-- One rate, for a while, with a line a second: what goes out and what comes back. Load it with `-f steady.lua`.
-- Settings may be given before it is loaded, as globals of these names.

package.path = package.path .. ";?.lua;test/?.lua;app/?.lua;"
pcall(require, "Pktgen")

send = send or 0
receive = receive or send
rate = rate or 1        -- per cent of the link's speed
seconds = seconds or 30

local function count(port, what)
	return pktgen.portStats(tostring(port), "port")[port][what]
end

pktgen.screen("off")
pktgen.stop(tostring(send))
pktgen.clr()
pktgen.set(tostring(send), "count", 0)
pktgen.set(tostring(send), "rate", rate)
pktgen.start(tostring(send))
local sent, back = count(send, "opackets"), count(receive, "ipackets")
for second = 1, seconds do
	pktgen.delay(1000)
	local sent_now, back_now = count(send, "opackets"), count(receive, "ipackets")
	print(string.format("%4d s: %.0f out, %.0f back", second, sent_now - sent, back_now - back))
	sent, back = sent_now, back_now
end
pktgen.stop(tostring(send))
