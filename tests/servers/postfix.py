"""Debian's installed Postfix as an instance of its own: configuration, queue and port are the test's."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mailer.smtp.sink import Sink
from tests.conftest import missing
from tests.servers import process
from tests.servers.account import NOBODY, PASSWORD, USERNAME

# smtpd_forbid_bare_newline stays off here: Debian 12 knows it, older ones do not, and we send none.
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {log}/postfix.log
maillog_file_prefixes = {log}
myhostname = postfix.example
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtp_host_lookup = native
relayhost = [127.0.0.1]:{relay_port}
smtp_tls_security_level = none
smtp_destination_concurrency_limit = 4
local_recipient_maps =
alias_maps =
notify_classes =
smtpd_peername_lookup = no
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {folder}/server.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {folder}/sasl
smtpd_sasl_local_domain = harbour.example
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ {nobody} = 550 5.1.1 no such person }} }}, permit_sasl_authenticated, reject
smtpd_forbid_unauth_pipelining = yes
smtpd_discard_ehlo_keywords =
"""
MASTER = """\
127.0.0.1:{starttls} inet n - n - - smtpd
127.0.0.1:{implicit} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
sasldb_path: {folder}/sasl/passwords
"""


QUEUES = [
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "maildrop",
    "pid",
    "private",
    "public",
    "saved",
    "trace",
]
MASTER_PROGRAM = "/usr/lib/postfix/sbin/master"


@contextlib.contextmanager
def running(folder: Path, pem: Path, sink: Sink) -> Iterator[process.Ports]:
    """Its ports. What it takes goes on to the sink. `folder` gets its log; all else stands directly
    under the temporary folder, because its processes give up root and could not pass through pytest's folders."""
    own = Path(tempfile.mkdtemp(prefix="postfix"))
    own.chmod(0o711)
    try:
        yield from _serve(own, folder, pem, sink)
    finally:
        shutil.rmtree(own)


def _serve(folder: Path, log: Path, pem: Path, sink: Sink) -> Iterator[process.Ports]:
    require()
    ports = process.free_ports()
    values = {"folder": folder, **ports._asdict(), "relay_port": sink.port, "log": log, "nobody": NOBODY}
    (folder / "data").mkdir()
    (folder / "sasl").mkdir()
    for name in QUEUES:
        (folder / "queue" / name).mkdir(parents=True)
        if name != "pid":
            shutil.chown(folder / "queue" / name, "postfix", "postdrop")
    shutil.chown(folder / "data", "postfix")
    shutil.copy(pem, folder / "server.pem")
    (folder / "main.cf").write_text(MAIN.format(**values))
    (folder / "master.cf").write_text(MASTER.format(**values))
    (folder / "sasl" / "smtpd.conf").write_text(SASL.format(**values))
    _add_user(folder / "sasl" / "passwords")
    # Not `postfix start-fg`: its master leaves our process group.
    with process.running([MASTER_PROGRAM, "-c", folder, "-d"], ports.starttls, log / "master.log"):
        yield ports


def require() -> None:
    if not Path(MASTER_PROGRAM).exists():
        missing("postfix", "postfix")
    if os.geteuid() != 0:
        missing("Postfix run by root", "postfix")


def _add_user(passwords: Path) -> None:
    program = shutil.which("saslpasswd2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        missing("saslpasswd2", "sasl2-bin")
    command = [str(program), "-p", "-c", "-f", str(passwords), "-u", "harbour.example", USERNAME]
    subprocess.run(command, input=PASSWORD.encode(), check=True, capture_output=True)
    os.chown(passwords, pwd.getpwnam("postfix").pw_uid, -1)
