"""Durable chat commands from 200 senders to a 200-person session, beside python-socketio."""
from bench.load.target import described, opened, Target
from bench.load.swarm import Load, Swarm
import sys, json

def people(target: Target, count: int, session: str):
    host = ("connect", {"token": target.token(f"host-{session}", sessions=frozenset({session}))})
    first = [host, ("session.join", {"session": session}), ("session.start", {"session": session})]
    rest = [[("connect", {"token": target.token(f"p-{n}")}), ("session.join", {"session": session})] for n in range(count - 1)]
    return [first, *rest]

if __name__ == "__main__":
    seconds = float(sys.argv[1]); rate = float(sys.argv[2])
    with opened() as t:
        s = t.event + "-s"
        t.load(described(t.event, [s]))
        load = Load(people(t, 200, s), [("chat.send", {"topic": f"session/{s}", "text": "x" * 60})], rate=rate, seconds=seconds)
        with Swarm(t, load) as swarm:
            swarm.ready()
            print(t.pid, flush=True)
            r = swarm.run()
    r.pop("over_time"); r.pop("series"); r["latency"].pop("hdr",0)
    print(json.dumps(r))
