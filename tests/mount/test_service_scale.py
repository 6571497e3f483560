"""A hundred thousand runs, and a step of ten thousand tasks, over a metadata service."""

import os
import time

import pytest


@pytest.fixture(scope="module")
def scale(double):
    double.make("runs", name="ScaleFlow", count=100_000)
    run = double.make("tasks", name="BigFlow", tasks=10_000, artifacts=12)["run"]
    return "BigFlow/%d" % run


def test_names_come_before_the_last_page(double, scale, service_mounter):
    """S160: a long listing gives its first names while later pages are still to come."""
    service = double.open()
    mount = service_mounter(service)
    service.faults({"match": "_cursor", "delay": 0.02})
    began = time.monotonic()
    first, count = None, 0
    with os.scandir(mount / "ScaleFlow") as entries:
        for _ in entries:
            first = first or time.monotonic() - began
            count += 1
    everything = time.monotonic() - began
    assert count == 100_000
    assert everything > 3 and first < everything / 2, (first, everything)


def test_a_second_listing_asks_for_what_is_new(double, scale, service_mounter):
    """S161: 100,000 runs are 200 pages once; from then on one request tells which are new, also after a remount."""
    service = double.open()
    mount = service_mounter(service)
    log = service.requests_of(lambda: mount.names("ScaleFlow"))
    assert 200 <= len(log) <= 203
    time.sleep(1.2)
    new = double.touch("ScaleFlow", new=True)["run"]
    log = service.requests_of(lambda: os.listdir(mount / "ScaleFlow"))
    assert len(log) == 1, log
    assert str(new) in mount.names("ScaleFlow")


@pytest.mark.bounds
def test_memory_of_a_long_listing(double, scale, service_mounter):
    """S163: reading 100,000 runs page by page takes less than 8 MiB of memory."""
    mount = service_mounter(double.open())
    mount.names("BigFlow")
    idle = mount.rss_anon()
    assert len(mount.names("ScaleFlow")) >= 100_000
    assert mount.rss_anon() - idle < 8 << 20


def test_a_step_of_ten_thousand_tasks(double, scale, service_mounter):
    """S162: a step of 10,000 tasks lists by pages; one task of it is asked for alone, all of them as a whole."""
    service = double.open()
    mount = service_mounter(service)
    log = service.requests_of(lambda: mount.names(scale + "/work"))
    assert len(log) <= 50
    names = mount.names(scale + "/work")
    assert len(names) == 10_000
    log = service.requests_of(lambda: mount.names(scale + "/work/" + names[7]))
    assert len(log) <= 2, log
    log = service.requests_of(lambda: [os.stat(mount / scale / "work" / n) for n in names[:500]])
    assert len(log) <= 40, len(log)
    mount.read(scale + "/.meta")
    time.sleep(1.2)
    log = service.requests_of(lambda: [os.stat(mount / scale / "work" / n) for n in names[:500]])
    assert log == []
