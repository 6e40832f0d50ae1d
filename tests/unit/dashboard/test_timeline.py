"""One conversation, whether told by facts or read from storage."""

from __future__ import annotations

from tests.unit.dashboard.conftest import Office
from tests.unit.dashboard.story import Story, whole_call

from trunkline.dashboard.timeline import entry_of_fact, timeline, word_runs
from trunkline.domain.events import CallEnded, CallerPartial, TurnEnded
from trunkline.domain.turn import Speaker, WordFate
from trunkline.storage.calls import CallRepository
from trunkline.storage.views import TurnView


def turn_view(story: Story, **values: object) -> TurnView:
    fact = story.facts[-1]
    assert isinstance(fact, TurnEnded)
    entry = entry_of_fact(fact)
    assert entry is not None and isinstance(entry.subject, TurnView)
    return entry.subject


async def test_a_stored_call_and_its_facts_give_the_same_timeline(office: Office) -> None:
    facts = whole_call()
    # Without its end: what nobody had decided by then is abandoned, which no fact of the call says.
    await office.store([fact for fact in facts if not isinstance(fact, CallEnded)])
    async with office.sessions.reading() as session:
        stored = timeline(await CallRepository(session).detail("call_story"))
    told = [entry for fact in facts if (entry := entry_of_fact(fact)) is not None]
    assert sorted(stored, key=lambda entry: entry.key) == sorted(told, key=lambda e: e.key)
    assert [entry.order for entry in stored] == sorted(entry.order for entry in told)
    assert {entry.kind for entry in stored} == {"turn", "step", "tool", "approval", "transfer"}


def test_a_partial_is_not_an_entry() -> None:
    fact = Story().partial("hi what")
    assert isinstance(fact, CallerPartial)
    assert entry_of_fact(fact) is None


def test_words_that_were_cut_make_one_run_after_those_that_were_heard() -> None:
    story = Story()
    story.turn(Speaker.AGENT, "you owe one hundred pounds", heard=2)
    heard, cut = word_runs(turn_view(story))
    assert (heard.fate, heard.text) == (WordFate.HEARD, "you owe")
    assert (cut.fate, cut.text) == (WordFate.CUT, "one hundred pounds")
    assert [word.start_ms for word in cut.words] == [600, 900, 1200]


def test_without_words_the_unheard_rest_is_what_was_generated_beyond_the_text() -> None:
    story = Story()
    story.turn(Speaker.AGENT, "you owe one hundred pounds", heard=2, words=())
    heard, cut = word_runs(turn_view(story))
    assert (heard.text, heard.words) == ("you owe", ())
    assert (cut.fate, cut.text) == (WordFate.CUT, "one hundred pounds")


def test_a_turn_of_which_nothing_was_heard_has_no_run() -> None:
    story = Story()
    story.turn(Speaker.CALLER, "", words=())
    assert word_runs(turn_view(story)) == ()
