"""The tests of editing and publishing flows, on PostgreSQL."""

from __future__ import annotations

import pytest
from tests.unit.calls.test_flow_editor import *  # noqa: F403
from tests.unit.calls.test_flow_races import *  # type: ignore[assignment]  # noqa: F403
from tests.unit.calls.test_flow_reading import *  # noqa: F403
from tests.unit.calls.test_flow_shelf import *  # type: ignore[assignment]  # noqa: F403

pytestmark = pytest.mark.peers
