"""What the processes of :mod:`tests.bench.test_team` carry out."""

from bench.load.wire import LoadFailed


def part(target, share, orders):
    """Answer as the share says."""
    orders.say(
        {"event": target.event, "secret": target.key.secret, "kind": [target.ours, target.media]}
    )
    while True:
        word, *more = orders.hear("double", "fail", "break")
        if word == "double":
            orders.say({"failed": 0, "double": [2 * share["number"], more]})
        elif share["number"]:
            raise {"fail": LoadFailed, "break": ValueError}[word](f"number {share['number']}")
