#!/usr/bin/python3
"""OpenWrt's form against the real nft, in the router's namespace: packets dropped and passed again, and the skeleton
that the firewall loads at each start. uci is a stand-in that keeps its words in a file."""

from scenario import ATTACKER4, ATTACKER6, SERVER4, SERVER6, NetworkCase
import ending

UCI = """#!/bin/sh
# One section of /etc/config/firewall, kept as `uci show` prints it.
file="{folder}/firewall"
if [ "$1" = batch ]; then
  while read -r verb rest; do
    case "$verb" in
      set) printf '%s\\n' "$rest" >>"$file" ;;
      delete) rm -f "$file" ;;
      commit) ;;
      *) echo "uci: Parse error" >&2; exit 1 ;;
    esac
  done
  exit 0
fi
[ -s "$file" ] || exit 1
cat "$file"
"""


class OpenWrt(NetworkCase):
    def setUp(self):
        self.folder = self.net.folder / self.id().rpartition(".")[2]
        self.folder.mkdir()
        uci = self.folder / "uci"
        uci.write_text(UCI.format(folder=self.folder))
        uci.chmod(0o755)
        self.boot_file = self.folder / "banpush.nft"
        run_with = ["env", f"PATH={self.folder}:/usr/sbin:/usr/bin:/sbin:/bin"]
        self.ours = self.site(self.local("openwrt", run_with=run_with, accept_unproven=True, params={"boot_file": str(self.boot_file)}), name=f"site-{self.folder.name}")
        self.addCleanup(self.net.inside, self.net.router, "nft", "flush", "ruleset")

    def test_blocks_and_lifts(self):
        self.ours.run("setup", "r1", "--apply")
        for address in (ATTACKER4, ATTACKER6, "198.51.100.128/25"):
            self.ours.run("ban", address, "--jail", "sshd", "--no-push")
        self.assertEqual(self.ours.device("push")["outcome"], "changed")
        self.assert_reaches(self.net.attacker, False, SERVER4, SERVER6)
        self.assert_reaches(self.net.client, True, SERVER4, SERVER6)
        self.assertEqual(self.ours.device("push")["outcome"], "in_sync")
        for address in (ATTACKER4, ATTACKER6):
            self.ours.run("unban", address, "--no-push")
        self.assertEqual(self.ours.device("push")["outcome"], "changed")
        self.assert_reaches(self.net.attacker, True, SERVER4, SERVER6)

    def test_the_skeleton_outlives_a_restart_of_the_firewall(self):
        self.ours.run("setup", "r1", "--apply")
        self.ours.run("ban", ATTACKER4, "--jail", "sshd", "--no-push")
        self.ours.run("push")
        for _ in range(2):  # a reload: what is loaded again keeps what the sets hold, and no rule stands twice
            self.net.inside(self.net.router, "nft", "-f", str(self.boot_file))
        self.assertEqual(self.ours.device("push")["outcome"], "in_sync")
        self.assertFalse(self.net.reaches(self.net.attacker, SERVER4))
        listed = self.net.inside(self.net.router, "nft", "list", "table", "inet", "banpush").stdout
        self.assertEqual(listed.count("@hosts4"), 1)
        self.net.inside(self.net.router, "nft", "flush", "ruleset")  # a reboot
        self.net.inside(self.net.router, "nft", "-f", str(self.boot_file))
        self.assertEqual(self.ours.device("push")["outcome"], "changed")
        self.assertFalse(self.net.reaches(self.net.attacker, SERVER4))

    def test_setup_and_its_removal_leave_others_alone(self):
        self.net.inside(self.net.router, "nft", "-f", "-", input="table inet fw4 {\n\tchain input {\n\t\ttype filter hook input priority 0; policy accept;\n\t}\n}\n")
        before = self.net.inside(self.net.router, "nft", "list", "ruleset").stdout
        self.ours.run("setup", "r1", "--apply")
        self.assertIn("nothing to do", self.ours.run("setup", "r1").stdout)
        self.assertIn("position=ruleset-post", (self.folder / "firewall").read_text())
        self.ours.run("setup", "r1", "--remove", "--apply")
        self.assertEqual(self.net.inside(self.net.router, "nft", "list", "ruleset").stdout, before)
        self.assertFalse(self.boot_file.exists())
        self.assertFalse((self.folder / "firewall").exists())

    def test_a_file_of_somebody_else_is_not_overwritten(self):
        self.boot_file.write_text("table inet mine {\n}\n")
        refused = self.ours.run("setup", "r1", "--apply", code=None)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("somebody else's", refused.stdout + refused.stderr)
        self.assertEqual(self.boot_file.read_text(), "table inet mine {\n}\n")


if __name__ == "__main__":
    ending.main()
