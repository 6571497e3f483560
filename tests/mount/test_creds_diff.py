"""Which credentials count, compared with botocore's own chain on generated files and environments
(tests/tools/creds_dump.c). Roles are given by an STS of our own, whose keys tell the role and who asked for it."""

import datetime
import hashlib
import http.server
import json
import os
import random
import re
import subprocess
import threading
import urllib.parse

import botocore.credentials
import botocore.exceptions
import botocore.session
import botocore.tokens
import pytest

from mounting import build_dir

PROFILES = ["default", "dev", "two words"]
STS = """<{a}Response><{a}Result><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>{token}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></{a}Result>
</{a}Response>"""


class Sts(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        signer = re.search("Credential=([^/]*)/", self.headers.get("Authorization", ""))
        by = signer.group(1) if signer else form.get("WebIdentityToken", "nobody")
        token = "-".join(form.get(name, "") for name in ("ExternalId", "DurationSeconds")) or "-"
        key = re.sub("[^A-Za-z0-9]", "", "%s(by)%s" % (form["RoleArn"][-8:], by))
        body = STS.format(a=form["Action"], key=key, token=token).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def sts():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "http://127.0.0.1:%d" % server.server_port
    server.shutdown()


def keys(rnd, name, lines):
    lines.append("aws_access_key_id = AK%s" % name)
    if rnd.random() < 0.9:
        lines.append("%s = secret" % rnd.choice(["aws_secret_access_key", "AWS_Secret_Access_Key"]))
    if rnd.random() < 0.3:
        lines.append("%s = tok%s" % (rnd.choice(["aws_session_token", "aws_security_token"]), name))


def section(rnd, name, tmp, is_config):
    lines = []
    if rnd.random() < 0.5:
        keys(rnd, name, lines)
    if rnd.random() < (0.3 if is_config else 0.1):
        text = json.dumps({"Version": 1, "AccessKeyId": "PROCESS" + name, "SecretAccessKey": "x"})
        (tmp / ("process" + name)).write_text("echo '%s'" % text)
        lines.append("credential_process = sh \"%s\"" % (tmp / ("process" + name)))
    if rnd.random() < (0.6 if is_config else 0.1):
        lines.append("role_arn = arn:aws:iam::123456789012:role/role%s" % name)
        if rnd.random() < 0.9:
            lines.append(rnd.choice(["source_profile = " + rnd.choice(PROFILES + ["nobody"]),
                                     "source_profile = " + rnd.choice(PROFILES),
                                     "credential_source = " + rnd.choice(["Environment", "Moon"])]))
        more = ["external_id = abc", "duration_seconds = 1200", "role_session_name = me"]
        lines += rnd.sample(more, rnd.randrange(4))
    if rnd.random() < 0.15:
        lines.append("web_identity_token_file = %s" % (tmp / "token"))
    if rnd.random() < 0.3:
        lines.insert(rnd.randrange(len(lines) + 1), "s3 =\n  addressing_style = path\n  # comment")
    rnd.shuffle(lines)
    return "\n".join(lines) + "\n"


def make_case(rnd, tmp):
    """Environment and profile option; the files are written."""
    config, credentials = "", ""
    for name in PROFILES:
        plain = name.replace(" ", "")
        if rnd.random() < 0.7:
            head = name if name == "default" else rnd.choice(['profile "%s"', "profile '%s'"]) % name
            config += "[%s]\nregion = eu-west-1\n%s" % (head, section(rnd, plain, tmp, True))
        if rnd.random() < 0.5:
            credentials += "[%s]\n%s" % (name, section(rnd, plain, tmp, False))
    (tmp / "config").write_text(config)
    (tmp / "credentials").write_text(credentials)
    (tmp / "token").write_text("webtoken")
    env = {}
    if rnd.random() < 0.3:
        env |= {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "x"}
        if rnd.random() < 0.5:
            env[rnd.choice(["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"])] = "envtoken"
    if rnd.random() < 0.15:
        env |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp / "token")}
        if rnd.random() < 0.8:
            env |= {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/roleenv"}
    exist = [name for name in PROFILES if "%s]" % name in config + credentials or '%s"]' % name in config
             or "%s']" % name in config]
    named = rnd.choice(exist) if exist and rnd.random() < 0.5 else None
    if named and rnd.random() < 0.5:
        env[rnd.choice(["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])] = named
        named = None
    return env, named, config + "----\n" + credentials


def botocore_finds(profile):
    try:
        found = botocore.session.Session(profile=profile).get_credentials()
        if found is None:
            return "none"
        frozen = found.get_frozen_credentials()
        return "%s %s" % (frozen.access_key, frozen.token or "-")
    except botocore.exceptions.BotoCoreError:
        return "none"


@pytest.mark.parametrize("seed", range(3))
def test_credentials_are_botocores(seed, sts, tmp_path, monkeypatch):
    rnd = random.Random(seed)
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_ENDPOINT_URL_STS": sts,
                        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "HOME": str(tmp_path),
                        "AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    found = 0
    for _ in range(60):
        env, profile, text = make_case(rnd, tmp_path)
        with monkeypatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            theirs = botocore_finds(profile)
            ours = subprocess.run([build_dir() / "tests/creds_dump"] + ([profile] if profile else []),
                                  capture_output=True, check=True, text=True)
        assert ours.stdout.strip() == theirs, (env, profile, text, ours.stderr)
        found += theirs != "none"
    assert found > 20


class Sso(http.server.BaseHTTPRequestHandler):
    """IAM Identity Center: renews tokens, and gives keys that tell by which token they were had."""

    renewed, refuses = 0, False

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        want = {"grantType": "refresh_token", "clientId": "client", "clientSecret": "secret", "refreshToken": "renew"}
        good = json.loads(self.rfile.read(int(self.headers["Content-Length"]))) == want and self.path == "/token"
        type(self).renewed += 1
        if good and not self.refuses:
            self.answer(200, {"accessToken": "new", "expiresIn": 3600, "refreshToken": "renew", "tokenType": "Bearer"})
        else:
            self.answer(400, {"error": "invalid_grant", "error_description": "no"})

    def do_GET(self):
        key = "AK" + self.headers["x-amz-sso_bearer_token"]
        self.answer(200, {"roleCredentials": {"accessKeyId": key, "secretAccessKey": "x", "sessionToken": "t",
                                              "expiration": 4000000000000}})

    def log_message(self, *args):
        pass


@pytest.fixture
def sso():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("OneSso", (Sso,), {}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = "http://127.0.0.1:%d" % server.server_port
    yield server
    server.shutdown()


def iso(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def in_minutes(minutes):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("refuses", [False, True])
@pytest.mark.parametrize("session", [True, False])
@pytest.mark.parametrize("expires,registered,lacks", [(-5, 60, None), (5, 60, None), (60, 60, None), (-5, -5, None),
                                                      (5, -5, None), (-5, 60, "refreshToken"), (5, 60, "clientId")])
def test_renewed_logins_are_botocores(expires, registered, lacks, session, refuses, sso, tmp_path, monkeypatch):
    """S536: a token of an SSO session is renewed, and written back, when and as botocore does it."""
    sso.RequestHandlerClass.refuses = refuses
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    settings = "sso_start_url = https://x/start\nsso_region = eu-west-1\n"
    (tmp_path / "config").write_text(
        "[default]\nsso_account_id = 123456789012\nsso_role_name = r\n%s"
        % ("sso_session = corp\n[sso-session corp]\n" + settings if session else settings))
    for name, value in {"AWS_CONFIG_FILE": str(tmp_path / "config"), "HOME": str(tmp_path), "AWS_ENDPOINT_URL": sso.url,
                        "AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    cache = tmp_path / ".aws/sso/cache"
    monkeypatch.setattr(botocore.tokens.SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", str(cache))
    monkeypatch.setattr(botocore.credentials.SSOProvider, "_SSO_TOKEN_CACHE_DIR", str(cache))
    cache.mkdir(parents=True)
    login = {"accessToken": "old", "expiresAt": in_minutes(expires), "refreshToken": "renew", "clientId": "client",
             "clientSecret": "secret", "registrationExpiresAt": in_minutes(registered), "scopes": ["x"]}
    login.pop(lacks, None)
    path = cache / (hashlib.sha1(b"corp" if session else b"https://x/start").hexdigest() + ".json")
    found = []
    for look in (lambda: botocore_finds(None), lambda: subprocess.run(
            [build_dir() / "tests/creds_dump"], capture_output=True, check=True, text=True).stdout.strip()):
        path.write_text(json.dumps(login))
        sso.RequestHandlerClass.renewed = 0
        keys = look()
        after = json.loads(path.read_text())
        renewed = sso.RequestHandlerClass.renewed
        if after["accessToken"] == "new":
            assert path.stat().st_mode & 0o777 == 0o600
            assert abs(iso(after.pop("expiresAt")) - iso(in_minutes(60))) <= datetime.timedelta(seconds=60)
        found.append((keys, renewed > 0, after))
        assert [p.name for p in cache.iterdir()] == [path.name]
    assert found[0] == found[1]
    if (expires, registered, lacks, session, refuses) == (-5, 60, None, True, False):
        assert found[0][0] == "AKnew t" and found[0][1]
