"""Every command that is decided over several entities, with its transaction."""

from actors.rules import directory
from actors.rules.agenda import plan, schedule
from actors.rules.base import Command
from actors.rules.meeting import request, transaction
from actors.rules.transactions import Transaction

TRANSACTIONS: dict[type[Command], Transaction] = {
    **directory.TRANSACTIONS,
    **plan.TRANSACTIONS,
    **schedule.TRANSACTIONS,
    **request.TRANSACTIONS,
    **transaction.TRANSACTIONS,
}
"""Whoever carries out a command looks here first; what is not here has one entity."""
