// Tables of bans for tests, a row a call.
#pragma once

#include "core/policy/policy.hpp"

#include <string>
#include <string_view>

namespace banpush::test {

struct Row {
  std::string_view ip;
  Seconds age = 60;
  std::string_view jail = "sshd", host = "web1", protocol = "tcp", port = "22";
  std::optional<Seconds> until = {}, revoked = {};
  bool by_operator = false;
  std::uint8_t source = 0;
};

inline RawBan raw_of(const Row &row) {
  RawBan raw;
  raw.hostname = row.host;
  raw.created = "2024-05-01 10:00:00";
  raw.name = row.jail;
  raw.protocol = row.protocol;
  raw.port = row.port;
  raw.ip = row.ip;
  raw.age = row.age;
  raw.until = row.until;
  raw.revoked = row.revoked;
  raw.revoked_by_operator = row.by_operator;
  return raw;
}

inline Bans bans_of(const std::vector<Row> &rows) {
  Bans bans;
  for (const Row &row : rows)
    bans.add(raw_of(row), row.source);
  return bans;
}

// `203.0.113.7/32 203.0.113.9/32 tcp/22`
inline std::string text_of(const std::vector<Candidate> &candidates) {
  std::string text;
  for (const Candidate &one : candidates)
    text += (text.empty() ? "" : ", ") + one.block.text();
  return text;
}

// `203.0.113.7/32 allowed, …`
inline std::string text_of(const std::vector<LeftOut> &left_out) {
  std::string text;
  for (const LeftOut &one : left_out)
    text += (text.empty() ? "" : ", ") + one.prefix.text() + " " + word(one.verdict);
  return text;
}

inline NamedPrefix named(std::string_view prefix, std::string why = "policy.allow") { return {Prefix::require(prefix), std::move(why)}; }

} // namespace banpush::test
