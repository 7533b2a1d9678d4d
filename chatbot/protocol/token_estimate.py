"""How many tokens a text has, without a tokenizer: an estimate for budgets, leaning to too many.

A tokenizer cuts a text where its letters seldom stand together, so what a text costs shows in its pairs
of neighbours: "th" hardly ever begins a token, "qx" nearly always does, a digit behind a letter does.
Each byte falls into one of sixteen classes, each pair of classes has a fitted cost, and the estimate is
the sum. Outside ASCII a character costs by its script and by how usual it is there.

That sum is made by a handful of passes over the bytes in C: a table gives a byte its class, two texts of
classes are laid over each other as two large integers, a table gives a pair its cost. There is no loop in
Python and no pattern that could go back, so a hostile text takes the time of any other of its length;
a sum also makes the parts of a text cost what the whole does, to a few tokens.

The costs were fitted (linear programming) to ten thousand texts in some three hundred languages, to code,
data and noise, against the larger of the counts by o200k_base and cl100k_base: a prompt may be for
either. Current models use o200k_base, which does far better outside Latin script; there the estimate is
over its count by what cl100k_base needs more (by half in Chinese, to three times in Hindi). Known
weakness: an unnatural syllable repeated without end ("yqyqyq") can be put at a tenth of what it costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MESSAGE_TOKENS = 4
"""Tokens that a message has beside its content: its start, its role, the end of the head, its own end."""
REPLY_TOKENS = 3
"""Tokens that open the answer. Both: https://github.com/openai/openai-cookbook, counting tokens."""
PART_TOKENS = 1445
"""Tokens for a part that is no text. It can't be known without opening the image, so it is the most that
one costs GPT-4o: 85 and eight tiles of 170. https://platform.openai.com/docs/guides/images-vision"""

_UNIT = 64
"""Parts of a token in which the tables count."""


def _classes(digits: str, step: int = 1) -> bytes:
    """A translation table: the hexadecimal digit at each place is that byte's class."""
    return bytes(int(digit, 16) * step for digit in digits)


_BEFORE = _classes(
    "4444444447544544444444444444444416266662ff665252333333333326f6f6"
    "68aaa8aaa8aaaaa8aaaaa8aaaaaf6f6268bb7cd77446ede9b9ddea572f6f6f64" + "0" * 128,
    step=16,
)
"""Classes of a byte of UTF-8 by what may follow it; 0 is all of what is not ASCII."""
_AFTER = _classes(
    "888888888218818888888888888888884b56bbb5776b5558888888888886767b"
    "b922292229222229222229222227b7b8b6d3ac3fbf577fecf1d679e3e957b7b8" + "0" * 128
)
"""Classes of a byte of UTF-8 by what may stand before it."""
_SCRIPT = _classes(
    "12a34560078888990000000000000aaabbbbbbbbbbbbbbbbc000000000000000"
    "00000000000000eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
    "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee000000000000dddddddddddddddddddd"
    "ddddddddddddddddddddddddffffffff00000000000000000000000000000000",
    step=16,
)
"""Classes of the high byte of UTF-16: 1 Latin, 3 Greek, 4 Cyrillic, d Hangul, e Han, f half a pair."""
_LOW = _classes(
    "3367501145544776007023151163122071512562202452226636477342433533"
    "6475444221043674010114110601045113770277757773177772707777770717"
    "98db8e88b899f9889898898f889bfaaeadfaaafaeeaffeefeb8bcbbbefbb8bec"
    "bbbbccf9ed8bfcebddb8dd899dbd8d89afc9da89bffbdbbccecffdffacc8accc"
)
"""Classes of the low byte of UTF-16: 0 to 7 below 80, with frequent letters of a script apart."""

_PAIR_COSTS = bytes.fromhex("""
    06 40 74 06 06 43 06 1e 06 06 2c 18 06 21 06 08
    06 1c 06 06 10 16 10 0d 06 06 06 24 1c 1e 23 0d
    19 06 06 06 41 0b 20 06 19 39 06 1c 24 31 32 2a
    1a 4a 6e 5c 62 47 40 cf 18 6f 5c 1c 5c 5f 74 5c
    06 36 ff 06 62 28 0c 1a 31 91 06 ca 06 0c 0a 19
    11 06 3a 48 3a 17 2a 3f 1c 39 54 39 06 30 4a 06
    11 1f 22 95 2f 15 14 40 25 2b 0c 44 41 6e 28 2f
    20 31 17 a3 06 19 0c 08 06 29 51 19 06 06 15 07
    06 84 06 0a 39 58 2a 0c 06 21 06 5b d8 06 29 28
    31 bc 44 06 17 4e 20 19 91 06 06 78 31 06 06 10
    56 2c 2a 22 33 38 06 06 1f 08 59 39 06 06 0c 10
    06 24 5d 5a 5c 06 06 06 06 10 06 27 06 06 37 06
    06 06 06 06 16 18 06 27 06 43 06 6f 41 06 06 0f
    10 5a 64 12 06 3c 06 06 06 12 32 4a 06 36 15 06
    06 31 06 06 1f 29 0d 06 06 06 06 06 06 06 21 06
    12 06 06 06 06 06 14 19 4e 69 0d 4e 1c 21 26 06
""")
"""A row for each class of `_BEFORE`, a column for each of `_AFTER`."""
_CHARACTER_COSTS = bytes.fromhex("""
    b4 a9 ff 8f 5b 82 5f ff 0d 8e ff a0 ff 92 c7 a0
    00 00 00 00 00 00 00 00 ff 0d 44 51 70 4c 65 0d
    0d 19 ff ab 68 ff 20 5f 85 b0 80 80 80 6f 0d 80
    84 6f 5a 5f 65 b6 a2 8b 81 5e 69 19 35 6c 62 70
    c8 99 3c 0d 0d 12 2f 0d bc ff ff cc b0 ae 9c ff
    79 53 4f 54 5a 86 80 a9 6c 53 5e 65 6a 24 57 64
    22 5b 23 5c 0e 8e 4c 65 7e 5b 68 6d 72 69 5f 6c
    84 4f 2a 38 4b 78 32 54 68 44 50 57 5c 53 48 56
    8c ff 65 ff 6c ff 28 2b 89 65 71 78 3f 73 69 7b
    8d 17 1a 1c 6d 2f 2c ab 8a 66 72 79 7e 75 6a 78
    b1 ad 87 8c 92 ff 78 d5 ae 55 27 29 20 0d 8f 9d
    5c 25 0f ff 91 bd b2 99 ad 8a 95 9c a1 98 8e 9b
    8b 0d cc 36 3c 72 15 27 58 18 40 47 4c 43 38 13
    90 6e 8b 81 91 80 6e 6e 6f c0 8c 6e a9 8e 6e bb
    a1 7b 76 7b 81 ae 6e 8a 9e 7a 86 8d 92 89 7e 8c
    7a 54 4f 54 6a 41 57 63 77 54 5f 66 6b 62 57 65
""")
"""A row for each class of `_SCRIPT`, a column for each of `_LOW`; ASCII costs nothing here."""

_COMMON = re.compile(
    "["
    "一万三上下不与专业东两个中串为主么义之也书了事二于五些交产享京人亿今介从他付代以们件价任份企优会传但位体何余作你使例供価保信修倍值停像元先入全公共关其具内円册再"
    "写出击分列则初利别到制前力功加务动動包化北区十午华单南即历原去县参及友反发取变口只可台右号司合同名后向否含听启告员周命和品哈商問器四回因国图土在地场址型城基報場"
    "填增声处备复外多大天失头女好如始子字存学安宋完定实审客家容密对导将小少尔就局展山岁州工左已市布常平年并广序库应店度建开异式引张当录形影径待後得微心必志态思性总息"
    "您情意感成我或户所手打找技投报拉持指按换据排接推提播支收改放政效数整文料断新方族无日时明易星是時景更最月有服期木未本机权束条来板构析果查标样核格案检模次款止正此"
    "步歳段每比民気水求江汽没治法注活流海消清游源火点無然片版物特率环现球理生用由电男画界番登的监目直相省看県真知码确示社票私种科秒称移程稍税稿空立站章端笑符第等签简"
    "算管箱米类系素索约级线组经结给络统编网置美老考者而联能自至色节英藏行表装西要見见规视角解言計記話読计认议记论设证评试话询该详语误说请读调象责败账货购费资起超路身"
    "车转软载辑输达过运近还这进连述退送选通速造連道邮部都配释里重量金钟钮链销错键长開間関门闭问间队阳陆限院除雅集雷需非面音页项预频题额首验高黑가간값개거게결경고공과"
    "구그글기나내는능니다당대도동되된드든들디라래러력로록료류른를름리만메면명목문미버번보복부분비사산상색생서성세션소수스습시식신아야어에여열오와요용우운원위으은을음"
    "의이인일임입자작장재적전정제져조주지진째체출치크태터턴트튼하한할함해호화환회"
    "]"
)
"""Ideographs and syllables that are one token in both vocabularies; the others are two or three."""
_COMMON_DISCOUNT = 103


def estimate_tokens(text: str) -> int:
    """Tokens of `text`.

    From 200 characters on it is seldom 10 % under the larger count (25 % in what is no language), and
    seldom 35 % over it; in short texts it is a token or two too many.
    """
    cost = _pair_cost(text.encode("utf-8", "surrogatepass"))
    if not text.isascii():
        cost += _character_cost(text)
    return -(-cost // _UNIT)


def estimate_messages(messages: Iterable[Mapping[str, Any]]) -> int:
    """Tokens of a prompt of chat messages, with what the chat format adds to each and at the end."""
    contents = [message.get("content") for message in messages]
    return sum(MESSAGE_TOKENS + _content_tokens(content) for content in contents) + REPLY_TOKENS


def _content_tokens(content: object) -> int:
    if isinstance(content, str):
        return estimate_tokens(content)
    parts = content if isinstance(content, list) else []
    return sum(_part_tokens(part) for part in parts)


def _part_tokens(part: object) -> int:
    text = part.get("text") if isinstance(part, dict) else part
    return estimate_tokens(text) if isinstance(text, str) else PART_TOKENS


def _pair_cost(data: bytes) -> int:
    ahead = (b"\n" + data)[:-1]
    return _cost(ahead.translate(_BEFORE), data.translate(_AFTER), _PAIR_COSTS)


def _character_cost(text: str) -> int:
    wide = text.encode("utf-16-le", "surrogatepass")
    cost = _cost(wide[1::2].translate(_SCRIPT), wide[::2].translate(_LOW), _CHARACTER_COSTS)
    return cost - _COMMON_DISCOUNT * len(_COMMON.findall(text))


def _cost(first: bytes, second: bytes, costs: bytes) -> int:
    """The sum of `costs` over both classes of each place, as many places as `second` has."""
    both = int.from_bytes(first, "little") | int.from_bytes(second, "little")
    return sum(both.to_bytes(len(second), "little").translate(costs))
