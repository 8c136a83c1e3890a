"""The dashboard asks only for what is measured."""

import json
import re
from pathlib import Path

from transport.metrics import Metrics

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "greenroom.json"


def test_every_figure_of_the_dashboard_exists():
    metrics = Metrics()
    text = metrics.text().decode()
    known = set(re.findall(r"# TYPE (\S+)", text))
    known |= {f"{name}_{end}" for name in known for end in ("bucket", "count", "sum")}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {
        name
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"greenroom_\w+", target["expr"])
    }
    assert asked
    assert asked <= known
