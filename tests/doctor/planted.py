"""Faults that are planted into the configurations of `deploy/`, each in one way, and the words they have to be found by.

`docs/doctor.md` shows this table; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.doctor.words import WORDS

NGINX, APACHE = "nginx", "apache"
TOP = ""
"""In place of nothing: at the top of the file."""


@dataclass(frozen=True)
class Fault:
    """`shown` is the line as the table has it; `change` is (old, new) in the file of `deploy/`.

    `besides` are other words that the same fault has to be known by. `tls`: it is asked by https. `host` is how the doctor
    calls it.
    """

    word: str
    shown: str
    change: tuple[tuple[str, str], ...]
    besides: tuple[str, ...] = ()
    tls: bool = False
    host: str = "127.0.0.1"
    certificate: str = "good"
    trusted: bool = True

    def plant(self, text: str) -> str:
        """The file with the fault."""
        for old, new in self.change:
            assert old in text, old
            text = text.replace(old, new, 1)
        return text


def _line(anchor: str, line: str) -> tuple[tuple[str, str], ...]:
    """A line more, behind this one."""
    return ((anchor, f"{anchor}\n        {line}"),)


def _n(line: str) -> tuple[tuple[str, str], ...]:
    return _line("proxy_pass http://chatbot;", line)


def _h(line: str) -> tuple[tuple[str, str], ...]:
    return _line("proxy_set_header X-Forwarded-Proto $scheme;", line)


def _a(line: str) -> tuple[tuple[str, str], ...]:
    return _line("ProxyPreserveHost On", line)


FAULTS = {
    NGINX: (
        Fault("buffered", "proxy_ignore_headers X-Accel-Buffering; and no proxy_http_version", (("proxy_buffering off;", "proxy_ignore_headers X-Accel-Buffering;"), ("proxy_http_version 1.1;", "")), ("http-1.0",)),
        Fault("buffered-gzip", "proxy_ignore_headers X-Accel-Buffering; and gzip_types text/event-stream;", (("proxy_buffering off;", "proxy_ignore_headers X-Accel-Buffering;"), ("gzip off;", "gzip on; gzip_proxied any; gzip_types text/event-stream;")), ("compressed",)),
        Fault("compressed", "gzip_types text/event-stream;", (("gzip off;", "gzip on; gzip_proxied any;\n        gzip_types text/event-stream;"),)),
        Fault("http-1.0", "proxy_http_version 1.0;", (("proxy_http_version 1.1;", "proxy_http_version 1.0;"),)),
        Fault("idle-timeout", "proxy_read_timeout 2s;", (("proxy_read_timeout 620s;", "proxy_read_timeout 2s;"),)),
        Fault("departure-not-passed", "proxy_ignore_client_abort on;", (("proxy_ignore_client_abort off;", "proxy_ignore_client_abort on;"),)),
        Fault("forwarded-forged", "proxy_set_header X-Forwarded-For $http_x_forwarded_for;", (("X-Forwarded-For $remote_addr", "X-Forwarded-For $http_x_forwarded_for"),), ("forwarded-missing",)),
        Fault("forwarded-missing", 'proxy_set_header X-Forwarded-For "";', (("X-Forwarded-For $remote_addr", 'X-Forwarded-For ""'),)),
        Fault("scheme-lost", "proxy_set_header X-Forwarded-Proto http;", (("X-Forwarded-Proto $scheme", "X-Forwarded-Proto http"),), tls=True),
        Fault("host-lost", "proxy_set_header Host localhost;", (("Host $http_host", "Host localhost"),)),
        Fault("host-refused", "proxy_set_header Host other.example;", (("Host $http_host", "Host other.example"),)),
        Fault("authorization-dropped", 'proxy_set_header Authorization "";', _h('proxy_set_header Authorization "";')),
        Fault("request-headers-dropped", 'proxy_set_header X-Session-ID "";', _h('proxy_set_header X-Session-ID "";')),
        Fault("headers-missing", "proxy_hide_header X-Request-ID;", _n("proxy_hide_header X-Request-ID;")),
        Fault("charset", 'add_header Content-Type "text/event-stream; charset=iso-8859-1";', _n('proxy_hide_header Content-Type; add_header Content-Type "text/event-stream; charset=iso-8859-1";')),
        Fault("changed", "sub_filter 'naïve' 'naive';", _n("sub_filter 'naïve' 'naive'; sub_filter_types text/event-stream; sub_filter_once off;")),
        Fault("errors-replaced", "proxy_intercept_errors on;", _n("proxy_intercept_errors on; error_page 404 /none.html;")),
        Fault("no-application", "server 127.0.0.1:1;", (("server 127.0.0.1:APP;", "server 127.0.0.1:1;"),)),
        Fault("connection-limit", "limit_conn each 10;", ((TOP, "limit_conn_zone $server_port zone=each:1m;\n"), *_n("limit_conn each 10;"))),
        Fault("cors-preflight", "if ($request_method = OPTIONS) { return 405; }", _n("if ($request_method = OPTIONS) { return 405; }")),
        Fault("cors-missing", "proxy_hide_header Access-Control-Allow-Origin;", _n("proxy_hide_header Access-Control-Allow-Origin;")),
        Fault("cors-doubled", "add_header Access-Control-Allow-Origin *;", _n("add_header Access-Control-Allow-Origin *;")),
        Fault("tls-untrusted", "ssl_certificate of nobody that browsers know", (), tls=True, trusted=False),
        Fault("tls-name", "ssl_certificate for another name", (), tls=True, certificate="other"),
        Fault("tls-expiry", "ssl_certificate for five more days", (), tls=True, certificate="short"),
        Fault("tls-old", "ssl_protocols TLSv1.1 TLSv1.2;", (("ssl_protocols TLSv1.2 TLSv1.3;", "ssl_protocols TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;"),), tls=True),
        Fault("no-http2", "listen 443 ssl;", ((" ssl http2;", " ssl;"),), tls=True),
    ),
    APACHE: (
        Fault("buffered", "SetOutputFilter of an ExtFilterDefine", _a("SetOutputFilter held"), ("departure-not-passed",)),
        Fault("buffered-gzip", "SetOutputFilter of an ExtFilterDefine, where gzip is accepted", _a('<If "%{HTTP:Accept-Encoding} =~ /gzip/">\n        SetOutputFilter held\n    </If>')),
        Fault("compressed", "AddOutputFilterByType DEFLATE text/event-stream", (("SetEnv no-gzip 1", "AddOutputFilterByType DEFLATE text/event-stream"),)),
        Fault("http-1.0", "SetEnv force-proxy-request-1.0 1", _a("SetEnv force-proxy-request-1.0 1")),
        Fault("idle-timeout", "ProxyPass … timeout=2", (("timeout=620", "timeout=2"),)),
        Fault("departure-not-passed", "SetOutputFilter of an ExtFilterDefine", _a("SetOutputFilter  held"), ("buffered",)),
        Fault("forwarded-forged", "ProxyAddHeaders Off, and X-Forwarded-For let pass", (("RequestHeader unset X-Forwarded-For early", ""), ("ProxyAddHeaders On", "ProxyAddHeaders Off")), ("forwarded-missing",)),
        Fault("forwarded-missing", "ProxyAddHeaders Off", (("ProxyAddHeaders On", "ProxyAddHeaders Off"),)),
        Fault("scheme-lost", "RequestHeader set X-Forwarded-Proto http", (("X-Forwarded-Proto expr=%{REQUEST_SCHEME}", "X-Forwarded-Proto http"),), tls=True),
        Fault("host-lost", "ProxyPreserveHost Off", (("ProxyPreserveHost On", "ProxyPreserveHost Off"),), host="localhost"),
        Fault("host-refused", "RequestHeader set Host other.example", _a("RequestHeader set Host other.example")),
        Fault("authorization-dropped", "RequestHeader unset Authorization", _a("RequestHeader unset Authorization")),
        Fault("request-headers-dropped", "RequestHeader unset X-Session-ID", _a("RequestHeader unset X-Session-ID")),
        Fault("headers-missing", "Header unset X-Request-ID", _a("Header unset X-Request-ID")),
        Fault("charset", 'Header set Content-Type "text/event-stream; charset=iso-8859-1"', _a('Header set Content-Type "text/event-stream; charset=iso-8859-1"')),
        Fault("changed", "AddOutputFilterByType SUBSTITUTE text/event-stream", _a('AddOutputFilterByType SUBSTITUTE text/event-stream\n    Substitute "s/naïve/naive/n"')),
        Fault("errors-replaced", "ProxyErrorOverride On", (("ProxyErrorOverride Off", "ProxyErrorOverride On"),)),
        Fault("no-application", "ProxyPass / http://127.0.0.1:1/", (("http://127.0.0.1:APP/", "http://127.0.0.1:1/"),)),
        Fault("connection-limit", "ProxyPass … max=10", (("ttl=4", "ttl=4 max=10"),)),
        Fault("cors-preflight", "RewriteCond %{REQUEST_METHOD} =OPTIONS, and a RewriteRule", _a("RewriteEngine On\n    RewriteCond %{REQUEST_METHOD} =OPTIONS\n    RewriteRule ^ - [R=405,L]")),
        Fault("cors-missing", "Header unset Access-Control-Allow-Origin", _a("Header unset Access-Control-Allow-Origin")),
        Fault("cors-doubled", 'Header add Access-Control-Allow-Origin "*"', _a('Header add Access-Control-Allow-Origin "*"')),
        Fault("tls-untrusted", "SSLCertificateFile of nobody that browsers know", (), tls=True, trusted=False),
        Fault("tls-name", "SSLCertificateFile for another name", (), tls=True, certificate="other"),
        Fault("tls-expiry", "SSLCertificateFile for five more days", (), tls=True, certificate="short"),
        Fault("tls-old", "SSLProtocol -all +TLSv1.1 +TLSv1.2", (("SSLProtocol -all +TLSv1.2 +TLSv1.3", "SSLProtocol -all +TLSv1.1 +TLSv1.2\n    SSLCipherSuite ALL:@SECLEVEL=0"),), tls=True),
        Fault("no-http2", "no Protocols line", (("Protocols h2 http/1.1", ""),), tls=True),
    ),
}  # fmt: skip
"""By front."""
RIGHT = Fault("", "", (), tls=True)
"""No fault."""
WITHOUT_A_FRONT = {
    "proxy-not-trusted": "CHATBOT_TRUSTED_PROXIES=0 behind a proxy",
    "worker-class": "gunicorn -k gthread",
    "clock": "a clock that is an hour ahead",
    "origin-not-listed": "a page that no key lists",
    "page-key-refused": "a key that was never made",
    "no-tls": "http:// for another machine",
    "not-asked": "a front that ends connections",
    "settings": "PORT=none",
    "import-order": "a gunicorn configuration that imports ssl, then patches",
    "version": "gevent 20",
    "database-away": "a PostgreSQL that is not there",
    "redis-away": "a Redis that is not there",
    "disk": "a data directory that can't be written",
    "descriptors": "ulimit -n 256",
    "provider-away": "a provider that is not there",
    "provider-buffered": "a provider whose answer comes at once, after a second",
}
"""Planted into the server, or what it stands on."""


def table() -> str:
    """All of it, as `docs/doctor.md` shows it."""
    rows = ["| word | planted in nginx | planted in Apache |", "| --- | --- | --- |"]
    for nginx, apache in zip(FAULTS[NGINX], FAULTS[APACHE], strict=True):
        assert nginx.word == apache.word
        rows.append(f"| `{nginx.word}` | `{nginx.shown}` | `{apache.shown}` |")
    rows += ["", "| word | planted in the server, or around it |", "| --- | --- |"]
    rows += [f"| `{word}` | {shown} |" for word, shown in WITHOUT_A_FRONT.items()]
    return "\n".join(rows) + "\n"


def words_table() -> str:
    """Each word with its meaning and what to change, as `docs/doctor.md` shows them."""
    rows = ["| word | what it means | change: nginx | Apache | another front |", "| --- | --- | --- | --- | --- |"]  # fmt: skip
    for name, word in WORDS.items():
        if not word.setting:
            rows.append(f"| `{name}` | {word.means} | {word.nginx} | {word.apache} | {word.other} |")  # fmt: skip
    rows += ["", "| word | what it means | change |", "| --- | --- | --- |"]
    rows += [f"| `{name}` | {w.means} | {w.other} |" for name, w in WORDS.items() if w.setting]
    return "\n".join(rows) + "\n"
