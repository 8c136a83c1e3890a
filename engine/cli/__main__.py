"""``python -m engine.cli`` is ``greenroom``."""

from engine.cli import main

main(prog_name="greenroom")
