"""The storage tests, on PostgreSQL: they are imported, and find this folder's fixtures."""

from __future__ import annotations

import pytest
from tests.unit.storage.test_approval_facts import *  # noqa: F403
from tests.unit.storage.test_approvals import *  # noqa: F403
from tests.unit.storage.test_audit import *  # noqa: F403
from tests.unit.storage.test_callbacks import *  # noqa: F403
from tests.unit.storage.test_calls import *  # noqa: F403
from tests.unit.storage.test_decision_links import *  # noqa: F403
from tests.unit.storage.test_escalations import *  # noqa: F403
from tests.unit.storage.test_flow_versions import *  # noqa: F403
from tests.unit.storage.test_forgetting import *  # noqa: F403
from tests.unit.storage.test_journal import *  # noqa: F403
from tests.unit.storage.test_keys import *  # noqa: F403
from tests.unit.storage.test_lost_edges import *  # noqa: F403
from tests.unit.storage.test_migrate import *  # noqa: F403
from tests.unit.storage.test_outbox import *  # noqa: F403
from tests.unit.storage.test_placements import *  # type: ignore[assignment]  # noqa: F403
from tests.unit.storage.test_usage import *  # noqa: F403
from tests.unit.storage.test_users import *  # noqa: F403

pytestmark = pytest.mark.peers
