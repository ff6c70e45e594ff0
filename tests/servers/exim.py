"""Debian's Exim in a root of its own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from mailer.smtp.sink import Sink
from tests.servers import process, roots
from tests.servers.account import NOBODY, PASSWORD, USERNAME

UID = 64001
MOST = 40  # messages of one connection
CONFIGURATION = """\
primary_hostname = exim.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = {starttls} : {implicit}
tls_on_connect_ports = {implicit}
spool_directory = /spool
log_file_path = /log/%s
pid_file_path = /run/exim.pid
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
tls_certificate = /etc/server.pem
tls_privatekey = /etc/server.pem
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}} {{}}}}
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
deliver_drop_privilege = true
smtp_accept_max = 50
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = {most}
acl_smtp_rcpt = recipient
acl_smtp_data = accept

begin acl

recipient:
  deny
    condition = ${{if eq{{$local_part@$domain}}{{{nobody}}}}}
    message = 5.1.1 no such person
  accept authenticated = *
  deny message = 5.7.1 sign in first

begin routers

sink:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = sink

begin transports

sink:
  driver = smtp
  port = {relay_port}
  allow_localhost
  hosts_avoid_tls = *

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{username}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2

login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{username}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""


@contextlib.contextmanager
def running(folder: Path, pem: Path, sink: Sink) -> Iterator[process.Ports]:
    """Its ports. What it takes goes on to the sink."""
    root = roots.copy("exim", "exim4-daemon-light", folder / "root", {"Debian-exim": UID})
    ports = process.free_ports()
    for name in ("spool", "log"):
        (root / name).mkdir()
        shutil.chown(root / name, UID, UID)
    shutil.copy(pem, root / "etc" / "server.pem")
    shutil.chown(root / "etc" / "server.pem", UID, UID)
    configuration = root / "etc" / "exim4" / "exim4.conf"  # the compiled-in place: Exim starts itself anew
    configuration.parent.mkdir(exist_ok=True)
    configuration.write_text(
        CONFIGURATION.format(
            **ports._asdict(),
            relay_port=sink.port,
            nobody=NOBODY,
            username=USERNAME,
            password=PASSWORD,
            most=MOST,
        )
    )
    with process.running(
        ["chroot", root, "/usr/sbin/exim4", "-bdf"], ports.starttls, folder / "start.log", root
    ):
        yield ports
