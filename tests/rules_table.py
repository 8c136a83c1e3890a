"""Prints the rules of the product and the tests that bear their numbers.

A test bears a rule's number when its name contains ``rule_N``. Ends with status 1 if a rule has no
test, or a test a number that no rule has.
"""

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

RULES = {
    1: "Kinds, length and states of a session",
    2: "Registration, capacity, waiting list, held seats",
    3: "Four ways in, one view",
    4: "Backstage and doors",
    5: "Whoever enters is audience",
    6: "Leaving at any time",
    7: "Hostless",
    8: "End is not leave",
    9: "Requests to come on screen",
    10: "The first decision wins",
    11: "Withdrawing",
    12: "The countdown",
    13: "The stage's cap",
    14: "Invitations",
    15: "On screen: mic, camera, screen share, background",
    16: "Going back, and returning without asking",
    17: "Blocked and muted",
    18: "A drop while on stage",
    19: "People",
    20: "Questions and answers",
    21: "Chat",
    22: "Company tab",
    23: "Support",
    24: "Kick and ban",
    25: "Opening breakout rooms",
    26: "Moved with mic and camera on",
    27: "Main call or own room",
    28: "Inside a room",
    29: "What hosts can do with rooms",
    30: "Closing rooms",
    31: "Latecomers",
    32: "Reconnecting inside a room",
    33: "Closed rooms stay readable",
    34: "Epochs of connections",
    35: "A drop keeps presence",
    36: "Idempotency keys",
    37: "1-1 chats: who may initiate",
    38: "Durations, hours, quota",
    39: "Drafting and publishing an agenda",
    40: "Requests: approve, decline, withdraw",
    41: "Free slots at approval",
    42: "Picking a slot is one step",
    43: "Reschedule and cancel",
    44: "Joining a 1-1 chat",
    45: "Completed, no-show, missed",
    46: "Time zones",
    47: "Calendar and reminders",
    48: "My Schedule",
    49: "Notifications",
}

BEARS = re.compile(r"rule_(\d+)")


def tests_by_rule(root: Path) -> dict[int, list[str]]:
    """Return for each number the tests under ``root`` whose names bear it."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(root.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for number in BEARS.findall(node.name) if _is_test(node) else ():
                    found[int(number)].append(f"{path.relative_to(root)}::{node.name}")
    return found


def _is_test(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return node.name.lower().startswith("test")


def main(root: Path) -> int:
    """Print the table; return the exit status."""
    found = tests_by_rule(root)
    for number, title in RULES.items():
        tests = found.get(number, [])
        print(f"{number:>4}  {title:<50} {len(tests) or 'NO TEST'}")
        for test in tests:
            print(f"      {test}")
    without = [number for number in RULES if number not in found]
    unknown = sorted(set(found) - set(RULES))
    if without:
        print(f"Rules without a test: {without}", file=sys.stderr)
    if unknown:
        print(f"Tests of rules that do not exist: {unknown}", file=sys.stderr)
    return 1 if without or unknown else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parent))
