#include "app/record/ban_words.hpp"
#include "app/record/new_ban.hpp"

#include <catch2/catch.hpp>
#include <ctime>

using namespace banpush;
using Catch::Contains;

namespace {

NewBan ban_of(const std::string &jail, const std::string &protocol, const std::string &port) {
  return new_ban("203.0.113.7", jail, protocol, port, "600", "web1", "");
}

// As a reader of the table takes what was written; nothing where that is no ban.
std::optional<Ban> as_read(const NewBan &ban) {
  Bans bans;
  RawBan row;
  row.hostname = ban.hostname;
  row.name = ban.jail;
  row.protocol = ban.protocol;
  row.port = ban.port;
  row.ip = "203.0.113.7";
  bans.add(row);
  return bans.rows().empty() ? std::nullopt : std::optional(bans.rows().front());
}

} // namespace

TEST_CASE("ports and protocols as jails have them") {
  struct Case {
    const char *protocol, *port;   // of the jail
    const char *protocols, *ports; // of the row
    bool noted;                    // the row says more than the jail
  };
  const Case cases[] = {
      {"tcp,udp", "0:65535", "tcp,udp", "", false},
      {"tcp,udp", "5060,5061,5080,5081", "tcp,udp", "5060,5061,5080,5081", false},
      {"tcp", "anyport", "tcp", "", false},
      {"tcp", "80,443,2082,2083,2086,2087,2095,2096", "tcp", "80,443,2082:2083,2086:2087,2095:2096", true},
      {"tcp", "ssh,2222,80,2053,8443", "tcp", "22,2222,80,2053,8443", false},
      {"all", "0:65535", "all", "", false},
      {"tcp", "http, https", "tcp", "80,443", false},
      {"tcp", "smtp,465,submission,imap,imap2,imaps,pop3,pop3s,http,https,socks", "tcp", "", true},
      {"ip", "22", "all", "22", false},
      {"TCP", "SSH", "tcp", "22", false},
      {"17", "53", "udp", "53", false},
      {"udp,tcp", "53", "tcp,udp", "53", false},
      {"tcp/udp", "53", "tcp,udp", "53", false},
      {"icmp6", "0:65535", "icmpv6", "", false},
      {"", "", "all", "", false},
      {"tcp,udp,sctp,dccp,udplite", "80", "all", "80", true},
      {"nonsense", "80", "all", "80", true},
      {"tcp; id", "80", "all", "80", true},
      {"<protocol>", "<port>", "all", "", false},
      {"tcp", "http,https,", "tcp", "80,443", false},
      {"tcp", ",,http,,https", "tcp", "80,443", false},
      {"tcp", "http\t,\nhttps", "tcp", "80,443", false},
      {"tcp", "http https", "tcp", "80,443", false},
      {"tcp", "80,80,http", "tcp", "80", false},
      {"tcp", "tftp", "tcp", "69", false}, // of UDP alone
      {"tcp", "ssh:2222", "tcp", "22:2222", false},
      {"tcp", "ftp-data:ssh", "tcp", "20:22", false},
      {"tcp", "ftp-data-ssh", "tcp", "20:22", false},
      {"tcp", "8000 : 8100", "tcp", "8000:8100", false},
      {"tcp", "1024:", "tcp", "1024:65535", false},
      {"tcp", ":1023", "tcp", "1:1023", false},
      {"tcp", "0:1023", "tcp", "1:1023", false},
      {"tcp", "1-65535", "tcp", "", false},
      {"tcp", "all,22", "tcp", "", false},
      {"tcp", "0", "tcp", "", true},
      {"tcp", "-1", "tcp", "", true},
      {"tcp", "70000", "tcp", "", true},
      {"tcp", "22,70000", "tcp", "", true},
      {"tcp", "99999999999999999999", "tcp", "", true},
      {"tcp", "90:80", "tcp", "", true},
      {"tcp", ":", "tcp", "", true},
      {"tcp", "1:2:3", "tcp", "", true},
      {"tcp", "no-such-service,22", "tcp", "", true},
      {"tcp", "ｓｓｈ", "tcp", "", true},
      {"tcp", "22; reload", "tcp", "", true},
      {"tcp", "$(id)", "tcp", "", true},
      {"tcp", "'", "tcp", "", true},
      {"tcp", "1000:1020,1010:1030,1031,1032,1033,1034,1035,1036", "tcp", "1000:1036", false}, // the same ports in fewer words
  };
  for (const Case &one : cases) {
    CAPTURE(one.protocol, one.port);
    const NewBan ban = ban_of("sshd", one.protocol, one.port);
    CHECK(ban.protocol == one.protocols);
    if (std::string(one.ports).size() <= 32)
      CHECK(ban.port == one.ports);
    else
      CHECK(ban.port.empty());
    CHECK(ban.words.note.empty() != one.noted);
    CHECK(ban.protocol.size() <= 16);
    CHECK(ban.port.size() <= 32);
    CHECK(as_read(ban));
  }
}

TEST_CASE("the exact list stands beside what the columns cannot hold") {
  const NewBan long_list = ban_of("squirrelmail", "tcp", "smtp,465,submission,imap,imap2,imaps,pop3,pop3s,http,https,socks");
  CHECK(long_list.port.empty());
  CHECK(long_list.words.ports == "25,465,587,143,993,110,995,80,443,1080");
  CHECK(long_list.words.note.find("whole address") != std::string::npos);
  CHECK(ban_of("x", "tcp", "ssh,no-such-service").words.ports == "ssh,no-such-service");
  CHECK(ban_of("x", "tcp,udp,sctp,dccp,udplite", "80").words.protocols == "tcp,udp,sctp,dccp,udplite");
  CHECK(ban_of("x", "tcp", "ssh").words.empty());
  const auto endless = std::string(100'000, ',') + std::string(3000, 'x');
  CHECK(ban_of("x", "tcp", endless).words.note.size() < 400);
  std::string many;
  for (int i = 1; i < 3000; ++i)
    many += std::to_string(2 * i) + ",";
  CHECK(ban_of("x", "tcp", many).port.empty());
}

TEST_CASE("a jail's name is recorded as it is, or as the nearest that a reader takes") {
  for (const char *jail : {"sshd", "sshd[ddos]", "php-url-fopen", "web (hard)", "a=b,c", "wéb", "~x", "a/b@c:d+e^f*%"}) {
    CAPTURE(jail);
    const NewBan ban = ban_of(jail, "tcp", "22");
    CHECK(ban.jail == jail);
    CHECK(ban.words.note.empty());
    CHECK(as_read(ban));
  }
  const std::pair<const char *, const char *> changed[] = {
      {"it's", "it%27s"}, {"R&D", "R%26D"},  {"a;b", "a%3Bb"},        {"$(reboot)", "%24(reboot)"},
      {"a\nb", "a%0Ab"},  {"a\"b", "a%22b"}, {"\x1b[31m", "%1B[31m"}, {" sshd ", "sshd"},
      {"", "manual"},     {"\xff", "%FF"},   {"😀", "%F0%9F%98%80"},   {"<b>", "%3Cb%3E"}};
  for (const auto &[jail, recorded] : changed) {
    CAPTURE(jail);
    const NewBan ban = ban_of(jail, "tcp", "22");
    CHECK(ban.jail == recorded);
    CHECK_FALSE(ban.words.note.empty());
    CHECK(as_read(ban));
  }
  const NewBan longest = ban_of(std::string(300, 'x'), "tcp", "22"), other = ban_of(std::string(301, 'x'), "tcp", "22");
  CHECK(longest.jail.size() <= 255);
  CHECK(longest.jail != other.jail);
  CHECK(as_read(longest));
  CHECK(as_read(ban_of(std::string(200, '\''), "tcp", "22")));
}

TEST_CASE("times as fail2ban passes them") {
  CHECK(bantime_of("600") == 600);
  CHECK(bantime_of("-1") == permanent);
  CHECK(bantime_of("-5") == permanent);
  CHECK(bantime_of("-1.0") == permanent);
  for (const char *none : {"0", "0s", "0d", "-0", "-0.4", "-0.0"}) {
    CAPTURE(none);
    CHECK_THROWS_AS(bantime_of(none), Error);
  }
  CHECK(bantime_of("600.0") == 600);
  CHECK(bantime_of("600.2") == 601);
  CHECK(bantime_of(" 600 ") == 600);
  CHECK(bantime_of("15m") == 900);
  CHECK(bantime_of("permanent") == permanent);
  CHECK(bantime_of("99999999999999999999") == permanent);
  CHECK_FALSE(bantime_of(""));
  CHECK_FALSE(bantime_of("<bantime>"));
  for (const char *bad : {"soon", "0", "0.0", "1e3", "5x", "1.5h", "-", "--1"})
    CHECK_THROWS_AS(bantime_of(bad), Error);
}

TEST_CASE("a reason and a hostname lose no ban") {
  const NewBan ban = new_ban("203.0.113.7", "sshd", "tcp", "22", "", "web 1;x", "can't\nlog in");
  CHECK(ban.hostname == "web 1%3Bx");
  CHECK(ban.reason == "can't\\x0alog in");
  CHECK(new_ban("203.0.113.7", "sshd", "tcp", "22", "", "web1", std::string(1000, 'r')).reason.size() < 300);
  CHECK_THROWS_AS(new_ban("203.0.113.7; id", "sshd", "tcp", "22", "", "web1", ""), Error);
}

TEST_CASE("when a ban began, as fail2ban passes it") {
  const auto now = static_cast<Seconds>(std::time(nullptr));
  CHECK(begun_of(std::to_string(now - 100)).value_or(-1) >= 100);
  CHECK(begun_of(std::to_string(now - 100) + ".25").value_or(-1) < 110);
  CHECK(begun_of(std::to_string(now + 100)) == 0);
  for (const char *none : {"", "<time>"})
    CHECK_FALSE(begun_of(none));
  for (const char *wrong : {"yesterday", "-5", "99999999999999999999999", "17.x"})
    CHECK_THROWS_WITH(begun_of(wrong), Contains(wrong) && Contains("seconds since 1970"));
}
