#include "core/plan/as_read.hpp"

#include "core/address/prefix_set.hpp"
#include "core/reading/rule_order.hpp"

#include <algorithm>

namespace banpush {

namespace {

constexpr std::size_t most_of_a_line = 200;

void add_gaps(const Entry &entry, const ListState *state, std::vector<Gap> &gaps) {
  const BlockIn place{entry.block, entry.list};
  if (!entry.shadowed || state == nullptr) {
    gaps.push_back({place, {}, {}, entry.why_not});
    return;
  }
  for (std::size_t i = 0; i < std::min(entry.behind, state->permits.size()); ++i) {
    const Permit &permit = state->permits[i];
    if (!permit.meets(entry.block.prefix))
      continue;
    const bool is_whole = !permit.source || permit.source->contains(entry.block.prefix);
    gaps.push_back(
        {place, is_whole ? std::nullopt : permit.source, permit.text.empty() ? "a permit" : permit.text.substr(0, most_of_a_line), {}});
    if (is_whole)
      return;
  }
}

// Sorted, each once. In a list that is not in force none blocks anything, but each still has its place there.
std::vector<OtherEntry> others_in(const Installed &installed) {
  std::vector<OtherEntry> others;
  for (const Foreign &one : installed.foreign) {
    const bool is_in_force = installed.is_in_force(one.list);
    const std::optional<Prefix> covers = is_in_force ? one.covers : std::nullopt;
    const std::optional<Prefix> around = is_in_force || one.around ? one.around : one.covers;
    if (covers || around)
      others.push_back({one.list, one.text.substr(0, most_of_a_line), covers, around});
  }
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  return others;
}

void keep_most(std::vector<OtherEntry> &others, const std::vector<LeftOut> &left_out) {
  std::vector<Prefix> out;
  for (const LeftOut &one : left_out)
    if (one.verdict == Verdict::Foreign)
      out.push_back(one.prefix);
  const PrefixSet kept_out(std::move(out));
  const auto concerns = [&](const std::optional<Prefix> &prefix) { return prefix && kept_out.overlap(*prefix); };
  const auto length = [](const OtherEntry &one) { return (one.covers ? one.covers : one.around)->length(); };
  const auto rest = std::stable_partition(others.begin(), others.end(),
                                          [&](const OtherEntry &one) { return concerns(one.covers) || concerns(one.around); });
  std::stable_sort(rest, others.end(), [&](const OtherEntry &a, const OtherEntry &b) { return length(a) < length(b); });
  others.resize(most_others);
  std::sort(others.begin(), others.end());
}

} // namespace

std::optional<std::string> Gap::said_of(const Prefix &prefix) const {
  if (rule.empty())
    return why;
  const Permit permit{{}, source, rule};
  return permit.meets(prefix) ? std::optional(why_shadowed(permit, prefix)) : std::nullopt;
}

std::optional<std::string> passes(const std::vector<Gap> &gaps, const BlockIn &entry, const Prefix &prefix) {
  const auto before = [](const Gap &gap, const BlockIn &one) { return gap.entry < one; };
  for (auto gap = std::lower_bound(gaps.begin(), gaps.end(), entry, before); gap != gaps.end() && gap->entry == entry; ++gap)
    if (auto said = gap->said_of(prefix))
      return said;
  return std::nullopt;
}

std::vector<Gap> gaps_in(const Installed &installed) {
  std::vector<Gap> gaps;
  for (const Entry &entry : installed.entries)
    if (!entry.in_force)
      add_gaps(entry, installed.state(entry.list), gaps);
  std::sort(gaps.begin(), gaps.end());
  return gaps;
}

bool blocks(const Installed &installed, const std::vector<Gap> &gaps, const Entry &entry, const Prefix &prefix) {
  return entry.block.prefix.contains(prefix) && installed.is_in_force(entry.list) && !passes(gaps, {entry.block, entry.list}, prefix);
}

AsRead as_read(const Installed &installed, const std::vector<LeftOut> &left_out) {
  AsRead made;
  made.gaps = gaps_in(installed);
  for (const ListState &list : installed.lists)
    for (const std::string &doubt : list.doubts)
      made.doubts.push_back({list.list, doubt});
  made.others = others_in(installed);
  if (made.others.size() > most_others) {
    made.more_others = made.others.size() - most_others;
    keep_most(made.others, left_out);
  }
  std::sort(made.doubts.begin(), made.doubts.end());
  return made;
}

} // namespace banpush
