from tests import rules_table


def write(folder, name, numbers):
    lines = [f"def test_rule_{number}_something():\n    pass\n" for number in numbers]
    (folder / name).write_text("".join(lines))


def test_every_rule_needs_a_test(tmp_path, capsys):
    write(tmp_path, "test_a.py", set(rules_table.RULES) - {7})
    assert rules_table.main(tmp_path) == 1
    assert "[7]" in capsys.readouterr().err
    write(tmp_path, "test_b.py", {7})
    assert rules_table.main(tmp_path) == 0
    assert "test_b.py::test_rule_7_something" in capsys.readouterr().out


def test_a_number_no_rule_has_is_a_mistake(tmp_path, capsys):
    write(tmp_path, "test_a.py", [*rules_table.RULES, 50])
    assert rules_table.main(tmp_path) == 1
    assert "[50]" in capsys.readouterr().err


def test_helpers_and_comments_do_not_count(tmp_path):
    (tmp_path / "test_a.py").write_text("# rule_1\ndef helper_rule_1():\n    pass\n")
    assert 1 not in rules_table.tests_by_rule(tmp_path)
