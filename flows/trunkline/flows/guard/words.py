"""A text as the classifier reads it: a row of stems, forms of a word made one. Pure.

Recognised speech has "gonna" and "couldn't", the past and the present; the classifier's examples
are few, so every form counts as the same word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import snowballstemmer

_STEMMER: Final = snowballstemmer.stemmer("english")
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+")


def words(text: str) -> tuple[str, ...]:
    """The stems of folded text, numbers as ``0``, every negation as ``not``."""
    row: list[str] = []
    for word in _WORD.findall(text):
        row += _stems_of(word)
    return tuple(row)


@lru_cache(maxsize=20_000)
def _stems_of(word: str) -> tuple[str, ...]:
    if word.isdigit():
        return ("0",)
    if word.endswith("n't") or word == "cannot":
        return ("not",)
    if word in _RUN_TOGETHER:
        return _RUN_TOGETHER[word]
    word = word.partition("'")[0]
    return (str(_STEMMER.stemWord(_ROOTS.get(word, word))),)


_RUN_TOGETHER: Final = {
    "gonna": ("go", "to"),
    "wanna": ("want", "to"),
    "gotta": ("have", "to"),
    "gimme": ("give", "me"),
    "lemme": ("let", "me"),
    "dunno": ("not", "know"),
    "outta": ("out", "of"),
    "kinda": ("kind", "of"),
    "sorta": ("sort", "of"),
    "lotta": ("lot", "of"),
    "tryna": ("tri", "to"),
    "needa": ("need", "to"),
    "hafta": ("have", "to"),
    "finna": ("go", "to"),
    "imma": ("i", "go", "to"),
    "gotcha": ("get", "you"),
    "coulda": ("could", "have"),
    "woulda": ("would", "have"),
    "shoulda": ("should", "have"),
}
_FORMS: Final = """
ate eat; beaten beat; bent bend; bitten bite; bled bleed; bought buy; broke break; brought bring;
built build; burnt burn; came come; caught catch; children child; chose choose; chosen choose;
crept creep; dealt deal; did do; died die; dies die; does do; done do; drank drink; drawn draw;
dreamt dream; drew draw; driven drive; drove drive; drunk drink; dug dig; dying die; eaten eat;
fed feed; fell fall; felt feel; fled flee; flew fly; flown fly; forgave forgive; forgot forget;
forgotten forget; fought fight; found find; froze freeze; frozen freeze; gave give; given give;
gone go; got get; gotten get; grew grow; grown grow; had have; hanged hang; has have; held hold;
hid hide; hidden hide; hung hang; kept keep; knew know; knives knife; known know; laid lay; leapt
leap; led lead; left leave; lent lend; lit light; lives life; lost lose; made make; meant mean;
men man; paid pay; ran run; rang ring; rode ride; rung ring; said say; sang sing; sank sink; sat
sit; saw see; seen see; sent send; shaken shake; shook shake; shot shoot; slept sleep; slid slide;
slung sling; smelt smell; sold sell; sought seek; spent spend; spoke speak; spoken speak; spun
spin; stole steal; stolen steal; stood stand; struck strike; stuck stick; stung sting; sunk sink;
swam swim; swept sweep; swore swear; sworn swear; swung swing; taken take; taught teach; thieves
thief; thought think; threw throw; thrown throw; told tell; took take; tore tear; torn tear; u
you; understood understand; ur your; went go; wept weep; wives wife; woke wake; woken wake; women
woman; won win; wore wear; worn wear; written write; wrote write; wrung wring
"""
_SAME: Final = """
aluminium aluminum; anaemia anemia; analyse analyze; apologise apologize; authorisation
authorization; authorise authorize; authorised authorize; bairn kid; bloke man; booze alcohol;
centre center; chap man; ciggies cigarette; cigs cigarette; colour color; coloured color; cops
cop; cos because; coz because; cuz because; daddy dad; diarrhoea diarrhea; em them; fags
cigarette; favourite favorite; fella man; foetus fetus; granddad grandad; grandfather grandad;
grandma gran; grandmother gran; grandpa grandad; granny gran; grey gray; guy man; hospitalise
hospitalize; hubby husband; immobiliser immobilizer; jeweller jeweler; jewellers jeweler;
jewellery jewelry; kiddie kid; kiddies kid; lad boy; lads boy; licence license; litre liter; mam
mum; missus wife; mom mum; momma mum; mommy mum; motor car; mummy mum; nan gran; nana gran; nanna
gran; neighbors neighbor; neighbour neighbor; neighbours neighbor; oestrogen estrogen; organise
organize; organised organize; paediatric pediatric; paedo pedo; pyjamas pajamas; quid pound; quids
pound; radicalise radicalize; realise realize; realised realize; recognise recognize; sterilise
sterilize; telly tv; theatre theater; til until; till until; tyre tire; tyres tire; ya you; yer
your
"""
_ROOTS: Final = dict(pair.split() for pair in f"{_FORMS}; {_SAME}".replace("\n", " ").split("; "))
"""Irregular forms, and what Britons, Americans and slang have two words or spellings for."""
