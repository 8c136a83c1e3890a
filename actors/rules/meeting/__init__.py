"""1-1 chats: one participant and one employee, from request to completion."""
