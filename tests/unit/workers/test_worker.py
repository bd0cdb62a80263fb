"""What a worker process does to the machine that it is on, and without its broker."""

import os
import socket
import subprocess
import sys

import pytest
import redis
from kombu.exceptions import OperationalError

from workers.app import make_app
from workers.queues import SEND_BATCH

_GIVES_WAY = "import os; from workers.worker import give_way; give_way(); print(os.sched_getscheduler(0) == os.SCHED_BATCH)"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this class of scheduling")
def test_a_worker_interrupts_nobody_when_it_has_something_to_do_again() -> None:
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    said = subprocess.run([sys.executable, "-c", _GIVES_WAY], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "True"


class Patient(Exception):
    """It was tried more often than Celery would by itself."""


def test_a_worker_outlives_a_broker_that_is_away_for_however_long() -> None:
    app = make_app("redis://127.0.0.1:1/0")
    tries = iter(range(150))

    def tried(_error: Exception, _interval: float) -> None:
        if next(tries, None) is None:
            raise Patient

    with app.connection_for_read() as connection, pytest.raises(Patient):
        connection.ensure_connection(
            tried, app.conf.broker_connection_max_retries, interval_start=0, interval_step=0, interval_max=0
        )


def test_who_queues_does_not_wait_for_ever_for_a_broker_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        app = make_app(f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        app.conf.broker_transport_options["socket_timeout"] /= 100
        with pytest.raises(OperationalError):
            app.send_task(SEND_BATCH, (1,), retry=False)


@pytest.mark.parametrize(
    "url",
    [
        "redis://broker.example",
        "redis://broker.example:6380?db=3&health_check_interval=30",
        "redis://broker.example/2?username=jianbao&password=a%2Fb&socket_timeout=5&protocol=2",
        "redis://:p%40s%3Bs@[2001:db8::1]:6380/1",
        "rediss://jianbao:secret@broker.example:6380/1?ssl_ca_certs=/etc/ca.pem&ssl_min_version=771",
    ],
)
def test_the_queue_is_at_the_broker_that_all_others_speak_to(url: str) -> None:
    theirs = {"host": "", "port": 6379, "db": 0, "username": None, "password": None}
    theirs |= redis.ConnectionPool.from_url(url).connection_kwargs
    with make_app(url).connection_for_read() as queue:
        ours = (queue.hostname, queue.port, int(queue.virtual_host), queue.userid, queue.password)
        assert ours == tuple(theirs[name] for name in ("host", "port", "db", "username", "password"))
        assert {name: value for name, value in theirs.items() if name.startswith("ssl_")}.items() <= (queue.ssl or {}).items()


@pytest.mark.parametrize(("option", "verified"), [("", "required"), ("?ssl_cert_reqs=none", "none")])
def test_the_queue_s_broker_has_to_prove_who_it_is_unless_it_is_said_otherwise(option: str, verified: str) -> None:
    with make_app(f"rediss://broker.example:6380/0{option}").connection_for_read() as queue:
        assert queue.ssl["ssl_cert_reqs"] == verified
