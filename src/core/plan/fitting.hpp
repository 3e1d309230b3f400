// What of the candidates the lists of a device can take, as they are or in another shape.
#pragma once

#include "core/plan/plan.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace banpush {

// Driver::list_for, asked once for each kind of block: a table has many of each.
class Lists {
public:
  explicit Lists(const Driver &driver);

  static constexpr std::uint16_t none = 0xffff;

  // The number of the list that takes the block, by the driver's order; `none` when there is none.
  std::uint16_t of(const Block &block) const noexcept { return found_[place(block, block.prefix.is_host())]; }
  // The same if the block were a host.
  std::uint16_t for_hosts(const Block &block) const noexcept { return found_[place(block, true)]; }

private:
  static std::size_t place(const Block &block, bool host) noexcept {
    return (block.prefix.family() == Family::IPv4 ? 0U : 4U) + (host ? 2U : 0U) + (block.service.is_any() ? 0U : 1U);
  }

  std::array<std::uint16_t, 8> found_{};
};

struct Fitting {
  std::optional<std::vector<Candidate>> changed; // sorted by block; nothing where all fit as they are
  std::vector<LeftOut> left_out;                 // Foreign, NotHeld, Covered; in no order
};

// A service that no list holds becomes any; a network of up to 256 addresses goes as its hosts where
// there is a list for hosts only. Left out is what no list holds, what an entry of somebody else blocks
// already or keeps out of a list whose entries may not overlap, and what there lies in one of ours.
Fitting fit(const Driver &driver, const Lists &lists, const std::vector<Candidate> &candidates, const Policy &policy,
            const Installed &installed);

inline std::size_t index_of(Family family) noexcept { return family == Family::IPv4 ? 0 : 1; }

// What entries use of a device, and whether that is more than it has: slots of each family's budget,
// places in each list, places in all.
class Use {
public:
  Use(const Driver &driver, Capacity capacity) : driver_(&driver), budgets_{capacity.ipv4, capacity.ipv6}, entries_(driver.lists.size()) {}

  void add(std::uint16_t list, Family family) noexcept {
    slots_[index_of(family)] += driver_->lists[list].cost;
    ++entries_[list];
    ++total_;
  }
  void take_back(std::uint16_t list, Family family) noexcept {
    slots_[index_of(family)] -= driver_->lists[list].cost;
    --entries_[list];
    --total_;
  }

  // As far as this list and family are concerned.
  bool is_too_much(std::uint16_t list, Family family) const noexcept {
    const auto &budget = budgets_[index_of(family)];
    const auto &most = driver_->lists[list].most;
    return (budget && slots_[index_of(family)] > static_cast<double>(*budget)) || (most && entries_[list] > *most) ||
           (driver_->most_entries && total_ > *driver_->most_entries);
  }

private:
  const Driver *driver_;
  std::array<std::optional<std::size_t>, 2> budgets_;
  std::array<double, 2> slots_{};
  std::vector<std::size_t> entries_;
  std::size_t total_ = 0;
};

// What an entry that stands already is worth: more than a newcomer's, and more again for hits read back.
double worth_of_standing(double worth, std::uint64_t hits) noexcept;

} // namespace banpush
