"""Plain sentences on which two forms of one model are compared."""

from __future__ import annotations

from typing import Final

_THINGS: Final = (
    "The delivery", "Your app", "My last invoice", "The new version", "Our order from Monday",
    "The person on the phone", "This subscription", "The refund", "The replacement part",
    "Your answer", "The login page", "The hotel room", "The second parcel", "The update",
    "The waiting time",
)  # fmt: skip
_REMARKS: Final = (
    "was great, thank you so much!",
    "is still missing after nine days.",
    "does what it says.",
    "could not be worse, I want my money back",
    "came on Tuesday.",
    "is fine, I suppose, but it is not what I paid for.",
    "made my day :)",
    "keeps failing whenever I try it again. Please look into it as soon as you can.",
    "was not bad at all.",
    "costs twelve euros a month; can I change that somewhere?",
    "used to be better.",
    "was late and broken, yet the people who helped me were really kind.",
    "?",
    "is exactly what I was hoping for, and it arrived earlier than promised, too. Five stars!",
    "has to be cancelled, please.",
    "is a joke.",
    "works on my phone but not on the laptop, and nobody could tell me why.",
    (
        "was handled by three different people, each of whom told me something else, and in the "
        "end I had to find out myself how the form is filled in and where it is to be sent."
    ),
    "surprised me, in a good way.",
    "was okay.",
)


def probes() -> list[str]:
    """Return three hundred texts, of all tones, some of them long."""
    return [f"{thing} {remark}" for thing in _THINGS for remark in _REMARKS]
