"""What to type next, where several rooms or many errors say it."""

URL_HINT = "check the base URL: `newapi config get base_url`, `newapi login URL` to store another"
LEAVING_OUT = "; `newapi chat -c` on a terminal can leave turns out"
SHORTER_HINT = (
    "send a shorter prompt or fewer files, or ask a model with a larger context: -m NAME"
    f"{LEAVING_OUT}"
)
STANDS_BEFORE_HINT = f"check --proxy and what stands before the gateway; {URL_HINT}"
DOCTOR_HINT = "`newapi doctor` looks for the fault"
