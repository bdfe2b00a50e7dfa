"""What the server under test is told: a file in TOML, and a certificate."""

import pathlib
import subprocess

from servers import FREE_PORT, Failed


def command(corecast, folder, *, shards=1, even=False, compression=False, level=None, tls=False,
            tcp=False, admin=False, auth=(), topics=(), limits=(), timeouts=()):
    """Writes a configuration into `folder`; the server's command, and what it says it listens for.

    All that these benches know of the server's settings stands here.
    """
    lines = [f"shards = {shards}"]
    if admin:
        lines += ["[admin]", f'address = "{FREE_PORT}"']
    if auth:
        lines += ["[auth]", *auth]
    if topics:
        lines += ["[topics]", *topics]
    if limits:
        lines += ["[limits]", *limits]
    if timeouts:
        lines += ["[timeouts]", *timeouts]
    if compression:
        lines += ["[compression]", *([f"level = {level}"] if level else [])]
    lines += ["[[listener]]", 'protocol = "http"', f'address = "{FREE_PORT}"']
    if even:
        lines += ['balance = "even"']
    if tls:
        certificate, key = make_certificate(folder)
        lines += [f'tls_chain = ["{certificate}"]', f'tls_key = ["{key}"]']
    if tcp:
        lines += ["[[listener]]", 'protocol = "length-prefix"', f'address = "{FREE_PORT}"']
    file = pathlib.Path(folder) / "corecast.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    needs = ("https" if tls else "http", *(["tcp"] if tcp else []), *(["admin"] if admin else []))
    return [corecast, "serve", "--config", file], needs


def make_certificate(folder):
    """A certificate for localhost, good for a day, and its key."""
    certificate, key = (pathlib.Path(folder) / name for name in ("certificate.pem", "key.pem"))
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "1", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", key, "-out", certificate]
    try:
        subprocess.run(words, check=True, capture_output=True, text=True)
    except OSError as error:
        raise Failed(f"openssl: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        raise Failed(f"openssl: {error.stderr.strip()}") from error
    return certificate, key
