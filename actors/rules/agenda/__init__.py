"""Agendas: what one person offers and has booked in an event."""
