"""Sessions: stored conversations.

live_session     the conversation of this process, and its copy in the store
resume           which stored session a run continues
redacted_store   no key is stored or exported
commands         `newapi sessions`: list, search, show, rename, export, import
delete           `newapi sessions rm`
archive          the JSON of exports and imports
"""
