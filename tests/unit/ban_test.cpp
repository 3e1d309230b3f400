#include "core/bans/ban.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

RawBan row(std::string_view ip) {
  RawBan raw;
  raw.hostname = "web1";
  raw.created = "2024-05-01 10:00:00";
  raw.name = "sshd";
  raw.protocol = "tcp";
  raw.port = "22";
  raw.ip = ip;
  return raw;
}

std::string block_of(std::string_view protocol, std::string_view port) {
  RawBan raw = row("203.0.113.7");
  raw.protocol = protocol;
  raw.port = port;
  Bans bans;
  bans.add(raw);
  return bans.rows().at(0).block.service.text();
}

} // namespace

TEST_CASE("a row becomes values") {
  Bans bans;
  RawBan raw = row("203.0.113.7");
  raw.age = 12;
  raw.until = 3600;
  bans.add(raw, 2);
  raw.hostname = "web2";
  raw.ip = "2001:db8::/64";
  raw.until = permanent;
  raw.revoked = 5;
  raw.revoked_by_operator = true;
  bans.add(raw);
  REQUIRE(bans.rows().size() == 2);
  const Ban &first = bans.rows()[0], &second = bans.rows()[1];
  CHECK(first.block.text() == "203.0.113.7/32 tcp/22");
  CHECK(bans.name(first.jail) == "sshd");
  CHECK(bans.name(first.host) == "web1");
  CHECK(first.age == 12);
  CHECK(first.until == 3600);
  CHECK(first.source == 2);
  CHECK(first.protocol == 6);
  CHECK(first.revoked == Ban::Revoked::No);
  CHECK(second.block.prefix.text() == "2001:db8::/64");
  CHECK(second.jail == first.jail);
  CHECK(bans.name(second.host) == "web2");
  CHECK(second.until == Ban::never_ends);
  CHECK(second.revoked == Ban::Revoked::ByOperator);
  CHECK(bans.hosts().size() == 2);
  CHECK(bans.bad_rows() == 0);
}

TEST_CASE("seconds keep their meaning at both ends") {
  Bans bans;
  RawBan raw = row("203.0.113.7");
  raw.age = permanent - 1;
  raw.until = permanent - 1;
  bans.add(raw);
  raw.age = -permanent;
  raw.until = -permanent;
  bans.add(raw);
  raw.until.reset();
  raw.revoked = 0;
  bans.add(raw);
  CHECK(bans.rows()[0].age > 60 * 365 * 86400);
  CHECK(bans.rows()[0].until != Ban::never_ends);
  CHECK(bans.rows()[1].age < -60 * 365 * 86400);
  CHECK(bans.rows()[1].until != Ban::no_until);
  CHECK(bans.rows()[1].until < 0);
  CHECK(bans.rows()[2].until == Ban::no_until);
  CHECK(bans.rows()[2].revoked == Ban::Revoked::ByFail2ban);
}

TEST_CASE("a row without a time, or with a port or protocol that is no word, is no ban") {
  Bans bans;
  RawBan raw = row("203.0.113.7");
  raw.created = "'; DROP TABLE";
  raw.age = permanent;
  bans.add(raw);
  REQUIRE(bans.bad_rows() == 1);
  CHECK(bans.bad_samples().front().problem == "the time \"'; DROP TABLE\" is none");
  for (const char *port : {"22; reload", "$(reboot)", "22\nexit", "<b>22</b>", "{{port}}", "22 | sh"}) {
    raw = row("203.0.113.7");
    raw.port = port;
    bans.add(raw);
    raw = row("203.0.113.7");
    raw.protocol = port;
    bans.add(raw);
    raw = row("203.0.113.7");
    raw.name = port;
    bans.add(raw);
  }
  CHECK(bans.rows().empty());
  CHECK(bans.bad_rows() == 19);
}

TEST_CASE("the columns protocol and port as one service, or any") {
  struct Case {
    const char *protocol, *port, *service;
  };
  const Case cases[] = {
      {"tcp", "22", "tcp/22"},
      {"tcp", "ssh", "tcp/22"},
      {"udp", "domain", "udp/53"},
      {"TCP", "https", "tcp/443"},
      {"tcp", "1000:2000", "tcp/1000-2000"},
      {"tcp", "20-21", "tcp/20-21"},
      {"tcp", "ftp-data", "tcp/20"},
      {"tcp", "xmpp-server", "tcp/5269"},
      {"tcp", "amqp", "tcp/5672"},
      {"tcp", "", "any"},
      {"tcp", "all", "any"},
      {"tcp", "0:65535", "any"},
      {"tcp", "1:65535", "any"},
      {"tcp", "http,https", "any"},
      {"tcp", "99999", "any"},
      {"tcp", "0", "any"},
      {"tcp", "1 2", "any"},
      {"tcp", "nosuch", "any"},
      {"tcp", "30:20", "any"},
      {"tcp", "-1", "any"},
      {"all", "22", "any"},
      {"", "22", "any"},
      {"icmp", "22", "any"},
      {"weird", "22", "any"},
      {" tcp ", " 22 ", "tcp/22"},
      {"6", "22", "tcp/22"},
      {"sctp", "80", "sctp/80"},
      {"tcp,udp", "5060", "any"}, // two services, and a row is one
      {"ip", "22", "any"},
      {"17", "53", "udp/53"},
      {"Tcp6", "22", "tcp/22"},
  };
  for (const Case &one : cases) {
    INFO(one.protocol << " " << one.port);
    CHECK(block_of(one.protocol, one.port) == one.service);
  }
}

TEST_CASE("the protocol word becomes its number") {
  const std::pair<const char *, int> cases[] = {
      {"tcp", 6},         {"udp", 17},      {"UDP", 17},    {"icmp", 1},       {"all", 0},
      {"any", 0},         {"", 0},          {"47", 47},     {"ip", 0},         {"tcp,udp", 163},
      {"UDP / TCP", 163}, {"tcp udp", 163}, {"tcp,tcp", 6}, {"nonsense", 255}, {"a-very-long-word-for-a-protocol", 255}};
  for (const auto &[word, number] : cases) {
    INFO(word);
    RawBan raw = row("203.0.113.7");
    raw.protocol = word;
    Bans bans;
    bans.add(raw);
    CHECK(bans.rows().at(0).protocol == number);
  }
}

TEST_CASE("rows that are no bans are counted and the first are kept") {
  Bans bans;
  for (int i = 0; i < 50; ++i)
    bans.add(row("1.2.3.4; reload in 1"), 0, "central");
  bans.add(row("203.0.113.7/24"));
  bans.add(row("203.0.113.7"));
  CHECK(bans.rows().size() == 1);
  CHECK(bans.bad_rows() == 51);
  REQUIRE(bans.bad_samples().size() == 20);
  CHECK(bans.bad_samples()[0].source == "central");
  CHECK(bans.bad_samples()[0].ip == "1.2.3.4; reload in 1");
  CHECK(bans.bad_samples()[0].hostname == "web1");
  CHECK(bans.bad_samples()[0].problem == "';' after the address (column 8)");
}

TEST_CASE("a name nobody could have written makes no ban") {
  const std::string long_name(256, 'x');
  for (const std::string_view name :
       {std::string_view("ss\nhd"), std::string_view("ss\"hd"), std::string_view("it's"), std::string_view("a\0b", 3),
        std::string_view("\x1b[31m"), std::string_view("\xff"), std::string_view(long_name),
        std::string_view("\xe2\x80\xae"
                         "dhss")}) {
    Bans bans;
    RawBan raw = row("203.0.113.7");
    raw.name = name;
    bans.add(raw);
    raw = row("203.0.113.7");
    raw.hostname = name;
    bans.add(raw);
    CHECK(bans.bad_rows() == 2);
    CHECK(bans.rows().empty());
    CHECK(bans.hosts().empty());
  }
  Bans bans;
  RawBan raw = row("203.0.113.7");
  raw.name = "webmail-z\xc3\xbcrich (2), dr\xc3\xbc"
             "ben";
  bans.add(raw);
  CHECK(bans.rows().size() == 1);
}

TEST_CASE("characters that nobody sees make no name, and are shown as bytes") {
  const auto utf8 = [](char32_t code) {
    std::string text;
    if (code < 0x80)
      return std::string(1, static_cast<char>(code));
    const unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    text += static_cast<char>((0xff00U >> (more + 1) & 0xffU) | code >> 6 * more);
    for (unsigned i = more; i-- > 0;)
      text += static_cast<char>(0x80U | (code >> 6 * i & 0x3fU));
    return text;
  };
  const auto is_refused = [&](char32_t code) {
    const std::string name = "ss" + utf8(code) + "hd";
    CHECK((shown(name) != name) == !is_row_text(name));
    return !is_row_text(name);
  };
  for (const char32_t code :
       {0x00U,   0x1bU,   0x7fU,    0x85U,    0xa0U,    0xadU,    0x34fU,   0x61cU,   0x115fU,  0x1160U,  0x1680U, 0x17b4U,
        0x180bU, 0x180eU, 0x2000U,  0x200bU,  0x200dU,  0x202eU,  0x2028U,  0x2029U,  0x202fU,  0x205fU,  0x2060U, 0x2065U,
        0x2800U, 0x3000U, 0x3164U,  0xe000U,  0xfe00U,  0xfe0fU,  0xfeffU,  0xffa0U,  0xfff9U,  0xfffbU,  0xfffeU, 0xffffU,
        0xfdd0U, 0x378U,  0x1d173U, 0x1d159U, 0xe0001U, 0xe0041U, 0xe0100U, 0xe01efU, 0xf0000U, 0x10ffffU}) {
    CAPTURE(static_cast<unsigned>(code));
    CHECK(is_refused(code));
  }
  for (const char32_t code : {0x20U, 0x2dU, 0xa1U, 0xfcU, 0x3a9U, 0x416U, 0x5d0U, 0x627U, 0x905U, 0x2026U, 0x20acU, 0x3042U, 0x4e2dU,
                              0xac00U, 0xfffdU, 0x1f525U, 0x20000U}) {
    CAPTURE(static_cast<unsigned>(code));
    CHECK_FALSE(is_refused(code));
  }
  // Whole ranges: tags and variation selectors, what is private, what is no character on each plane.
  const std::pair<char32_t, char32_t> ranges[] = {{0x80, 0xa0},     {0x2000, 0x200f},   {0xe000, 0xf8ff},  {0xfdd0, 0xfdef},
                                                  {0xfe00, 0xfe0f}, {0xe0000, 0xe0fff}, {0xf0000, 0xf1000}};
  for (const auto &[first, last] : ranges)
    for (char32_t code = first; code <= last; ++code)
      if (!is_refused(code))
        FAIL("U+" << std::hex << static_cast<unsigned>(code));
  for (char32_t plane = 0; plane <= 0x10; ++plane)
    CHECK(is_refused(plane << 16U | 0xfffeU));
}

TEST_CASE("text from strangers is made fit to show") {
  CHECK(shown("plain") == "plain");
  CHECK(shown("a\nb\x1b[0m") == "a\\x0ab\\x1b[0m");
  CHECK(shown("\"'`\\") == "\\x22'\\x60\\x5c");
  CHECK(shown("z\xc3\xbcrich") == "z\xc3\xbcrich");
  CHECK(shown("\xff\xc0\x80") == "\\xff\\xc0\\x80");
  CHECK(shown("\xed\xa0\x80") == "\\xed\\xa0\\x80"); // a surrogate is no character
  CHECK(shown("\xc2\x9b"
              "31m") == "\\xc2\\x9b"
                        "31m"); // C1 control
  CHECK(shown("a\xe2\x80\xae"
              "b\xef\xbb\xbf") == "a\\xe2\\x80\\xae"
                                  "b\\xef\\xbb\\xbf"); // turns the writing direction
  CHECK(shown(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(shown(std::string(100, 'x')) == std::string(80, 'x') + "…");
  CHECK(shown(std::string(80, 'x')) == std::string(80, 'x'));
  CHECK(shown("\xc3\xbc\xc3\xbc\xc3\xbc", 2) == "\xc3\xbc\xc3\xbc…");
  CHECK(shown("\xe2\x82") == "\\xe2\\x82");
  CHECK(shown("").empty());
}
