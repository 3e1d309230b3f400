#!/usr/bin/python3
"""What NETCONF costs: 10,000 entries in one edit-config beside ncclient with the same payload to the same
server, and a session with a device that advertises 300 modules beside one with 5."""
import pathlib
import shutil
import statistics
import tempfile
import time

import netconf_case
from device import CAPABILITIES, Device
from netconf_case import scenario

ENTRIES = 10_000
RUNS = 9
MODEL = netconf_case.MODELS["yang_set"]


def start(folder, capabilities=None):
    device = Device(folder / "device", MODEL["keys"], capabilities).__enter__()
    site = scenario.Site(folder / "site", {"dut": device.device("yang_set")}, limits={"floor": 10 * ENTRIES}, policy={"aggregate": "none"})
    site.run("init")
    site.run("setup", "dut", "--apply")
    return device, site


def by_ncclient(device, config):
    """The same steps as banpush takes, one edit-config with the same bytes. Seconds."""
    from ncclient import manager
    began = time.monotonic()
    with manager.connect(host=device.sshd.address, port=device.sshd.port, username=device.sshd.user, key_filename=str(device.sshd.client_key), hostkey_verify=False,
                         allow_agent=False, look_for_keys=False, timeout=300) as session:
        session.get_config("running", filter=("subtree", '<address-sets xmlns="urn:banpush:address-set"/>'))
        with session.locked("candidate"):
            session.discard_changes()
            session.edit_config(target="candidate", config=f'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">{config}</config>', default_operation="merge",
                                test_option="test-then-set", error_option="rollback-on-error")
            session.validate("candidate")
            session.commit()
            session.get_config("running", filter=("subtree", '<address-sets xmlns="urn:banpush:address-set"/>'))
    return time.monotonic() - began


def ten_thousand(folder):
    device, site = start(folder / "many")
    with_them = [f"203.{i // 62500}.{i // 250 % 250}.{i % 250 + 1}" for i in range(ENTRIES)]
    site.insert(with_them)
    script = site.device("plan", timeout=300)["script"]
    config = script[script.index("<config>") + len("<config>"):script.index("</config>")].strip()
    device.requests.clear()
    began = time.monotonic()
    outcome = site.device("push", timeout=600)["outcome"]
    ours = time.monotonic() - began
    edits = sum("<edit-config" in request for request in device.requests)
    assert outcome == "changed" and edits == 1, (outcome, edits)
    device.__exit__()
    other, _ = start(folder / "peer")
    try:
        theirs = by_ncclient(other, config)
        print(f"{ENTRIES:,} entries in one edit-config ({len(config) / 1e6:.1f} MB): banpush push, with policy, guard, read-back and second connection, {ours:.2f} s; "
              f"ncclient, the RPCs alone, {theirs:.2f} s; ratio {ours / theirs:.2f}")
    except ImportError:
        print(f"{ENTRIES:,} entries in one edit-config: banpush push {ours:.2f} s; python3-ncclient is not installed, so nothing to compare with")
    other.__exit__()


def modules(folder):
    library = ["urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring?module=ietf-netconf-monitoring&revision=2010-10-04"]
    medians = {}
    for count in (5, 300):
        device, site = start(folder / f"modules{count}", CAPABILITIES + library + [f"urn:example:m{i}?module=example-{i}&revision=2026-01-01" for i in range(count)])
        times = []
        for _ in range(RUNS):
            began = time.monotonic()
            site.run("show", "dut")
            times.append(time.monotonic() - began)
        medians[count] = statistics.median(times)
        device.__exit__()
    print(f"a session with one read: {medians[5] * 1000:.0f} ms with 5 advertised modules, {medians[300] * 1000:.0f} ms with 300 (median of {RUNS}); ratio {medians[300] / medians[5]:.2f}")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="netconf-bench-"))
    try:
        modules(folder)
        ten_thousand(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
