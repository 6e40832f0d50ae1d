"""The storm's agent: tools whose approvals differ in who is asked, for how long and how often."""

from __future__ import annotations

from typing import Final

from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import load_flow

# Of the service: whether it knows our key; and the tool's ``approval`` part.
_LONG: Final = "levels: [{role: supervisor, within_s: 150}], expires_s: 150"
TOOLS: Final = {
    "pay": (
        "/payments",
        "{levels: [{role: supervisor, within_s: 150}], expires_s: 150, amount: amount,"
        ' limits: {supervisor: "500.00", manager: "5000.00"}, editable: [amount]}',
    ),
    "pay_two": ("/payments", f"{{{_LONG}, people: 2, editable: [amount]}}"),
    "pay_chain": (
        "/payments",
        "{levels: [{role: supervisor, within_s: 5}, {role: manager, within_s: 150}],"
        " expires_s: 150}",
    ),
    "pay_quick": (
        "/payments",
        "{levels: [{role: supervisor, within_s: 5}], expires_s: 5, remind_s: null}",
    ),
    "pay_keep": ("/payments", f"{{{_LONG}, when_caller_leaves: keep}}"),
    "order": ("/orders", f"{{{_LONG}}}"),
}
TIMEOUT_S: Final = 3


def _tool(name: str, path: str, approval: str) -> str:
    knows_key = path == "/payments"
    retry = "    retry: {attempts: 2, backoff_ms: 100}\n" if knows_key else ""
    # The breaker is wide: what is tried is one effect for each grant, not how a service is spared.
    return f"""\
  {name}:
    description: Pay an amount on an account.
    risk: high
    parameters:
      type: object
      properties:
        account: {{type: string, pattern: "^[0-9]{{8}}$"}}
        amount: {{type: string, pattern: "^[0-9]{{1,6}}[.][0-9]{{2}}$"}}
      required: [account, amount]
      additionalProperties: false
    http:
      method: POST
      url: "{{{{ service_url }}}}{path}"
      body: {{account: "{{{{ account }}}}", amount: "{{{{ amount }}}}"}}
    timeout_s: {TIMEOUT_S}
    idempotency_key: {str(knows_key).lower()}
{retry}    breaker: {{failures: 100, open_s: 1}}
    approval: {approval}
"""


def storm_flow(service_url: str) -> Flow:
    """Nobody hears its steps: only its tools are asked for."""
    text = (
        "agent: {name: storm, display_name: Storm}\n"
        "start: hello\n"
        'variables: {service_url: {default: "http://127.0.0.1:9", from_env: STORM_SERVICE_URL}}\n'
        'allow_hosts: ["{{ service_url }}"]\n'
        "tools:\n"
        + "".join(_tool(name, path, approval) for name, (path, approval) in TOOLS.items())
        + "steps:\n  hello: {say: Hello., hang_up: done}\n"
    )
    return load_flow(text, environment={"STORM_SERVICE_URL": service_url}, name="storm.yaml")
