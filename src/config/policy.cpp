#include "config/policy.hpp"

#include "config/allow.hpp"
#include "config/document/mapping.hpp"
#include "config/document/values.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace banpush {

namespace {

constexpr double most_weight = 1000;

bool says_none(const Node *node) { return node != nullptr && node->kind == Node::Kind::Text && node->text == "none"; }

std::optional<unsigned> small(std::optional<std::int64_t> number) {
  return number ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
}

// A name or wildcard of a jail or host, as it stands as a key.
bool is_usable(const Node &key, Problems &problems) {
  const bool plain = !key.text.empty() && key.text.size() <= 255 &&
                     std::none_of(key.text.begin(), key.text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 127; });
  if (!plain)
    problems.add(key.place, fmt::format("expected a name or a wildcard of at most 255 characters, found \"{}\"", shown(key.text)));
  return plain;
}

std::vector<JailRule> jails_of(const Node &node, Problems &problems) {
  std::vector<JailRule> rules;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    Mapping mapping(node.items[i], problems);
    JailRule rule;
    rule.pattern = node.keys[i].text;
    rule.bantime = mapping.get("bantime", bantime_of);
    rule.ignore = mapping.get("ignore", yes_no_of).value_or(false);
    rule.weight = mapping.get("weight", decimal_of, 0.0, most_weight).value_or(rule.weight);
    mapping.done();
    if (is_usable(node.keys[i], problems))
      rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<HostRule> hosts_of(const Node &node, Problems &problems) {
  std::vector<HostRule> rules;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    Mapping mapping(node.items[i], problems);
    HostRule rule;
    rule.pattern = node.keys[i].text;
    rule.ignore = mapping.get("ignore", yes_no_of).value_or(false);
    rule.weight = mapping.get("weight", decimal_of, 0.0, most_weight).value_or(rule.weight);
    mapping.done();
    if (is_usable(node.keys[i], problems))
      rules.push_back(std::move(rule));
  }
  return rules;
}

std::optional<Quorum> quorum_of(const Node &node, Problems &problems) {
  if (says_none(&node))
    return std::nullopt;
  Mapping mapping(node, problems);
  Quorum quorum;
  quorum.hosts = small(mapping.get("hosts", whole_of, 1, 1'000'000)).value_or(0);
  quorum.bans = small(mapping.get("bans", whole_of, 1, 1'000'000)).value_or(0);
  quorum.within = mapping.get("within", duration_of).value_or(quorum.within);
  quorum.weight = mapping.get("weight", decimal_of, 0.0, 1e6).value_or(0);
  mapping.done();
  if (node.kind == Node::Kind::Mapping && node.at("hosts") == nullptr && node.at("bans") == nullptr && node.at("weight") == nullptr)
    problems.add(node.place, "quorum: asks for nothing; give hosts, bans or weight");
  return quorum;
}

std::optional<Escalate> escalate_of(const Node &node, Problems &problems) {
  if (says_none(&node))
    return std::nullopt;
  Mapping mapping(node, problems);
  Escalate escalate;
  escalate.factor = mapping.get("factor", decimal_of, 1.0, 1000.0).value_or(escalate.factor);
  escalate.window = mapping.get("window", duration_of).value_or(escalate.window);
  escalate.max = mapping.get("max", bantime_of).value_or(escalate.max);
  mapping.done();
  return escalate;
}

// The names of /etc/protocols that packets to a server can have.
std::vector<std::string> protocols_of(const Node &node, Problems &problems) {
  static const std::vector<std::string> known{"tcp", "udp", "icmp", "icmpv6", "ipv6-icmp", "sctp", "dccp", "udplite", "gre", "esp", "ah"};
  if (node.kind == Node::Kind::Text && node.text == "all")
    return {};
  std::vector<std::string> protocols;
  for (const Node *item : items_of(node)) {
    if (item->kind == Node::Kind::Text && std::find(known.begin(), known.end(), item->text) != known.end()) {
      protocols.push_back(item->text);
      continue;
    }
    std::vector<std::string> words = known;
    words.push_back("all");
    add_unknown_word(*item, problems, words);
  }
  return protocols;
}

std::vector<Family> families_of(const Node &node, Problems &problems) {
  std::vector<Family> families;
  const Words<Family> words{{"ipv4", Family::IPv4}, {"ipv6", Family::IPv6}, {"4", Family::IPv4}, {"6", Family::IPv6}};
  for (const Node *item : items_of(node)) {
    const auto family = word_of<Family>(*item, problems, words);
    if (family && std::find(families.begin(), families.end(), *family) == families.end())
      families.push_back(*family);
  }
  if (items_of(node).empty())
    add_mismatch(node, problems, "ipv4, ipv6 or both");
  return families;
}

struct Lengths {
  std::optional<unsigned> ipv4, ipv6;
};

Lengths lengths_of(const Node &node, Problems &problems) {
  if (node.name == "widen" && says_none(&node))
    return {};
  Mapping mapping(node, problems);
  Lengths lengths{small(mapping.get("ipv4", whole_of, widest4, 32)), small(mapping.get("ipv6", whole_of, widest6, 128))};
  mapping.done();
  return lengths;
}

Aggregate aggregate_of(const Node &node, Problems &problems) {
  Aggregate aggregate;
  if (node.kind != Node::Kind::Mapping) {
    using Mode = Aggregate::Mode;
    aggregate.mode = word_of<Mode>(node, problems, {{"none", Mode::None}, {"exact", Mode::Exact}}).value_or(aggregate.mode);
    return aggregate;
  }
  Mapping mapping(node, problems);
  aggregate.mode = Aggregate::Mode::Lossy;
  aggregate.max_innocents = static_cast<std::uint64_t>(mapping.need("max_innocents", whole_of, 0, std::int64_t{1} << 32).value_or(0));
  aggregate.density = mapping.get("density", share_of).value_or(0.0);
  mapping.done();
  return aggregate;
}

Worth worth_of(const Node &node, Problems &problems) {
  Mapping mapping(node, problems);
  Worth worth;
  worth.recency = mapping.get("recency", duration_of).value_or(worth.recency);
  worth.hosts = mapping.get("hosts", decimal_of, 0.0, 10.0).value_or(worth.hosts);
  worth.neighbours = mapping.get("neighbours", share_of).value_or(worth.neighbours);
  mapping.done();
  return worth;
}

} // namespace

const std::vector<std::string> &policy_keys() {
  static const std::vector<std::string> keys{"bantime",  "jails",   "hosts",       "quorum",   "escalate",     "protocols",
                                             "families", "max_age", "reserved",    "shortest", "widen",        "aggregate",
                                             "services", "allow",   "allow_files", "protect",  "honour_unban", "worth"};
  return keys;
}

Level level_of(const Node *policy, const Node *limits, const std::string &where, Problems &problems, const std::string &folder,
               std::vector<std::string> &notes) {
  Level level;
  if (limits != nullptr)
    level.limits = limits_of(*limits, problems);
  if (policy == nullptr)
    return level;
  // An empty value is complained about by policy_of.
  const auto given = [&](const char *key) {
    const Node *node = policy->at(key);
    return node == nullptr || node->kind == Node::Kind::Nothing ? nullptr : node;
  };
  if (const Node *allow = given("allow"))
    level.allow = allow_of(*allow, problems, where + ".allow");
  if (const Node *files = given("allow_files")) {
    AllowFiles more = allow_files_of(*files, problems, folder, notes);
    level.allow.insert(level.allow.end(), more.prefixes.begin(), more.prefixes.end());
    level.allow_paths = std::move(more.paths);
  }
  if (const Node *protect = given("protect")) {
    Protect both = protect_of(*protect, problems, where + ".protect");
    level.protect = std::move(both.prefixes);
    level.protect_hosts = std::move(both.hosts);
  }
  if (const Node *shortest = given("shortest")) {
    const Lengths lengths = lengths_of(*shortest, problems);
    level.shortest4 = lengths.ipv4;
    level.shortest6 = lengths.ipv6;
  }
  return level;
}

Policy policy_of(const Node *node, Reach reach, Problems &problems) {
  Policy policy;
  if (reach == Reach::ThisHost) {
    policy.protocols.clear();
    policy.reserved_allowed = true;
  }
  if (node == nullptr)
    return policy;
  Mapping mapping(*node, problems);
  policy.bantime = mapping.get("bantime", bantime_of).value_or(policy.bantime);
  policy.jails = mapping.get("jails", jails_of);
  policy.hosts = mapping.get("hosts", hosts_of);
  policy.quorum = mapping.get("quorum", quorum_of);
  policy.escalate = mapping.get("escalate", escalate_of);
  if (mapping.find("protocols") != nullptr)
    policy.protocols = mapping.get("protocols", protocols_of);
  if (mapping.find("families") != nullptr)
    policy.families = mapping.get("families", families_of);
  if (!says_none(mapping.find("max_age")))
    policy.max_age = mapping.get("max_age", duration_of);
  policy.reserved_allowed =
      mapping.get("reserved", word_of<bool>, Words<bool>{{"never", false}, {"allowed", true}}).value_or(policy.reserved_allowed);
  if (mapping.find("aggregate") != nullptr)
    policy.aggregate = mapping.get("aggregate", aggregate_of);
  if (mapping.find("worth") != nullptr)
    policy.worth = mapping.get("worth", worth_of);
  const Lengths widen = mapping.get("widen", lengths_of);
  policy.widen4 = widen.ipv4;
  policy.widen6 = widen.ipv6;
  policy.honour_unban = mapping.get("honour_unban", yes_no_of).value_or(policy.honour_unban);
  policy.services = mapping.get("services", yes_no_of).value_or(policy.services);
  for (const char *key : {"allow", "allow_files", "protect", "shortest"})
    mapping.find(key);
  mapping.done();
  return policy;
}

Policy with_levels(Policy policy, const std::vector<const Level *> &levels) {
  const auto append = [](auto &all, const auto &more) { all.insert(all.end(), more.begin(), more.end()); };
  const auto keep_longer = [](std::optional<unsigned> &longest, const std::optional<unsigned> &length) {
    if (length && length > longest)
      longest = length;
  };
  std::optional<unsigned> shortest4, shortest6;
  for (const Level *level : levels) {
    append(policy.allow, level->allow);
    append(policy.allow_paths, level->allow_paths);
    append(policy.protect, level->protect);
    append(policy.protect_hosts, level->protect_hosts);
    keep_longer(shortest4, level->shortest4);
    keep_longer(shortest6, level->shortest6);
  }
  policy.shortest4 = shortest4.value_or(policy.shortest4);
  policy.shortest6 = shortest6.value_or(policy.shortest6);
  return policy;
}

} // namespace banpush
