#include "config/document/mapping.hpp"
#include "config/document/values.hpp"
#include "config/policy.hpp"

namespace banpush {

namespace {

std::optional<WrittenLimits::Storm> storm_of(const Node &node, Problems &problems) {
  WrittenLimits::Storm storm;
  if (node.kind == Node::Kind::Text && node.text == "none") {
    storm.none = true;
    return storm;
  }
  Mapping mapping(node, problems);
  if (const auto bans = mapping.get("bans", whole_of, 1, 1'000'000'000))
    storm.bans = static_cast<std::size_t>(*bans);
  storm.within = mapping.get("within", duration_of);
  storm.hold = mapping.get("hold", duration_of);
  mapping.done();
  return storm;
}

template <class T>
void keep_least(std::optional<T> &least, const std::optional<T> &value) {
  if (value && (!least || *value < *least))
    least = value;
}

template <class T>
void keep_most(std::optional<T> &most, const std::optional<T> &value) {
  if (value && (!most || *value > *most))
    most = value;
}

// Strict is: few bans, counted over a long time, held long.
void keep_strictest(std::optional<WrittenLimits::Storm> &strictest, const std::optional<WrittenLimits::Storm> &storm) {
  if (!storm)
    return;
  if (!strictest || strictest->none) {
    strictest = storm;
    return;
  }
  keep_least(strictest->bans, storm->bans);
  keep_most(strictest->within, storm->within);
  keep_most(strictest->hold, storm->hold);
}

} // namespace

const std::vector<std::string> &limit_keys() {
  static const std::vector<std::string> keys{"add", "remove", "floor", "storm", "span"};
  return keys;
}

WrittenLimits limits_of(const Node &node, Problems &problems) {
  Mapping mapping(node, problems);
  WrittenLimits limits;
  limits.add = mapping.get("add", share_of);
  limits.remove = mapping.get("remove", share_of);
  limits.span = mapping.get("span", share_of);
  if (const auto floor = mapping.get("floor", whole_of, 0, 1'000'000'000))
    limits.floor = static_cast<std::size_t>(*floor);
  limits.storm = mapping.get("storm", storm_of);
  mapping.done();
  return limits;
}

Limits strictest(const std::vector<const Level *> &levels) {
  WrittenLimits written;
  for (const Level *level : levels) {
    keep_least(written.add, level->limits.add);
    keep_least(written.remove, level->limits.remove);
    keep_least(written.span, level->limits.span);
    keep_least(written.floor, level->limits.floor);
    keep_strictest(written.storm, level->limits.storm);
  }
  Limits limits;
  limits.add = written.add.value_or(limits.add);
  limits.remove = written.remove.value_or(limits.remove);
  limits.span = written.span.value_or(limits.span);
  limits.floor = written.floor.value_or(limits.floor);
  if (!written.storm)
    return limits;
  if (written.storm->none) {
    limits.storm.reset();
    return limits;
  }
  limits.storm->bans = written.storm->bans.value_or(limits.storm->bans);
  limits.storm->within = written.storm->within.value_or(limits.storm->within);
  limits.storm->hold = written.storm->hold.value_or(limits.storm->hold);
  return limits;
}

} // namespace banpush
