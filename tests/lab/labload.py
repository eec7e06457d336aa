"""A steady load of questions from the client host, with every answer accounted for."""

import random
import select
import socket
import threading
import time
from collections import Counter

import labdns

LOST_AFTER_S = 3.0  # a resolver's client has given up by then


class Load:
    """Asks `address` at a steady rate in a thread of its own.

    questions: callable returning (name, type) for each question.
    counts: asked, lost, and answers by RCODE. surplus: answers to nothing that was waiting. overtaken: answers that came
    after one to a later question. on_answer(reply, name, kind) may look at each.
    """

    def __init__(self, net, address, questions, rate, rd=False, do=True, on_answer=None, host="client"):
        self.questions, self.rate, self.rd, self.do, self.on_answer = questions, rate, rd, do, on_answer
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with net.inside(host):
            self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.connect((address, labdns.PORT))
        self.socket.setblocking(False)
        self.counts = Counter()
        self.failures = []  # the first few, for messages
        self.waiting = {}
        self.surplus = self.overtaken = 0
        self.latest = 0.0  # when the question was asked that is the latest with an answer
        self.next_id = random.getrandbits(16)
        self.asking = True
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        """Ask no more, wait for what is out, return the counts."""
        self.asking = False
        self.thread.join()
        self.socket.close()
        return self.counts

    @property
    def answered(self):
        return self.counts["NOERROR"] + self.counts["NXDOMAIN"]

    @property
    def bad(self):
        """Questions that got no use out of it: SERVFAIL, REFUSED and such, and lost ones."""
        return sum(n for k, n in self.counts.items() if k not in ("asked", "NOERROR", "NXDOMAIN"))

    def __str__(self):
        rest = ", ".join(f"{n} {k}" for k, n in sorted(self.counts.items())
                         if n and k not in ("asked", "NOERROR", "NXDOMAIN"))
        return f"{self.counts['asked']} asked, {self.answered} answered" + (f", {rest}" if rest else "")

    def _run(self):
        due = time.monotonic()
        while self.asking or self.waiting:
            now = time.monotonic()
            if self.asking and now >= due:
                self._ask(now)
                due = max(due + 1 / self.rate, now - 0.2)  # catch up after a pause, but not all of it
                continue
            until = due - now if self.asking else 0.05
            if select.select([self.socket], [], [], max(0, min(until, 0.05)))[0]:
                self._take()
            self._expire(time.monotonic())

    def _ask(self, now):
        self.next_id = (self.next_id + 1) & 0xFFFF
        name, kind = self.questions()
        try:
            self.socket.send(labdns.query(name, kind, ident=self.next_id, rd=self.rd, do=self.do))
        except OSError:
            pass  # counts as asked, and as lost in its time
        self.counts["asked"] += 1
        self.waiting[self.next_id] = (now, name, kind)

    def _take(self):
        while True:
            try:
                data = self.socket.recv(65535)
            except BlockingIOError:
                return
            except OSError:
                return  # ICMP: the question is lost in its time
            if len(data) < 12:
                continue
            reply = labdns.Reply(data)
            asked = self.waiting.pop(reply.id, None)
            if asked is None:
                self.surplus += 1
                continue
            self.overtaken += asked[0] < self.latest
            self.latest = max(self.latest, asked[0])
            self._count(reply.rcode, asked)
            if self.on_answer:
                self.on_answer(reply, asked[1], asked[2])

    def _expire(self, now):
        for ident in [i for i, (at, _, _) in self.waiting.items() if now - at > LOST_AFTER_S]:
            self._count("lost", self.waiting.pop(ident))

    def _count(self, what, asked):
        self.counts[what] += 1
        if what not in ("NOERROR", "NXDOMAIN") and len(self.failures) < 5:
            self.failures.append(f"{asked[1]} {asked[2]}: {what}")
