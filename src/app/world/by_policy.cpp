#include "app/world/by_policy.hpp"

#include "app/world/table_filter.hpp"
#include "core/policy/address_bans.hpp"
#include "core/policy/life.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

namespace banpush {

namespace {

// The rows of one address as a push takes them, with what a policy makes of each.
class AddressRows {
public:
  AddressRows(const std::vector<ListedBan> &rows, const TableSource &source) {
    for (const ListedBan &row : rows) {
      const RawBan raw{row.hostname, row.created, row.jail,  row.protocol, row.port,
                       row.ip,       row.age,     row.until, row.revoked,  row.revoked_by_operator};
      const std::size_t before = bans_.rows().size();
      if (is_taken(source, raw))
        bans_.add(raw, 0, source.name);
      numbers_.push_back(bans_.rows().size() != before ? std::optional{before} : std::nullopt);
    }
    order_.resize(bans_.rows().size());
    std::iota(order_.begin(), order_.end(), 0U);
  }

  // Which ban of the address within escalate.window the row is.
  unsigned place(std::size_t row, const Policy &policy) const {
    return numbers_[row] ? AddressBans(bans_, policy).places(all())[*numbers_[row]] : 1;
  }

  // Whether it runs no more, by any of the policies. What counts for none is not over by that.
  bool is_over(std::size_t row, const std::vector<const Policy *> &policies) const {
    if (!numbers_[row])
      return false;
    const Ban &ban = bans_.rows()[*numbers_[row]];
    return std::all_of(policies.begin(), policies.end(), [&](const Policy *policy) {
      AddressBans of_address(bans_, *policy);
      return of_address.rules().revoked(ban) || of_address.rules().left(ban, of_address.places(all())[*numbers_[row]]) <= 0;
    });
  }

private:
  Rows all() const { return {order_.data(), order_.data() + order_.size()}; }

  Bans bans_;
  std::vector<std::optional<std::size_t>> numbers_; // by row: its number among the bans; none: it is no ban
  std::vector<std::uint32_t> order_;
};

// Whether the unban concerns it, as BanTable::unban() has it.
bool is_concerned(const ListedBan &row, const SpooledUnban &unban) {
  return (unban.jail.empty() || row.jail == unban.jail) && (unban.hostname.empty() || row.hostname == unban.hostname) &&
         !row.revoked_by_operator;
}

std::size_t over_among(const std::vector<ListedBan> &rows, const TableSource &source, const Config &config, const SpooledUnban &unban) {
  const AddressRows of_address(rows, source);
  const auto policies = policies_of(config);
  std::size_t over = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    over += is_concerned(rows[i], unban) && of_address.is_over(i, policies) ? 1 : 0;
  return over;
}

} // namespace

std::vector<const Policy *> policies_of(const Config &config) {
  std::vector<const Policy *> all{&config.policy};
  for (const Device &device : config.devices)
    if (std::none_of(all.begin(), all.end(), [&](const Policy *one) { return *one == device.policy; }))
      all.push_back(&device.policy);
  return all;
}

NewBan with_escalation(NewBan ban, const Policy &policy, BanTable &table, const TableSource &source) {
  if (!policy.escalate || ban.lasts <= 0 || ban.lasts == permanent)
    return ban;
  const auto rows = table.about(ban.ip);
  const auto same = std::find_if(rows.begin(), rows.end(), [&](const ListedBan &row) {
    return row.jail == ban.jail && row.hostname == ban.hostname &&
           (ban.occasion != Occasion::New || (row.protocol == ban.protocol && row.port == ban.port)); // a jail's ports may be edited
  });
  if (same == rows.end() || same->until)
    return ban;
  const auto row = static_cast<std::size_t>(same - rows.begin());
  ban.lasts = escalated(policy.escalate, ban.lasts, AddressRows(rows, source).place(row, policy));
  return ban;
}

Unbanned unban_in(const std::vector<std::unique_ptr<BanTable>> &tables, const Config &config, const SpooledUnban &unban) {
  Unbanned all;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const bool asks = unban.who == Revoker::Operator;
    const std::size_t over = asks ? over_among(tables[i]->about(unban.ip), config.tables[i], config, unban) : 0;
    const std::size_t rows = tables[i]->unban(unban.ip, unban.jail, unban.hostname, unban.who, unban.actor, unban.age);
    all.rows += rows;
    all.over += std::min(rows, over);
  }
  return all;
}

} // namespace banpush
