"""The messages of RFC 4475, written anew from what each section says is odd about it.

``answers`` are the statuses that RFC 3261 leaves to a server of ours; ``SILENCE`` stands beside
them where the message cannot be answered (it is a response, or has no way back), or where dropping
what cannot be parsed is as good as a 400: RFC 3261 asks for the 400 only of who can build one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

SILENCE: Final = 0
_SDP: Final = (
    "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"
)
_BAD: Final = frozenset({SILENCE, 400})
_DROPPED: Final = frozenset({SILENCE})
_HUGE: Final = "36893488147419103232"


@dataclass(frozen=True, slots=True)
class Torture:
    """``raw`` is sent as it stands; answers come with the Call-ID ``name``."""

    name: str
    raw: bytes
    answers: frozenset[int]


def torture(port: int) -> Iterator[Torture]:
    """All of them, for a sender at 127.0.0.1:``port``."""

    def request(
        name: str,
        line: str,
        answers: frozenset[int],
        *,
        method: str = "",
        body: str = "",
        kind: str = "application/sdp",
        after: str = "",
        **given: str | None,
    ) -> Torture:
        return build(name, line, answers, given, method=method, body=body, kind=kind, after=after)

    def build(
        name: str,
        line: str,
        answers: frozenset[int],
        given: Mapping[str, str | None],
        *,
        method: str = "",
        body: str = "",
        kind: str = "application/sdp",
        after: str = "",
    ) -> Torture:
        verb = method or line.split(" ")[0]
        values: dict[str, str | None] = {
            "Via": f"SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{name}",
            "Max-Forwards": "70",
            "From": f"<sip:caller@example.net>;tag={name}",
            "To": "<sip:user@example.com>",
            "Call-ID": name,
            "CSeq": f"1 {verb}",
            "Contact": f"<sip:caller@127.0.0.1:{port}>",
            "Content-Type": kind if body else None,
            "Content-Length": str(len(body)),
        }
        values |= {key.replace("_", "-"): value for key, value in given.items()}
        head = "\r\n".join(f"{key}: {text}" for key, text in values.items() if text is not None)
        return Torture(name, f"{line}\r\n{head}\r\n\r\n{body}{after}".encode("latin-1"), answers)

    def ask(name: str, answers: frozenset[int], **given: str | None) -> Torture:
        return build(name, "OPTIONS sip:user@example.com SIP/2.0", answers, given)

    def call(name: str, answers: frozenset[int], **given: str | None) -> Torture:
        line = "INVITE sip:user@example.com SIP/2.0"
        return build(name, line, answers, given, body=_SDP)

    fine, no_such = frozenset({200}), frozenset({404, 488})
    unknown_method = frozenset({405, 501})

    # 3.1.1: odd, and valid.
    yield Torture(
        "wsinv",
        (
            "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
            "TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
            'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n  ;\r\n'
            "  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\nCall-ID: wsinv\r\n"
            "Content-Length   : 150\r\ncseq: 0009\r\n  INVITE\r\n"
            f"Via  : SIP  /   2.0\r\n /UDP\r\n    127.0.0.1:{port};rport;branch=z9hG4bKwsinv\r\n"
            "s :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
            "UnknownHeaderWithUnusualValue: ;;,,;;,;\r\nContent-Type: application/sdp\r\n"
            "Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
            f'm:"Quoted string \\"\\"" <sip:jdrosen@127.0.0.1:{port}> ; newparam =\r\n'
            "      newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\n"
            "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\n"
            "t=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"
        ).encode(),
        frozenset({400, 404, 481, 488}),  # its To has a tag: of a dialog that is not there
    )
    odd = "!interesting-Method0123456789_*+`.%indeed'~"
    yield request("intmeth", f"{odd} sip:user@example.com SIP/2.0", unknown_method | {SILENCE})
    yield request("esc01", "INVITE sip:sips%3Auser%40example.com@h SIP/2.0", no_such, body=_SDP)
    yield request(
        "escnull", "REGISTER sip:example.com SIP/2.0", _DROPPED, Contact="<sip:%00@host5.example>"
    )
    yield request("esc02", "RE%47IST%45R sip:r.example.com SIP/2.0", unknown_method | {SILENCE})
    yield ask("lwsdisp", fine, From="caller<sip:caller@example.com>;tag=323")
    yield call(
        "longreq",
        no_such,
        To=f'"I have a user name of {"extreme" * 30} proportion" <sip:{"u" * 90}@example.com>',
        Unknown_LongLongName="value;" + "param=longvalue;" * 100,
    )
    yield request(
        "dblreq",
        "REGISTER sip:example.com SIP/2.0",
        _DROPPED,
        after="INVITE sip:joe@example.com SIP/2.0\r\nCall-ID: dblreq\r\n\r\n",
    )
    yield request("semiuri", "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", fine)
    vias = f"SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bKt\r\nVia: SIP/2.0/SCTP a;branch=x"
    yield ask("transports", fine, Via=vias + "\r\nVia: SIP/2.0/UNKNOWN b;branch=y")
    yield request(
        "mpart01",
        "MESSAGE sip:user@example.com SIP/2.0",
        frozenset({200, 202, 405, 415, 501}),
        body="--7a9cbec02ceef655\r\n\x00\x01\r\n--7a9cbec02ceef655--\r\n",
        kind="multipart/mixed;boundary=7a9cbec02ceef655",
    )
    yield Torture("unreason", _response(port, "200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe"), _DROPPED)
    yield Torture("noreason", _response(port, "100 "), _DROPPED)

    # 3.1.2: invalid.
    yield call("badinv01", _BAD, Via=f"SIP/2.0/UDP 127.0.0.1:{port};;,;,,", Contact='"" <> ;,;')
    yield call("clerr", _BAD | no_such, Content_Length="9999")
    yield call("ncl", _BAD, Content_Length="-999")
    yield ask("scalar02", _BAD, CSeq=f"{_HUGE} OPTIONS", Max_Forwards="300", Expires="10" * 40)
    yield Torture("scalarlg", _response(port, "503 No", f"Retry-After: {_HUGE}\r\n"), _DROPPED)
    yield call("quotbal", _BAD, To='"Mr. J. User <sip:j.user@example.com>')
    yield request("ltgtruri", "INVITE <sip:user@example.com> SIP/2.0", _BAD, body=_SDP)
    yield request("lwsruri", "INVITE sip:user@example.com; lr SIP/2.0", _BAD, body=_SDP)
    yield request("lwsstart", "INVITE  sip:user@example.com  SIP/2.0", _BAD | no_such, body=_SDP)
    yield request("trws", "OPTIONS sip:user@example.com SIP/2.0  ", _BAD | fine)
    route = "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0"
    yield request("escruri", route, _BAD | no_such, body=_SDP)
    yield call("baddate", _BAD | no_such, Date="Fri, 01 Jan 2010 16:00:00 EST")
    bare = "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    yield request("regbadct", "REGISTER sip:example.com SIP/2.0", _DROPPED, Contact=bare)
    yield ask("badaspec", _BAD | fine, To='"Watson, Thomas" < sip:t.watson@example.org >')
    yield ask("baddn", _BAD | fine, From="Bell, Alexander <sip:a@example.com>;tag=43")
    yield request("badvers", "OPTIONS sip:user@example.com SIP/7.0", frozenset({SILENCE, 505}))
    # A 400 would be right. PJSIP goes by the first line, which does no harm to an OPTIONS.
    yield ask("mismatch01", _BAD | fine, CSeq="1 INVITE")
    yield request(
        "mismatch02",
        "NEWMETHOD sip:user@example.com SIP/2.0",
        _BAD | unknown_method,
        CSeq="1 INVITE",
    )
    yield Torture("bigcode", _response(port, "4294967301 better not break"), _DROPPED)

    # 3.2 and 3.3: for the transaction layer, and for us.
    yield ask("badbranch", _BAD | fine, Via=f"SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK")
    yield call("insuf", _DROPPED, To=None, From=None, CSeq="193942 INVITE")
    yield request("unkscm", "OPTIONS nobodyKnowsThisScheme:opaque SIP/2.0", _BAD | {200, 416})
    yield request("novelsc", "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", _BAD | {200, 416})
    yield request(
        "unksm2",
        "REGISTER sip:example.com SIP/2.0",
        _DROPPED,
        To="isbn:2983792873",
        From="<http://www.example.com>;tag=3234233",
        Contact="<name:John_Smith>",
    )
    yield call("bext01", frozenset({420}), Require="nothingSupportsThis, nothingSupportsThisEither")
    yield request(
        "invut",
        "INVITE sip:user@example.com SIP/2.0",
        frozenset({404, 415}),
        body="<audio/>\r\n",
        kind="application/unknown",
    )
    yield request("regaut01", "REGISTER sip:e.com SIP/2.0", _DROPPED, Authorization="NoOne x=1")
    yield ask("multi01", _BAD | fine, Max_Forwards="5\r\nMax-Forwards: 7\r\nCall-ID: other")
    yield call("mcl01", _BAD | no_such, Content_Length="13\r\nContent-Length: 5")
    yield Torture("bcast", _response(255, "200 OK").replace(b"127.0.0.1", b"192.0.2.255"), _DROPPED)
    yield ask("zeromf", frozenset({200, 483}), Max_Forwards="0")
    for name, contact in (
        ("cparam01", "sip:+19725552222@gw1.example.net;unknownparam"),
        ("cparam02", "<sip:+19725552222@gw1.example.net;unknownparam>"),
        ("regescrt", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),
    ):
        yield request(name, "REGISTER sip:example.com SIP/2.0", _DROPPED, Contact=contact)
    yield call("sdp01", frozenset({404, 406, 488}), Accept="text/nobodyKnowsThis")
    yield Torture(  # 3.4: of RFC 2543, with neither branch nor tag
        "inv2543",
        (
            "INVITE sip:UserB@example.com SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{port}\r\nFrom: <sip:UserA@iftgw.there.com>\r\n"
            "To: <sip:UserB@example.com>\r\nCall-ID: inv2543\r\nCSeq: 1 INVITE\r\n"
            f"Contact: <sip:UserA@127.0.0.1:{port}>\r\nContent-Type: application/sdp\r\n\r\n{_SDP}"
        ).encode(),
        frozenset({400, 404, 488}),
    )


def _response(port: int, status: str, more: str = "") -> bytes:
    """A response to what nobody asked."""
    return (
        f"SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKnone\r\n"
        f"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: response\r\nCSeq: 1 INVITE\r\n"
        f"{more}Content-Length: 0\r\n\r\n"
    ).encode("latin-1")
