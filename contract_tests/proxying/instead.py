"""What is not allowed, carried out by a mock: in a space of its own for each key."""

from __future__ import annotations

from contract_tests.endpoint.relay.heads import RequestHead, passed_on
from contract_tests.endpoint.relay.passed import MOCK, Decision, Rewrite
from contract_tests.endpoint.relay.upstream import Upstream
from contract_tests.proxying.marking import marks
from mock_server.messages import Json
from mock_server.spec import Operation, Spec, WireRequest, key_header

SPACE = "test_proxy"


class StandIn:
    """The mock that answers in place of the endpoint."""

    def __init__(self, spec: Spec, mock: Upstream) -> None:
        self._spec = spec
        self._mock = mock
        self._header = spec.security.header.lower().encode()

    def wants(self, wire: WireRequest, space: int) -> str | None:
        """Why a request is the mock's to answer, though it may be sent; None where it is not."""
        return None

    async def decision(self, wire: WireRequest, head: RequestHead, space: int, why: str) -> Decision:
        """Has the mock answer a request."""
        key = key_header(self._spec.security, f"{SPACE}_{space}")
        headers = passed_on(head.headers, (b"host", self._header))
        return Decision(
            MOCK,
            self._mock,
            self._mock.prefix + head.target,
            [(b"Host", self._mock.host), *headers, *((name.encode(), value.encode()) for name, value in key.items())],
            marks=marks(MOCK, why),
        )

    def rewrite(self, wire: WireRequest, head: RequestHead, space: int) -> Rewrite | None:
        """What puts the mock's records into an answer of the endpoint; None where it holds none of them."""
        return None

    def learn(self, operation: Operation, wire: WireRequest, answer: Json) -> None:
        """Keeps which records the endpoint has shown."""
