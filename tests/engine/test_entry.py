import sys

import pytest

from engine import entry


class Interrupting:
    """Finds modules for somebody who presses Ctrl-C meanwhile."""

    def find_spec(self, name, path=None, target=None):
        if name == "engine.cli":
            raise KeyboardInterrupt


def test_ctrl_c_before_the_command_is_there_ends_without_a_trace(monkeypatch):
    monkeypatch.delitem(sys.modules, "engine.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == entry.INTERRUPTED


def test_the_command_runs(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["greenroom", "--version"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 0
    assert "version" in capsys.readouterr().out
