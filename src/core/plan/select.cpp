#include "core/plan/fitting.hpp"
#include "core/plan/plan.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace banpush {

namespace {

// How much more than an incumbent's worth a newcomer must have to take its place.
constexpr double margin = 1.25;
// What hits read back from the device may add to an incumbent's worth: half of it, at 65,535 hits.
constexpr double most_for_hits = 0.5, hits_scale = 32;

// A candidate's claim to a place. `place` is its number among the candidates.
struct Rank {
  double score = 0;
  bool incumbent = false;
  std::uint32_t place = 0;

  bool comes_before(const Rank &other) const noexcept {
    if (score != other.score)
      return score > other.score;
    if (incumbent != other.incumbent)
      return incumbent;
    return place < other.place;
  }
};

class Selector {
public:
  Selector(const Driver &driver, const Policy &policy, Capacity capacity, const Installed &installed)
      : driver_(driver), policy_(policy), capacity_(capacity), installed_(installed), lists_(driver) {}

  Selection run(const Candidates &candidates) {
    Fitting fitting = fit(driver_, lists_, candidates.wanted, policy_, installed_);
    left_out_ = std::move(fitting.left_out);
    const std::vector<Candidate> &all = fitting.changed ? *fitting.changed : candidates.wanted;
    list_.resize(all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      list_[i] = lists_.of(all[i].block);
    const bool is_ordered = !fitting.changed && candidates.by_worth.size() == all.size();
    take_most_worthwhile(all, is_ordered ? candidates.by_worth : std::vector<std::uint32_t>());
    Selection selection = result(all);
    name_origins(selection.wanted, candidates.wanted, candidates.origins);
    return selection;
  }

private:
  // Those for which there is no lack of room are taken; of the others the most worthwhile, while the
  // family's budget, the list and the device have room.
  void take_most_worthwhile(const std::vector<Candidate> &all, const std::vector<std::uint32_t> &known_order) {
    Use wanted(driver_, capacity_), used(driver_, capacity_);
    for (std::size_t i = 0; i < all.size(); ++i)
      wanted.add(list_[i], all[i].block.prefix.family());
    std::vector<bool> open(2 * driver_.lists.size()); // by list and family: lacks room, and has some left as far as was seen
    const auto kind = [&](std::size_t i) { return 2U * list_[i] + index_of(all[i].block.prefix.family()); };
    taken_.assign(all.size(), 0);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Family family = all[i].block.prefix.family();
      if (wanted.is_too_much(list_[i], family)) {
        open[kind(i)] = true;
        continue;
      }
      taken_[i] = 1;
      used.add(list_[i], family);
    }
    if (std::find(open.begin(), open.end(), true) == open.end())
      return;
    Queue queue(all, known_order.empty() ? ordered_by_worth(all) : known_order, incumbents(all));
    while (std::find(open.begin(), open.end(), true) != open.end()) {
      const auto next = queue.next();
      if (!next)
        return;
      const Family family = all[*next].block.prefix.family();
      if (!open[kind(*next)])
        continue;
      used.add(list_[*next], family);
      taken_[*next] = used.is_too_much(list_[*next], family) ? 0 : 1;
      if (taken_[*next] == 1)
        continue;
      used.take_back(list_[*next], family);
      open[kind(*next)] = false; // each entry of one list and family takes as much as the next
    }
  }

  // Entries of ours that are in force and wanted still, the first to be kept first.
  std::vector<Rank> incumbents(const std::vector<Candidate> &all) const {
    std::vector<Rank> found;
    for (const Entry &entry : installed_.entries) {
      if (!installed_.is_in_force(entry))
        continue;
      const auto one =
          std::partition_point(all.begin(), all.end(), [&](const Candidate &candidate) { return candidate.block < entry.block; });
      const auto place = static_cast<std::size_t>(one - all.begin());
      if (one == all.end() || one->block != entry.block || driver_.lists[list_[place]].name != entry.list)
        continue;
      found.push_back({worth_of_standing(one->worth, entry.hits), true, static_cast<std::uint32_t>(place)});
    }
    std::sort(found.begin(), found.end(), [](const Rank &a, const Rank &b) { return a.comes_before(b); });
    return found;
  }

  // Places in the order of their claims: incumbents merged into the order of worth.
  class Queue {
  public:
    Queue(const std::vector<Candidate> &all, std::vector<std::uint32_t> order, std::vector<Rank> incumbents)
        : all_(all), order_(std::move(order)), incumbents_(std::move(incumbents)), given_(all.size()) {}

    std::optional<std::uint32_t> next() {
      while (worth_ < order_.size() && given_[order_[worth_]])
        ++worth_;
      while (standing_ < incumbents_.size() && given_[incumbents_[standing_].place])
        ++standing_;
      const bool has_worth = worth_ < order_.size(), has_standing = standing_ < incumbents_.size();
      if (!has_worth && !has_standing)
        return std::nullopt;
      // An incumbent that is met in the order of worth has been given by then: its bonus puts it before.
      const bool by_standing =
          has_standing && (!has_worth || incumbents_[standing_].comes_before({all_[order_[worth_]].worth, false, order_[worth_]}));
      const std::uint32_t place = by_standing ? incumbents_[standing_].place : order_[worth_];
      given_[place] = true;
      return place;
    }

  private:
    const std::vector<Candidate> &all_;
    std::vector<std::uint32_t> order_;
    std::vector<Rank> incumbents_;
    std::vector<bool> given_;
    std::size_t worth_ = 0, standing_ = 0;
  };

  Selection result(const std::vector<Candidate> &all) {
    Selection selection;
    const std::string over_budget = "over budget"; // short enough to be copied without an allocation
    const auto taken = static_cast<std::size_t>(std::count(taken_.begin(), taken_.end(), 1));
    selection.wanted.reserve(taken);
    selection.left_out.reserve(all.size() - taken + left_out_.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (taken_[i] == 1)
        selection.wanted.push_back({all[i], driver_.lists[list_[i]].name, {}});
      else
        selection.left_out.push_back({all[i].block.prefix, Verdict::OverBudget, over_budget});
    }
    if (left_out_.empty())
      return selection;
    selection.left_out.insert(selection.left_out.end(), std::make_move_iterator(left_out_.begin()),
                              std::make_move_iterator(left_out_.end()));
    std::stable_sort(selection.left_out.begin(), selection.left_out.end(),
                     [](const LeftOut &a, const LeftOut &b) { return a.prefix < b.prefix; });
    return selection;
  }

  const Driver &driver_;
  const Policy &policy_;
  Capacity capacity_;
  const Installed &installed_;
  Lists lists_;
  std::vector<std::uint16_t> list_; // by place: the list that takes the candidate
  std::vector<std::uint8_t> taken_;
  std::vector<LeftOut> left_out_;
};

} // namespace

double worth_of_standing(double worth, std::uint64_t hits) noexcept {
  return worth * margin * (1 + std::min(most_for_hits, std::log2(1 + static_cast<double>(hits)) / hits_scale));
}

Selection select(const Driver &driver, const Candidates &candidates, const Bans &, const Policy &policy, Capacity capacity,
                 const Installed &installed) {
  return Selector(driver, policy, capacity, installed).run(candidates);
}

} // namespace banpush
