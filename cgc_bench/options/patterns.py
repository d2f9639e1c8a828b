"""Patterns over plain text, for responses that state an option, hint at an option, or start with an option.

Words match in any case. Option letters are case-sensitive. To keep the time for a scan linear in the length of the
text, every repetition in a regular expression has an upper limit or cannot match the character that comes after the
repetition.
"""

import re

_BEFORE, _AFTER = r"(?<![A-Za-z0-9\\∠△'-])", r"(?![A-Za-z0-9'-]|\.[A-Za-z])"
# "A red bus" and "I think" do not name an option; "A is" and "A because" do.
_CONNECTING = "is|are|as|and|or|but|because|since|for|due|which|not|instead|remains"
_NO_ARTICLE = rf"(?!(?-i:[AI])\s{{1,9}}(?!(?:{_CONNECTING})\b)(?-i:[a-z]))"
OPTION = rf"{_BEFORE}[(\[]?{_NO_ARTICLE}(?-i:([A-Z])){_AFTER}[)\]]?"
_LETTER = rf"{_BEFORE}[(\[]?(?-i:([A-Z])){_AFTER}[)\]]?"
_LOWER = rf"{_BEFORE}[(\[]?(?-i:([a-z])){_AFTER}[)\]]?(?=\s{{0,9}}(?:[.,;:!]|$))"
_NOUN = r"(?:(?:option|choice|answer)\s{1,9})?"
_BE = r"(?:is|was|are|would be|should be|must be|will be|has to be)"
_GOOD = r"(?:correct|right|best|final|selected|chosen|suitable|appropriate|matching|my)"
_NAMED = rf"(?:answers?|答案|{_GOOD} (?:choice|option|selection|one|fit|match)|(?:choice|option)(?=\s?(?:is\b|[:=→])))"
_LINK = rf"(?: (?:here|therefore|thus))?(?: {_BE})?[\s:=→>\u2013\u2014是为应选-]{{0,12}}{_NOUN}"
_RIGHT = r"(?:correct|best|suitable|appropriate|valid|accurate|right(?=\s?(?:[.,;!]|$|answer|choice|option|one)))"
_THE_ANSWER = r"the (?:correct |right |best )?(?:answer|choice|option)"
_CHOOSING = r"\b(?:choos(?:e|ing)|chose|pick(?:ed)?|select(?:ed)?|say|go(?:ing)? with|opt for)"
_SO = r"(?:[.:;,!?→]|\b(?:so|thus|hence|therefore)\b)"

_STATED = (
    rf"{_NAMED}{_LINK}(?:{OPTION}|{_LOWER})",
    rf"{_CHOOSING} {_NOUN}{OPTION}",
    rf"选(?:择|项)?[\s:]{{0,3}}{OPTION}",
    rf"{OPTION} (?:is|was|as|being) (?:clearly |therefore |thus )?(?:the |a )?(?:only |most )?{_RIGHT}",
    rf"{OPTION} (?:is |as )?{_THE_ANSWER}",
    rf"\b(?:it|that|this|one)(?:'s| {_BE}) {_NOUN}{OPTION}(?=\s?(?:[.:,;!\u2013\u2014(]|$))",
    rf"^[ \t>]{{0,9}}{OPTION}[ \t.:,!]{{0,9}}$",
    rf"{_SO}\s{{0,9}}{_NOUN}{OPTION}[\s.!]{{0,9}}\Z",
    r"\A\s{0,9}[(\[]?(?-i:([a-z]))[)\]]?[\s.:]{0,9}\Z",
)
_HINTED = (
    rf"\b(?:option|choice) (?:{_LETTER}(?!\s?:)|{_LOWER})",
    rf"\({_NO_ARTICLE}(?-i:([A-Z]))\)",
    rf"\bleav(?:es?|ing) (?:only |us with )?{_NOUN}{OPTION}",
    rf"\bonly {_NOUN}{OPTION}(?=\s|[.,])",
    rf"\bis {_NOUN}{OPTION}(?=\s?(?:[.:,;!]|$))",
    rf"{OPTION} (?:best )?(?:remains|fits|matches|describes|works|answers)\b",
)
_OPENING = (rf"\A\s{{0,9}}{OPTION}(?:\s(?!\s?(?-i:[A-Z])\b)|$)",)
# Patterns from strongest to weakest.
TIERS = tuple(
    tuple(re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in patterns)
    for patterns in (_STATED, _HINTED, _OPENING)
)

_LIST_COMMA = r"(?:\s?(?:,|/|&|\bor\b|\band\b|和|或)\s?){1,2}"
# Text before or after an option when several are named at once: "A, C", "A or B".
MORE_AFTER = re.compile(rf"{_LIST_COMMA}{OPTION}(?! (?:is|was|does|has|can|fits)\b)", re.IGNORECASE)
MORE_BEFORE = re.compile(rf"{OPTION}{_LIST_COMMA}\(?\Z", re.IGNORECASE)
# Text that rejects an option that was only hinted at: "option D does not", "rather than (A)".
_AGAINST = r"(?:not|n't|neither|nor|than|unlike|excluding?|eliminat(?:e|ing)|rul(?:e|ing) out|instead of)"
TAKEN_BACK_BEFORE = re.compile(rf"{_AGAINST} (?:option |choice )?[(\[]?\Z", re.IGNORECASE)
TAKEN_BACK_AFTER = re.compile(
    r"\s?(?:\([^)\n]{0,40}\))?[^.;,\n]{0,40}?(?:\bnot\b|n't\b|\b(?:incorrect|wrong|excluded|eliminated|ruled out|"
    r"invalid|out|fails?|missing|only in)\b)",
    re.IGNORECASE,
)
