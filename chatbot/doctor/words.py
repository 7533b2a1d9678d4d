"""What the doctor may find: a word for each, what it means, and what to change.

The words are a contract: `docs/doctor.md` and `docs/troubleshooting.md` go by them, and scripts read them. A change is
told for nginx and for Apache; for everything else in words. `stands` finds the line at fault in their files.
"""

from __future__ import annotations

from chatbot.doctor.server_words import SERVER_WORDS
from chatbot.doctor.word import APACHE, Word, both, setting

_LIVE = "Let it pass on a response of the type text/event-stream as it comes"
_BUFFERS = both(
    r"proxy_(ignore_headers\b.*X-Accel-Buffering|buffering\s+on)", r"SetOutputFilter|ExtFilter"
)
_COMPRESSES = both(r"gzip_types\b.*(event-stream|\*)", r"\b(DEFLATE|BROTLI_COMPRESS)\b")
_ADDRESS = (
    *both(r"proxy_set_header\s+X-Forwarded-For", r"ProxyAddHeaders\s+Off"),
    (APACHE, r"RequestHeader.*X-Forwarded-For"),
)
_LIMITS = both(
    r"\blimit_(conn|req)\s|worker_connections", r"\bmax=|MaxRequestWorkers|ThreadsPerChild"
)

WORDS = {
    "buffered": Word(
        "Everything arrives at once: the answer is held back on its way until it is whole.",
        "proxy_buffering off;  proxy_http_version 1.1;  and no proxy_ignore_headers X-Accel-Buffering",
        "no SetOutputFilter for the location, and flushpackets=on in the ProxyPass",
        f"{_LIVE}, without a buffer.",
        _BUFFERS,
    ),
    "buffered-gzip": Word(
        "Everything arrives at once for browsers, that is where gzip is accepted; without it, it arrives live.",
        "gzip off;  proxy_buffering off;",
        "SetEnv no-gzip 1,  and no filter by Accept-Encoding",
        f"{_LIVE}, without compression.",
        (*_BUFFERS, *_COMPRESSES),
    ),
    "compressed": Word(
        "The stream is compressed on its way, although it says no-transform: each word waits for the compressor.",
        "gzip off;  or text/event-stream taken out of gzip_types",
        "SetEnv no-gzip 1,  or text/event-stream taken out of AddOutputFilterByType",
        f"{_LIVE}, without compression.",
        _COMPRESSES,
    ),
    "http-1.0": Word(
        "The front speaks HTTP/1.0 to the application: no connection is used twice, and a broken answer looks whole.",
        'proxy_http_version 1.1;  proxy_set_header Connection "";',
        "no force-proxy-request-1.0 and no downgrade-1.0",
        "Let it speak HTTP/1.1 to the application.",
        both(r"proxy_http_version\s+1\.0", r"(force-proxy-request|downgrade)-1\.0"),
    ),
    "idle-timeout": Word(
        "The front ends an answer that is silent for a while. Streams have a heartbeat each 10 s; answers that are not "
        "streamed, and whatever else is silent for longer, are cut.",
        "proxy_read_timeout 620s;",
        "timeout=620 in the ProxyPass",
        "Set its time-out for silence of the application to 620 s.",
        both(r"proxy_read_timeout", r"\btimeout=|ProxyTimeout|^\s*Timeout\b"),
    ),
    "departure-not-passed": Word(
        "A visitor who leaves is not told of: the answer goes on, and is paid for, though nobody reads it.",
        "proxy_ignore_client_abort off;",
        "no SetOutputFilter that holds answers back",
        "Let it close its connection to the application when the visitor's is closed.",
        both(r"proxy_ignore_client_abort\s+on", r"SetOutputFilter|ExtFilter"),
    ),
    "forwarded-forged": Word(
        "A visitor can choose the address that limits go by: what a caller writes into X-Forwarded-For is believed.",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "ProxyAddHeaders On;  RequestHeader unset X-Forwarded-For early",
        "Let it replace X-Forwarded-For by the visitor's address; CHATBOT_TRUSTED_PROXIES is the number of such "
        "proxies.",
        _ADDRESS,
    ),
    "forwarded-missing": Word(
        "All visitors have the front's address, and share the limits of one: X-Forwarded-For does not arrive.",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "ProxyAddHeaders On",
        "Let it send the visitor's address as X-Forwarded-For.",
        _ADDRESS,
    ),
    "proxy-not-trusted": setting(
        "All visitors have the front's address, and share the limits of one: its X-Forwarded-For is not believed.",
        "CHATBOT_TRUSTED_PROXIES=1  (the number of proxies, one behind the other)",
    ),
    "scheme-lost": Word(
        "The application takes https for http: its pages refuse their own forms, and cookies are not kept to https.",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}",
        "Let it send X-Forwarded-Proto: https, and set CHATBOT_TRUSTED_PROXIES.",
        both(r"proxy_set_header\s+X-Forwarded-Proto", r"RequestHeader.*X-Forwarded-Proto"),
    ),
    "host-lost": Word(
        "The application is told another host name than the visitor's: its own pages count as somebody else's.",
        "proxy_set_header Host $http_host;",
        "ProxyPreserveHost On",
        "Let it pass on the Host header, or set CHATBOT_PUBLIC_URL.",
        both(r"proxy_set_header\s+Host", r"ProxyPreserveHost\s+Off|RequestHeader.*\bHost\b"),
    ),
    "host-refused": setting(
        "The application does not know the host name, and refuses every request.",
        "CHATBOT_PUBLIC_URL=… with this address, or the name in CHATBOT_HOSTS",
    ),
    "authorization-dropped": Word(
        "The Authorization header does not arrive, so no key is ever accepted.",
        "no proxy_set_header Authorization",
        "WSGIPassAuthorization On (mod_wsgi),  no RequestHeader unset Authorization",
        "Let it pass on the Authorization header.",
        both(r"proxy_set_header\s+Authorization|auth_basic\s", r"RequestHeader\s+\w+\s+Authorization|WSGIPassAuthorization\s+Off|AuthType"),
    ),
    "request-headers-dropped": Word(
        "Headers that a visitor's chat sends do not arrive: each question begins a new conversation.",
        'no proxy_set_header X-… "";',
        "no RequestHeader unset X-…",
        "Let it pass on X-Session-ID, X-Conversation-ID, X-Visitor-Token and X-Requested-With.",
        both(r"proxy_set_header\s+X-(Session|Conversation|Visitor|Requested)|proxy_pass_request_headers\s+off", r"RequestHeader\s+\w+\s+X-(Session|Conversation|Visitor|Requested)"),
    ),
    "headers-missing": Word(
        "Headers of the answer are taken away or changed on their way.",
        "no proxy_hide_header, expires or add_header for them",
        "no Header unset or Header set for them",
        "Let it pass on the headers of answers as they are.",
        both(r"proxy_hide_header|^\s*expires\b|add_header\s+Cache-Control", r"\bHeader\b.*\b(unset|set)\b|Expires"),
    ),
    "charset": Word(
        "The answer's type does not say UTF-8 any more: letters other than English ones become strange characters.",
        "no charset and no add_header Content-Type in the location",
        "no AddDefaultCharset and no Header set Content-Type",
        "Let it pass on Content-Type: text/event-stream; charset=utf-8.",
        both(r"\bcharset\b|Content-Type", r"AddDefaultCharset|Content-Type|ForceType"),
    ),
    "changed": Word(
        "Bytes of the answer are changed on their way.",
        "no sub_filter in the location",
        "no SUBSTITUTE, INFLATE or other filter in the location",
        "Let it pass on bodies as they are.",
        both(r"sub_filter\b(?!_)", r"\b(Substitute|SUBSTITUTE)\b"),
    ),
    "errors-replaced": Word(
        "Errors of the application are replaced by a page of the front's: nobody is told what to do.",
        "proxy_intercept_errors off;",
        "ProxyErrorOverride Off",
        "Let it pass on answers with a status of 400 and above as they are.",
        both(r"proxy_intercept_errors\s+on", r"ProxyErrorOverride\s+On"),
    ),
    "no-application": Word(
        "The front answers, and the application behind it does not.",
        "proxy_pass with the address of HOST and PORT; is the server running?",
        "ProxyPass with the address of HOST and PORT; is the server running?",
        "Is the server running, where the front expects it?",
        both(r"^\s*server\s+[^{]+;|proxy_pass\s", r"ProxyPass\s"),
    ),
    "connection-limit": Word(
        "Not all of some answers at once are let begin: visitors wait for others to be finished.",
        "limit_conn with more for each address, worker_connections 4096",
        "no max= in the ProxyPass, MaxRequestWorkers 400 or more",
        "Let it hold as many connections at once as there may be visitors.",
        _LIMITS,
    ),
    "worker-class": Word(
        "The server is not gunicorn with gevent workers: each answer holds a thread, and departures show late.",
        *("gunicorn -c deploy/gunicorn.conf.py wsgi:app,  or python -m chatbot serve",) * 3,
        setting=True,
    ),
    "origin-not-listed": setting(
        "The page's origin is not in the list of the key: the browser says \"failed to fetch\".",
        "a key with this origin: python -m chatbot keys create --bot BOT --origin ORIGIN",
    ),
    "page-key-refused": setting(
        "The key of the page is not accepted.",
        "a living publishable key (pk_…) in the tag: python -m chatbot keys list",
    ),
    "cors-preflight": Word(
        "The browser's question before the question (OPTIONS) does not get the application's answer.",
        "no limit_except and no return for OPTIONS in the location",
        "no RewriteRule, Limit or Require for OPTIONS",
        "Let it pass on OPTIONS requests.",
        both(r"OPTIONS|limit_except", r"OPTIONS|LimitExcept|AllowMethods"),
    ),
    "cors-missing": Word(
        "The header that lets the page read answers is taken away on its way.",
        "no proxy_hide_header Access-Control-Allow-Origin",
        "no Header unset Access-Control-Allow-Origin",
        "Let it pass on Access-Control-Allow-Origin.",
        both(r"proxy_hide_header\s+Access-Control", r"Header.*\bunset\s+Access-Control"),
    ),
    "cors-doubled": Word(
        "The front adds an Access-Control-Allow-Origin of its own: browsers refuse an answer that has two.",
        "no add_header Access-Control-Allow-Origin; the application sends it",
        "no Header add Access-Control-Allow-Origin; the application sends it",
        "Let it add no Access-Control-Allow-Origin; the application sends it.",
        both(r"add_header\s+Access-Control", r"Header.*\b(add|set|append|merge)\s+Access-Control"),
    ),
    "no-tls": Word(
        "The address is http: keys and questions can be read on their way, and microphones and clipboards are closed.",
        "listen 443 ssl;  with a certificate, such as certbot --nginx gets",
        "SSLEngine on  with a certificate, such as certbot --apache gets",
        "Put a certificate before it.",
        both(r"listen\s", r"<VirtualHost|Listen\s"),
    ),
    "tls-untrusted": Word(
        "The certificate is not one that browsers trust, or its chain is not complete.",
        "ssl_certificate …/fullchain.pem;",
        "SSLCertificateFile …/fullchain.pem",
        "Give the certificate with all that stand between it and its root.",
        both(r"ssl_certificate\s", r"SSLCertificateFile"),
    ),
    "tls-name": Word(
        "The certificate is for another name.",
        "ssl_certificate with this server_name in it",
        "SSLCertificateFile with this ServerName in it",
        "Give a certificate for this name.",
        both(r"ssl_certificate\s", r"SSLCertificateFile"),
    ),
    "tls-expiry": Word(
        "The certificate has expired, or will within two weeks: what should renew it does not.",
        "systemctl status certbot.timer;  then  systemctl reload nginx",
        "systemctl status certbot.timer;  then  systemctl reload apache2",
        "Renew the certificate, and see why that did not happen by itself.",
        both(r"ssl_certificate\s", r"SSLCertificateFile"),
    ),
    "tls-old": Word(
        "TLS 1.1 or older is still accepted.",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "SSLProtocol -all +TLSv1.2 +TLSv1.3",
        "Accept TLS 1.2 and 1.3 only.",
        both(r"ssl_protocols", r"SSLProtocol"),
    ),
    "no-http2": Word(
        "HTTP/2 is not offered: a browser then has six connections, so six answers, for all of its windows.",
        "listen 443 ssl http2;",
        "Protocols h2 http/1.1  with mod_http2 and mpm_event",
        "Let it offer HTTP/2.",
        both(r"listen\s.*ssl", r"Protocols|SSLEngine"),
    ),
    "clock": setting(
        "The clocks of the server and of this machine differ: visitors' tokens count as expired, or not yet valid.",
        "timedatectl set-ntp true  on the machine that is wrong",
    ),
    "not-asked": Word(
        "A part of the examination broke off, so nothing is known of it.",
        *("Ask again; if it is the same, see the front's log of errors.",) * 3,
    ),
    **SERVER_WORDS,
}  # fmt: skip
