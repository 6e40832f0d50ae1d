"""Checks that a session's server events keep the order of contract 5.1."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.realtime import server_events as ev
from trunkline.realtime.items import Item, MessageItem, OutputAudioPart, OutputTextPart, item_text


def response_ids(events: Sequence[ev.ServerEvent]) -> list[str]:
    return [event.response.id for event in events if isinstance(event, ev.ResponseCreated)]


def of_response(events: Sequence[ev.ServerEvent], response_id: str) -> list[ev.ServerEvent]:
    """Its own events, conversation.item.* not included."""
    return [
        event
        for event in events
        if getattr(event, "response_id", None) == response_id
        or getattr(getattr(event, "response", None), "id", None) == response_id
    ]


def check_responses(events: Sequence[ev.ServerEvent]) -> None:
    """Every response of the session, from created to done; AssertionError names what is wrong."""
    for response_id in response_ids(events):
        _check_response(events, response_id)


def _check_response(events: Sequence[ev.ServerEvent], response_id: str) -> None:
    own = of_response(events, response_id)
    created, done = own[0], own[-1]
    assert isinstance(created, ev.ResponseCreated), f"{response_id} begins with {created.type}"
    assert created.response.status == "in_progress"
    assert created.response.output == ()
    assert isinstance(done, ev.ResponseDone), f"{response_id} ends with {done.type}"
    assert sum(isinstance(event, ev.ResponseDone) for event in own) == 1
    assert done.response.status != "in_progress"
    assert (done.response.usage is not None) and (
        done.response.usage.total_tokens
        == done.response.usage.input_tokens + done.response.usage.output_tokens
    )
    added = [event for event in own if isinstance(event, ev.OutputItemAdded)]
    finished = [event for event in own if isinstance(event, ev.OutputItemDone)]
    assert [event.output_index for event in added] == list(range(len(added)))
    assert [event.output_index for event in finished] == list(range(len(added)))
    assert [event.item.id for event in added] == [item.id for item in done.response.output]
    for begun, ended in zip(added, finished, strict=True):
        _check_item(own, begun, ended)
        _check_conversation(events, begun, ended, created.response.conversation_id)


def _check_item(
    own: Sequence[ev.ServerEvent], begun: ev.OutputItemAdded, ended: ev.OutputItemDone
) -> None:
    assert getattr(begun.item, "status", None) == "in_progress"
    assert begun.item.id == ended.item.id
    first, last = own.index(begun), own.index(ended)
    inside = [event for event in own if getattr(event, "item_id", None) == begun.item.id]
    assert all(first < own.index(event) < last for event in inside), "events outside their item"
    assert all(getattr(event, "output_index", None) == begun.output_index for event in inside)
    if isinstance(begun.item, MessageItem):
        _check_message(inside, ended.item)
    else:
        _check_call(inside, ended.item)


def _check_message(inside: Sequence[ev.ServerEvent], item: Item) -> None:
    assert isinstance(inside[0], ev.ContentPartAdded)
    assert isinstance(inside[-1], ev.ContentPartDone)
    kinds = [event.type for event in inside]
    if inside[0].part.type == "text":
        deltas = [event.delta for event in inside if isinstance(event, ev.ResponseTextDelta)]
        said = [event.text for event in inside if isinstance(event, ev.ResponseTextDone)]
        assert kinds[1:] == ["response.output_text.delta"] * len(deltas) + [
            "response.output_text.done",
            "response.content_part.done",
        ]
        assert "".join(deltas) == said[0] == inside[-1].part.text
        return
    assert kinds[-3:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
    ]
    spoken = [event.delta for event in inside if isinstance(event, ev.ResponseTranscriptDelta)]
    told = [event.transcript for event in inside if isinstance(event, ev.ResponseTranscriptDone)]
    assert "".join(spoken) == told[0] == inside[-1].part.transcript
    assert isinstance(item, MessageItem)
    assert isinstance(item.content[0], OutputAudioPart | OutputTextPart)
    assert getattr(item.content[0], "audio", None) is None, "audio bytes in an item event"
    assert told[0].startswith(item_text(item)), "the item holds more than was said"


def _check_call(inside: Sequence[ev.ServerEvent], item: Item) -> None:
    deltas = [event.delta for event in inside if isinstance(event, ev.FunctionArgumentsDelta)]
    finals = [event for event in inside if isinstance(event, ev.FunctionArgumentsDone)]
    assert len(finals) == 1 and inside[-1] is finals[0]
    assert "".join(deltas) == finals[0].arguments == getattr(item, "arguments", None)
    assert finals[0].name == getattr(item, "name", None)
    assert getattr(item, "status", None) == "completed"


def _check_conversation(
    events: Sequence[ev.ServerEvent],
    begun: ev.OutputItemAdded,
    ended: ev.OutputItemDone,
    conversation_id: str | None,
) -> None:
    entered = [
        event
        for event in events
        if isinstance(event, ev.ItemAdded | ev.ItemDone) and event.item.id == begun.item.id
    ]
    if conversation_id is None:
        assert not entered, "an out-of-band item entered the conversation"
        return
    assert [event.type for event in entered] == [
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert entered[0].item == begun.item
    assert entered[1].item == ended.item
