"""The use cases of newapi: chats, sessions, models, usage, settings, login and doctor."""
