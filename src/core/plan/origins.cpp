// What the entries of a device were made of: told by the candidates, and remembered by the ledger.
#include "core/plan/plan.hpp"

#include <algorithm>

namespace banpush {

namespace {

// Candidates, and what they were made of.
class Makings {
public:
  Makings(const std::vector<Candidate> &candidates, const std::vector<std::pair<Prefix, Origin>> &origins)
      : candidates_(candidates), origins_(origins) {}

  // Asked in the order of prefixes.
  Making of(const Prefix &prefix) {
    while (next_ != candidates_.size() && candidates_[next_].block.prefix < prefix)
      ++next_;
    if (next_ != candidates_.size() && candidates_[next_].block.prefix == prefix)
      return known(prefix);
    Making made_of;
    for (std::size_t i = next_; i != candidates_.size() && prefix.contains(candidates_[i].block.prefix); ++i)
      add(candidates_[i], made_of); // merged once more, to fit into the device's lists
    for (unsigned length = prefix.length(); made_of.empty() && length-- > 0;)
      if (const Candidate *around = candidate(prefix.with_length(length))) // taken as its hosts
        add(*around, made_of);
    return made_of;
  }

private:
  Making known(const Prefix &prefix) const {
    Making made_of;
    for (auto one = std::partition_point(origins_.begin(), origins_.end(), [&](const auto &other) { return other.first < prefix; });
         one != origins_.end() && one->first == prefix; ++one)
      made_of.push_back(one->second);
    return made_of;
  }

  const Candidate *candidate(const Prefix &prefix) const {
    const auto found =
        std::partition_point(candidates_.begin(), candidates_.end(), [&](const Candidate &one) { return one.block.prefix < prefix; });
    return found != candidates_.end() && found->block.prefix == prefix ? &*found : nullptr;
  }

  void add(const Candidate &candidate, Making &made_of) const {
    const Making parts = known(candidate.block.prefix);
    made_of.insert(made_of.end(), parts.begin(), parts.end());
    if (parts.empty())
      made_of.push_back({candidate.block.prefix, candidate.until});
  }

  const std::vector<Candidate> &candidates_;
  const std::vector<std::pair<Prefix, Origin>> &origins_;
  std::size_t next_ = 0;
};

} // namespace

void name_origins(std::vector<Wanted> &wanted, const std::vector<Candidate> &candidates,
                  const std::vector<std::pair<Prefix, Origin>> &origins) {
  Makings makings(candidates, origins);
  for (Wanted &one : wanted)
    one.made_of = makings.of(one.candidate.block.prefix);
}

bool Remembered::has(const Block &block) const noexcept { return std::binary_search(blocks.begin(), blocks.end(), block); }

bool Remembered::has_ended(const Block &block) const noexcept {
  const auto found = std::partition_point(ended.begin(), ended.end(), [&](const auto &one) { return one.first < block; });
  return found != ended.end() && found->first == block;
}

std::optional<Making> Remembered::made_of(const Block &block) const {
  if (!has(block) || std::binary_search(strange.begin(), strange.end(), block))
    return std::nullopt;
  Making made_of;
  for (auto one = std::partition_point(origins.begin(), origins.end(), [&](const auto &other) { return other.first < block; });
       one != origins.end() && one->first == block; ++one)
    made_of.push_back(one->second);
  return made_of;
}

} // namespace banpush
