"""Every key with its default and its one line (English / Japanese); config.example.toml is printed from here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from subscribers import address, language
from subscribers.errors import SubscriberError

Text = str | dict[str, str]
"""Text for readers: one string for all languages, or a table by language."""


class Fails(ValueError):
    """A key's value is refused: `code` names the sentence (`config.<code>`), `facts` fill it."""

    def __init__(self, code: str, sentence: str, **facts: object) -> None:
        super().__init__(sentence)
        self.code, self.facts = code, facts


def _mailbox(value: str) -> str:
    if value:
        try:
            address.parse(value)
        except SubscriberError as error:
            raise Fails("no_address", f"“{value}” is no mail address.", value=value) from error
    return value


def _url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
        raise Fails("no_url", f"“{value}” is no address such as https://mail.example.org.", value=value)
    return value.rstrip("/")


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise Fails("no_zone", f"“{value}” is no time zone such as Asia/Tokyo.", value=value)
    return value


def _tag(value: str) -> str:
    try:
        return language.normalise(value)
    except SubscriberError as error:
        raise Fails("no_language", f"“{value}” is no language such as ja or en.", value=value) from error


def _rate(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,6}/(second|minute|hour|day)", value):
        raise Fails("no_rate", f"“{value}” is no rate such as 20/minute or 450/day.", value=value)
    return value


def _domains(value: dict[str, list[str]]) -> dict[str, list[str]]:
    """In lower case and A-labels, as the ledger holds them."""
    found: dict[str, list[str]] = {}
    for name, rates in value.items():
        try:
            domain = address.parse(f"postmaster@{name}").domain
        except SubscriberError as error:
            raise Fails("no_domain", f"“{name}” is no domain such as docomo.ne.jp.", value=name) from error
        found.setdefault(domain, []).extend(rates)
    return found


def _month_day(value: str) -> str:
    day = r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    if not re.fullmatch(rf"{day}(\.\.{day})?|\d{{4}}-{day}", value):
        raise Fails("no_day", f"“{value}” is no day such as 12-31 or 12-31..01-03.", value=value)
    return value


def _hours(value: str) -> str:
    if value and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", value):
        raise Fails("no_hours", f"“{value}” is no span such as 22:00-07:00.", value=value)
    if value and value[:5] == value[6:]:
        raise Fails("always_quiet", "No campaign could ever leave: every hour or every day is quiet.")
    return value


def _some_day_left(value: list[str]) -> list[str]:
    if set(value) >= {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}:
        raise Fails("always_quiet", "No campaign could ever leave: every hour or every day is quiet.")
    return value


Mailbox = Annotated[str, AfterValidator(_mailbox)]
Url = Annotated[str, AfterValidator(_url)]
Zone = Annotated[str, AfterValidator(_zone)]
Tag = Annotated[str, AfterValidator(_tag)]
Rate = Annotated[str, AfterValidator(_rate)]
Hours = Annotated[str, AfterValidator(_hours)]
Day = Annotated[str, AfterValidator(_month_day)]
QuietDay = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holidays", "closed"]


class Part(BaseModel):
    """A table of the file. Unknown keys are refused; nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Database(Part):
    url: str = Field(
        "sqlite:///mailer.sqlite",
        description="SQLite file (from this file's folder) or postgresql://… / データベース。ふつうはこのまま",
    )

    @field_validator("url")
    @classmethod
    def _known(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise Fails("no_database", "The database is sqlite:///FILE or postgresql://…")
        return value


class Site(Part):
    base_url: Url = Field(
        "",
        description='Public address of the pages; "" = no web server of our own / 公開ページのURL。なければ ""',
    )
    bind: str = Field(
        "127.0.0.1:8000",
        pattern=r"^[^\s:]*:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$",
        description="Where `serve` listens; a reverse proxy stands in front / serve の待ち受け",
    )
    time_zone: Zone = Field("Asia/Tokyo", description="The office's time zone / 事務所の時間帯")
    default_language: Tag = Field("ja", description="For readers who prefer none we write / 既定の言語")
    languages: list[Tag] = Field(
        ["ja", "en"], min_length=1, description="Languages of the letter / 発行する言語"
    )
    name: Text = Field("", description="Name of the newsletter, per language / ニュースレターの名前")
    trusted_proxies: list[str] = Field(
        [], description="Proxies whose X-Forwarded-For counts / 信頼するプロキシ"
    )
    country: str = Field(
        "JP", pattern=r"^[A-Z]{2}$", description="Whose national holidays are no business days / 祝日の国"
    )
    closed_days: list[Day] = Field(
        ["12-31..01-03"],
        description="The office's own closed days, each year or once / 事務所の休業日（毎年、または年つきで一度だけ）",
    )
    privacy_url: Url = Field(
        "", description="Page on personal data, linked in the footer / 個人情報の取り扱いのURL"
    )
    templates_dir: str = Field(
        "", description="Folder with templates of your own / 独自テンプレートのフォルダー"
    )


class SenderOf(Part):
    """Who sends one newsletter; what is empty is as in [sender]."""

    name: Text = Field("", description="Name in From: / 差出人の名前")
    email: Mailbox = Field("", description="Address in From: / 差出人のアドレス")
    reply_to: Mailbox = Field("", description="Where answers go, if elsewhere / 返信先（別の場合）")


class Sender(Part):
    name: Text = Field("", description="Name in From: / 差出人の名前")
    email: Mailbox = Field("", description="Address in From: / 差出人のアドレス")
    reply_to: Mailbox = Field("", description="Where answers go, if elsewhere / 返信先（別の場合）")
    organisation: Text = Field(
        "", description="Official name; the law wants it in each mail / 正式な団体名（表示義務）"
    )
    postal_address: Text = Field("", description="Postal address; the law wants it / 住所（表示義務）")
    phone: Text = Field("", description="Telephone with hours / 電話番号と受付時間")
    contact: str = Field("", description="Address or URL for questions and complaints / 問い合わせ先")
    newsletters: dict[str, SenderOf] = Field(
        {},
        description="Another sender for a newsletter, as [sender.newsletters.KEY]; what is not set is as above / ニュースレターごとの差出人",
    )


class RelayBase(Part):
    host: str = Field("", description="Mail server that takes our mail / 送信サーバー")
    port: int = Field(
        587, ge=1, le=65535, description="587 with starttls, 465 with implicit, 25 with none / ポート"
    )
    tls: Literal["none", "starttls", "implicit"] = Field(
        "starttls", description="none | starttls | implicit; never falls back / 暗号化の方式"
    )
    username: str = Field("", description="Account name, if the server wants one / ユーザー名")
    password: SecretStr = Field(
        SecretStr(""), description="Password; better in a file of its own / パスワード"
    )
    password_file: str = Field("", description="File that holds the password / パスワードを書いたファイル")
    connections: int | None = Field(
        None,
        ge=1,
        le=200,
        description="At once, of this machine; unset = 1 with a username, else 10 / 同時接続数",
    )
    local_name: str = Field("", description='Name we give in EHLO; "" = our address / EHLO で名乗る名前')
    pipeline: bool = Field(True, description="Use PIPELINING where the server offers it / まとめ送りを使う")
    depth: int = Field(
        4,
        ge=1,
        le=32,
        description="Messages under way on one connection where the server offers CHUNKING / 1接続で同時に送る通数",
    )
    rates: list[Rate] | None = Field(
        None,
        description='Limits of the account, such as ["20/minute", "450/day"]; unset = those of a provider we know, [] = none / 送信数の上限',
    )
    timeout_seconds: int = Field(60, ge=5, le=600, description="Longest wait for one reply / 応答を待つ秒数")
    return_path: Literal["verp", "plus", "fixed"] = Field(
        "fixed", description="Envelope sender: verp (own bounce domain) | plus | fixed / 戻りメールの宛先の形"
    )

    from_addresses: list[Mailbox] = Field(
        [],
        description="Only mail from these senders goes this way; [] = any / この差出人のメールだけを送る",
    )

    @property
    def open_at_once(self) -> int:
        """Connections of this machine: one where somebody signs in, unless the office says otherwise."""
        return self.connections or (1 if self.username else 10)


class Relay(RelayBase):
    more: list[RelayBase] = Field(
        [],
        description="Further relays, as [[relay.more]] tables: each takes over while those before it are down / 予備の送信サーバー",
    )

    @property
    def all(self) -> tuple[RelayBase, ...]:
        """The preferred first."""
        return (self, *self.more)


class Delivery(Part):
    processes: int = Field(1, ge=1, le=64, description="Sender processes of this machine / 送信プロセスの数")
    batch_size: int = Field(200, ge=1, le=5000, description="People claimed at a time / 一度に引き受ける人数")
    lease_seconds: int = Field(
        300,
        ge=30,
        le=3600,
        description="After so long a dead sender's work is taken over / 引き継ぎまでの秒数",
    )
    on_uncertain: Literal["hold", "resend"] = Field(
        "hold", description="If a reply never came: hold for a person | resend / 届いたか不明なとき"
    )
    retry_first_seconds: int = Field(
        300, ge=1, le=86400, description="First wait after a temporary refusal / 最初の再試行までの秒数"
    )
    retry_max_seconds: int = Field(
        14400, ge=1, le=86400, description="Longest wait between tries / 再試行の最長間隔"
    )
    retry_give_up_hours: int = Field(
        72, ge=1, le=240, description="Counted from the first try / 再試行をやめるまでの時間"
    )
    max_lateness_hours: float = Field(
        6,
        ge=0,
        le=720,
        description="Later than this nothing is sent without asking / これより遅れたら送らず確認する",
    )
    safety_window_minutes: int = Field(
        10,
        ge=0,
        le=1440,
        description="After the office's own first copy, wait so long; 0 = off / 最初の1通のあと待つ分数",
    )
    quiet_hours: Hours = Field(
        "", description='No campaign leaves then, such as "22:00-07:00"; "" = off / 配信しない時間帯'
    )
    quiet_days: Annotated[list[QuietDay], AfterValidator(_some_day_left)] = Field(
        [],
        description='No campaign leaves then: mon tue wed thu fri sat sun holidays closed (= site.closed_days), such as ["sat", "sun"] / 配信しない曜日・祝日・休業日',
    )
    domain_rates: Annotated[dict[str, list[Rate]], AfterValidator(_domains)] = Field(
        {},
        description='Limits by recipient domain, such as { "docomo.ne.jp" = ["60/minute"] } / 宛先ドメインごとの上限',
    )
    refused_percent: int = Field(
        10,
        ge=0,
        le=100,
        description="Holds a campaign when surely more than this share is refused; 0 = off / 拒否がこの割合を超えたら止める",
    )


class Dkim(Part):
    domain: str = Field("", description='Signing domain; "" = the relay signs / 署名ドメイン')
    selector: str = Field("", description="Selector in DNS / セレクター")
    key_file: str = Field("", description="PEM file, RSA-2048 or Ed25519 / 秘密鍵のファイル")

    @model_validator(mode="after")
    def _whole(self) -> Dkim:
        given = [self.domain, self.selector, self.key_file]
        if any(given) and not all(given):
            raise Fails(
                "dkim_incomplete", "dkim needs domain, selector and key_file together, or none of them."
            )
        return self


class Bounces(Part):
    domain: str = Field("", description='Domain of return_path = "verp" / 戻りメール用のドメイン')
    imap_host: str = Field("", description="Mailbox to which mail comes back / 戻りメールの受信サーバー")
    imap_port: int = Field(993, ge=1, le=65535, description="IMAP over TLS / ポート")
    imap_username: str = Field("", description="Account name / ユーザー名")
    imap_password: SecretStr = Field(
        SecretStr(""), description="Password; better in a file of its own / パスワード"
    )
    imap_password_file: str = Field(
        "", description="File that holds the password / パスワードを書いたファイル"
    )


class Pictures(Part):
    budget_kb: int = Field(
        1200,
        ge=50,
        le=20000,
        description="All pictures of one edition together / 1号あたりの画像の合計（KB）",
    )
    embedded_budget_kb: int = Field(
        350,
        ge=50,
        le=5000,
        description="The same where pictures travel in the mail / 画像を埋め込む場合の合計（KB）",
    )


class Privacy(Part):
    clicks: Literal["off", "aggregate"] = Field(
        "off", description="off | aggregate; never by person / クリックの集計"
    )
    record_ip: bool = Field(False, description="Keep the IP in consent records / 同意の記録にIPを残す")


class Secrets(Part):
    keys: list[SecretStr] = Field(
        [], description="Newest first; sign short-lived links / リンク署名の鍵（新しい順）"
    )
    keys_file: str = Field("", description="File with one key a line, newest first / その鍵のファイル")
    permanent_key: SecretStr = Field(
        SecretStr(""),
        description="Made by init, never changed: unsubscribe links live for ever / 永続の鍵（変更禁止）",
    )
    permanent_key_file: str = Field("", description="File that holds it / その鍵のファイル")


NOT_IN_FORCE = (
    "bounces.imap_host", "privacy.clicks", "privacy.record_ip", "site.trusted_proxies",
)  # fmt: skip
"""Keys of the contract whose rooms are being built; `work`, `serve`, `send` and `check` say so when one is set."""


class Config(Part):
    """The whole file. `folder` is where relative paths start."""

    database: Database = Database()
    site: Site = Site()
    sender: Sender = Sender()
    relay: Relay = Relay()
    delivery: Delivery = Delivery()
    dkim: Dkim = Dkim()
    bounces: Bounces = Bounces()
    checks: dict[str, Literal["hold", "warn", "off"]] = Field(
        {}, description="CODE = hold | warn | off / 点検ごとの扱い"
    )
    pictures: Pictures = Pictures()
    privacy: Privacy = Privacy()
    secrets: Secrets = Secrets()
    folder: Path = Field(Path(), exclude=True)

    @model_validator(mode="after")
    def _agree(self) -> Config:
        if self.site.default_language not in self.site.languages:
            raise Fails(
                "default_not_in_languages",
                f"site.default_language “{self.site.default_language}” is not among site.languages.",
                value=self.site.default_language,
            )
        if any(one.return_path == "verp" for one in self.relay.all) and not self.bounces.domain:
            raise Fails("verp_needs_domain", 'relay.return_path = "verp" needs bounces.domain.')
        for relay in self.relay.all:
            if self.delivery.processes > relay.open_at_once:
                raise Fails(
                    "too_many_processes",
                    f"delivery.processes is more than the {relay.open_at_once} connections to the relay {relay.host}.",
                    connections=relay.open_at_once,
                    relay=relay.host,
                )
        return self

    @model_validator(mode="after")
    def _relays_differ(self) -> Config:
        """Rates and quotas are kept by account: two relays of one account would spend it twice."""
        accounts = set()
        for relay in self.relay.all if self.relay.more else ():
            if not relay.host:
                raise Fails("relay_without_host", "One of several relays has no host.")
            account = (relay.host.lower(), relay.username)
            if account in accounts:
                raise Fails(
                    "relay_twice",
                    f"Two relays have the host {relay.host} and the same username.",
                    host=relay.host,
                )
            accounts.add(account)
        return self

    def not_in_force(self) -> list[str]:
        """Keys that somebody set and that this version reads but does not obey yet."""
        default = Config()
        found = []
        for key in NOT_IN_FORCE:
            table, _, name = key.partition(".")
            if getattr(getattr(self, table), name) != getattr(getattr(default, table), name):
                found.append(key)
        return found

    def path(self, value: str) -> Path:
        """A path of the file, from the file's own folder."""
        return self.folder / value
