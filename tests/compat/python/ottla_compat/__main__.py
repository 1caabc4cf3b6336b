"""Runs one case of confluent-kafka's, or lists them.

`python3 -m ottla_compat list` prints the names of all cases, one a line.
`python3 -m ottla_compat CASE HOST:PORT` runs one against a broker: it ends with status 0 and prints
nothing, or with status 1 and prints what was wrong. A case that hangs is ended with status 1 and the
place where each thread was. What librdkafka logs goes to stderr.
"""

import faulthandler
import sys
import traceback

from . import (
    admin_cases,
    config_cases,
    consumer_cases,
    group_admin_cases,
    group_cases,
    offset_cases,
    producer_cases,
    transaction_cases,
)
from .cases import CASES
from .lab import Lab

# In the order in which the cases are listed.
MODULES = [
    producer_cases,
    consumer_cases,
    offset_cases,
    group_cases,
    admin_cases,
    config_cases,
    group_admin_cases,
    transaction_cases,
]
# The longest that one case may take.
CASE_SECONDS_MAX = 60


def main(arguments: list[str]) -> int:
    """The exit status."""
    if arguments == ["list"]:
        for name in CASES:
            print(name)
        return 0
    if len(arguments) != 2:
        print("usage: python3 -m ottla_compat list | CASE HOST:PORT", file=sys.stderr)
        return 2
    name, bootstrap = arguments
    if name not in CASES:
        print(f"there is no case {name}", file=sys.stderr)
        return 2
    faulthandler.dump_traceback_later(CASE_SECONDS_MAX, exit=True, file=sys.stdout)
    try:
        CASES[name](Lab(bootstrap))
    except Exception:
        traceback.print_exc(file=sys.stdout)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
