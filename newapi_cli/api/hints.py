"""What to type next, where several rooms or many errors say it."""

URL_HINT = "check the base URL: `newapi config get base_url`, `newapi login URL` to store another"
LEAVING_OUT = "; `newapi chat -c` on a terminal can leave turns out"
