#include "app/world/logged_in.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

TEST_CASE("where a utmp entry says that somebody comes from") {
  const auto from = [](const std::string &host, std::array<std::uint32_t, 4> words) {
    const std::uint32_t copy[4] = {words[0], words[1], words[2], words[3]};
    const auto prefix = address_of_login(host, copy);
    return prefix ? prefix->text() : "none";
  };
  const std::uint32_t v4 = 0x077100cb; // 203.0.113.7 in network order, on a little-endian host
  CHECK(from("203.0.113.7", {}) == "203.0.113.7/32");
  CHECK(from("desk.example.net", {v4, 0, 0, 0}) == "203.0.113.7/32");
  CHECK(from("", {0, 0, 0xffff0000, v4}) == "203.0.113.7/32"); // IPv4 within IPv6
  CHECK(from("::ffff:203.0.113.7", {}) == "203.0.113.7/32");
  CHECK(from("2001:db8::7", {0xb80d0120, 0, 0, 0x07000000}) == "2001:db8::7/128");
  CHECK(from("2001:db8::", {0xb80d0120, 0, 0, 0}) == "2001:db8::/128"); // whose words alone look like IPv4
  CHECK(from("fe80::1%eth0", {}) == "fe80::1/128");
  CHECK(from("tmux(1234).%0", {}) == "none");
  CHECK(from("mosh [1234]", {}) == "none");
  CHECK(from(":0", {}) == "none");
  CHECK(from("203.0.113.0/24", {}) == "none");
}

TEST_CASE("connections as proc(5) shows them") {
  const auto all = connections_in(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:0016 077100CB:C350 01 00000000:00000000 02:000A3B 00000000     0        0 4711 2 0000000000000000 20 4 30 10 -1\n"
      "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0\n"
      "   2: 0100007F:0016 077100CB:C351 06 00000000:00000000 03:000000 00000000     0        0 0 3 0000000000000000\n"
      "   3: B80D0120000000000000000001000000:0016 B80D0120000000000000000007000000:C352 01 0:0 0:0 0 0 0 4713 1\n"
      "   4: 0000000000000000FFFF00000100007F:0016 0000000000000000FFFF0000077100CB:C353 01 0:0 0:0 0 0 0 4714 1\n"
      "nonsense\n   5: xyz:0016 077100CB:C350 01 0:0 0:0 0 0 0 1\n");
  REQUIRE(all.size() == 3);
  CHECK(all[0].remote.text() == "203.0.113.7/32");
  CHECK((all[0].remote_port == 50000 && all[0].local_port == 22 && all[0].inode == 4711));
  CHECK(all[1].remote.text() == "2001:db8::7/128");
  CHECK(all[2].remote.text() == "203.0.113.7/32");
}
