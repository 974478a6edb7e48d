# SPDX-License-Identifier: Apache-2.0
"""A network of this test alone: hosts that reach us and each other, until they are cut off.

Each host is a network namespace, and so is the switch between them, a bridge: our rules for
forwarded packets do not hold there, and nothing of it is seen here but our own end of a cable. A
namespace has no name: it lives as long as its keeper, a process that ends with us whatever happens,
and the cables end with it.

A cut is made in the switch, whose ports to hosts are isolated from each other: what a host sends to
another vanishes. (A blackhole route would tell the sender at once.) Who has which hardware address
is told beforehand, so that nobody asks, hears nothing and calls the other unreachable.
"""
import itertools
import os
import shutil
import subprocess

# 198.18.0.0/15 is set aside for networks under test (RFC 2544).
NETS = [f"198.{18 + i // 256}.{i % 256}" for i in range(512)]


class Forbidden(Exception):
    """This machine does not let us have such a network."""


class Namespace:
    def __init__(self):
        self._keeper = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo made; exec cat"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not self._keeper.stdout.readline():
            raise Forbidden(self._keeper.communicate()[1].strip())

    @property
    def pid(self):
        return self._keeper.pid

    @property
    def enter(self):
        """Words in front of a command that is to run in it."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net"]

    def close(self):
        self._keeper.communicate()


def run(line, within=(), refusal=AssertionError):
    said = subprocess.run([*within, *line.split()], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if said.returncode != 0:
        raise refusal(f"{line}: {said.stderr.strip()}")
    return said.stdout


def ip(words, within=(), refusal=AssertionError):
    return run(f"ip {words}", within, refusal)


def free_net():
    """The first three numbers of addresses that nobody has here; others may look just now too."""
    taken, start = ip("-o address"), os.getpid() % len(NETS)
    return next(net for net in NETS[start:] + NETS[:start] if f" {net}." not in taken)


class PrivateNet:
    """`network`: all of it; `address`: ours. Made whole or not at all."""

    def __init__(self, n_hosts):
        if not shutil.which("ip"):
            raise Forbidden("there is no ip (iproute2)")
        net = free_net()
        self.network, self.address = f"{net}.0/24", f"{net}.1"
        self.addresses = [f"{net}.{10 + i}" for i in range(n_hosts)]
        self._cable, self._spaces = f"crr{os.getpid()}", []
        try:
            self._build(n_hosts)
        except BaseException:
            self.close()
            raise

    def _space(self):
        self._spaces.append(Namespace())
        return self._spaces[-1]

    def _build(self, n_hosts):
        self._switch = self._space()
        ip("link add switch type bridge", self._switch.enter, refusal=Forbidden)
        ip("link set switch up", self._switch.enter)
        ip(f"link add {self._cable} type veth peer name us netns {self._switch.pid}",
           refusal=Forbidden)
        ip(f"address add {self.address}/24 dev {self._cable}")
        ip(f"link set {self._cable} up")
        ip("link set us master switch up", self._switch.enter)
        self._hosts = [self._host(i) for i in range(n_hosts)]
        for one, other in itertools.permutations(range(n_hosts), 2):
            ip(f"neighbour add {self.addresses[other]} lladdr {hardware_address(other)} dev eth0 "
               "nud permanent", self._hosts[one].enter)
        self.heal()

    def _host(self, i):
        host = self._space()
        ip(f"link add port{i} type veth peer name eth0 address {hardware_address(i)} "
           f"netns {host.pid}", self._switch.enter)
        ip(f"link set port{i} master switch up", self._switch.enter)
        ip("link set lo up", host.enter)
        ip(f"address add {self.addresses[i]}/24 dev eth0", host.enter)
        ip("link set eth0 up", host.enter)
        return host

    def enter(self, i):
        """Words in front of a command that is to run on host i."""
        return self._hosts[i].enter

    def _isolate(self, is_on):
        for i in range(len(self._hosts)):
            ip(f"link set port{i} type bridge_slave isolated {is_on}", self._switch.enter)

    def cut(self):
        """From now on the hosts reach us, and not each other."""
        self._isolate("on")

    def heal(self):
        self._isolate("off")

    def are_idle(self):
        """Nothing of what a host sent and hears no more about is still on its way."""
        return not any(run("ss -Htn state fin-wait-1", host.enter) for host in self._hosts)

    def close(self):
        """After what ran on the hosts has ended: it would keep them."""
        while self._spaces:
            self._spaces.pop().close()


def hardware_address(i):
    """02: given by us, not by a maker."""
    return f"02:00:00:00:00:{i:02x}"
