"""Which hosts of AWS are asked, compared with those that botocore sends its requests to (tests/tools/endpoint_dump.c)."""

import itertools
import os
import subprocess

import botocore.awsrequest
import botocore.exceptions
import botocore.session
import pytest

from mounting import build_dir

REGIONS = ["us-east-1", "us-east-2", "eu-west-1", "ap-southeast-7", "mx-central-1", "cn-north-1", "us-gov-west-1",
           "us-gov-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1"]
# Ours, botocore's, and a request that needs nothing.
SERVICES = [("s3", "s3", "get_object", {"Bucket": "a.b", "Key": "k"}), ("sts", "sts", "get_caller_identity", {}),
            ("portal.sso", "sso", "get_role_credentials", {"roleName": "r", "accountId": "1", "accessToken": "t"}),
            ("oidc", "sso-oidc", "create_token", {"clientId": "c", "clientSecret": "s", "grantType": "refresh_token"}),
            ("batch", "batch", "describe_job_queues", {}), ("logs", "logs", "describe_log_groups", {})]


def host_of(session, service, region, call, arguments):
    """Where botocore would send it; None where it refuses to."""
    asked = []

    def keep(request, **_):
        asked.append(request.url.split("/")[2])
        return botocore.awsrequest.AWSResponse(request.url, 200, {}, None)

    try:
        client = session.create_client(service, region_name=region)
    except botocore.exceptions.BotoCoreError:
        return None
    client.meta.events.register("before-send", keep)
    try:
        getattr(client, call)(**arguments)
    except Exception:  # the answer is none
        pass
    return asked[0] if asked else None


@pytest.mark.parametrize("by", ["environment", "profile", "both"])
@pytest.mark.parametrize("fips,dualstack", itertools.product(["true", "false"], repeat=2))
def test_hosts_are_botocores(by, fips, dualstack, tmp_path, monkeypatch):
    """S537: FIPS and dual-stack endpoints and those of other partitions are those that botocore asks."""
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text("[default]\nregion = x\n")
    wanted = {"use_fips_endpoint": fips, "use_dualstack_endpoint": dualstack}
    if by != "environment":
        other = {"true": "false", "false": "true"} if by == "both" else {"true": "true", "false": "false"}
        (tmp_path / "config").write_text("[default]\n" + "".join("%s = %s\n" % (k, other[v]) for k, v in wanted.items()))
    if by != "profile":
        for name, value in wanted.items():
            monkeypatch.setenv("AWS_" + name.upper(), value.upper() if by == "both" else value)
    for name, value in {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_ACCESS_KEY_ID": "a", "HOME": str(tmp_path),
                        "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "regional", "AWS_SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.Session()
    cases = list(itertools.product(SERVICES, REGIONS))
    done = subprocess.run([build_dir() / "tests/endpoint_dump", "default"], capture_output=True, check=True, text=True,
                          input="".join("%s %s\n" % (service[0], region) for service, region in cases))
    compared = 0
    for (service, region), ours in zip(cases, done.stdout.splitlines(), strict=True):
        theirs = host_of(session, service[1], region, service[2], service[3])
        assert theirs in (ours, None), (service[0], region)
        compared += theirs is not None
    assert compared > len(cases) * 0.8
