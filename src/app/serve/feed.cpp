#include "app/serve/feed.hpp"

#include <fmt/format.h>

namespace banpush {

namespace {

// A service waits for nobody long: it comes back in a second.
constexpr TableTimeouts timeouts{std::chrono::seconds{3}, std::chrono::seconds{30}};
// Names of devices and reporters are looked up again after so long.
constexpr std::chrono::minutes names_last{5};

} // namespace

void Feed::open() {
  if (!tables_.empty())
    return;
  tables_ = open_all(*config_, timeouts);
  stale_ = true;
}

std::shared_ptr<Snapshot> Feed::look(Look how, std::vector<std::string> &said) {
  try {
    open();
    if (spool_waits(config_->spool)) {
      Spool spool(config_->spool);
      const Delivered delivered = deliver(spool, config_->spool, tables_);
      if (delivered.arrived != 0) {
        said.push_back(fmt::format("{} from the spool reached the table", delivered.arrived));
        stale_ = true; // SQLite does not count what this connection wrote
      }
      for (const std::string &one : delivered.refused)
        said.push_back("the table will never take what was spooled: " + one);
    }
    for (const auto &table : tables_)
      stale_ = table->changed() || stale_;
    if (!stale_ && how == Look::Glance)
      return nullptr;
    const auto begin = Clock::now();
    Config fresh = *config_;
    Fetched fetched = fetch_rows(fresh, tables_);
    keep_copies(config_->spool, fetched);
    fetched.protect = protect(fresh, fetched);
    said.insert(said.end(), fetched.notes.begin(), fetched.notes.end());
    auto snapshot = std::make_shared<Snapshot>(++number_, std::move(fresh), std::move(fetched.bans), std::move(fetched.protect));
    cost_ = Clock::now() - begin;
    stale_ = false;
    spooled_.clear();
    return snapshot;
  } catch (const Error &) {
    tables_.clear();
    stale_ = true;
    throw;
  }
}

std::shared_ptr<Snapshot> Feed::spooled(std::vector<std::string> &said) {
  if (!spool_waits(config_->spool))
    return nullptr;
  Spool spool(config_->spool);
  std::string content;
  for (const Spooled &one : spool.waiting())
    content += fmt::format("{} ", one.id);
  if (content == spooled_)
    return nullptr;
  spooled_ = content;
  Config fresh = *config_;
  auto fetched = fetch_spooled(fresh, spool);
  if (!fetched) {
    said.emplace_back("bans wait in the spool, and for the devices too: no allowlist of the table was ever seen here");
    return nullptr;
  }
  auto snapshot = std::make_shared<Snapshot>(++number_, std::move(fresh), std::move(fetched->bans), std::move(fetched->protect));
  snapshot->only_adds = true;
  return snapshot;
}

// Looking up names may take seconds where a name server is silent: not for each ban.
std::vector<NamedPrefix> Feed::protect(const Config &fresh, const Fetched &fetched) {
  std::string from;
  for (const std::uint32_t host : fetched.bans.hosts())
    from += fetched.bans.name(host) + '\n';
  for (const auto &[name, copy] : fetched.copies)
    for (const auto &[hostname, address] : copy.reporters)
      from += hostname + ' ' + address + '\n';
  if (from != protected_from_ || Clock::now() - protected_at_ > names_last) {
    protected_ = protected_set(fresh, fetched);
    protected_from_ = std::move(from);
    protected_at_ = Clock::now();
  }
  return protected_;
}

} // namespace banpush
