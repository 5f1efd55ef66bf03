"""The demo's final output: a row for each turn, the reason if one failed, and the places of everything."""

from pathlib import Path

from local.demo.conversation import Conversation, Outcome

HEAD = ("turn", "answers", "mode", "seconds", "paid calls", "status", "instruction")


def rows(outcomes: list[Outcome]) -> list[list[str]]:
    return [
        [
            str(outcome.get("turn") or "–"),
            str(outcome.get("parent_turn") or "–"),
            outcome.get("mode") or "–",
            f"{(outcome.get('timing') or {}).get('api_seconds') or 0:.1f}",
            str((outcome.get("cost") or {}).get("paid_calls", "–")),
            outcome["status"],
            outcome.get("instruction") or "",
        ]
        for outcome in outcomes
    ]


def explain(outcome: Outcome) -> str:
    error = outcome.get("error") or {}
    said = [f"\nThe turn failed: {error.get('code')}: {error.get('message')}"]
    said += [f"Hint: {error['hint']}"] if error.get("hint") else []
    return "\n".join([*said, "What the functions say: make logs"])


def farewell(out: Path, thread: Conversation) -> str:
    prefix = f"s3://{thread.results}/threads/{thread.thread_id}/"
    source = next(out.glob("source.*"))  # its ending is that of PHOTO
    return f"""
The pictures are in {out}/, side by side in {out}/contact-sheet.png.
The stack is still running; the thread's outcomes are in {prefix}

See them in the browser, and go on from there or from this shell:
  .venv/bin/darkroom console
  .venv/bin/darkroom send {source} "Make it night"
  .venv/bin/darkroom reply {thread.thread_id} "Add a white frame"
README.md goes on from here.

make down stops it."""
