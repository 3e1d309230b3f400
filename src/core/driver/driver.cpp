#include "core/driver/driver.hpp"

#include <algorithm>

namespace banpush {

const char *word(TransportKind kind) noexcept {
  switch (kind) {
  case TransportKind::Cli: return "cli";
  case TransportKind::Exec: return "exec";
  case TransportKind::Netconf: return "netconf";
  case TransportKind::Nftables: return "nftables";
  case TransportKind::File: return "file";
  }
  return "?";
}

const char *word(Stage stage) noexcept {
  switch (stage) {
  case Stage::Open: return "open";
  case Stage::Change: return "change";
  case Stage::Remove: return "remove";
  case Stage::Add: return "add";
  case Stage::Close: return "close";
  case Stage::Commit: return "commit";
  case Stage::Confirm: return "confirm";
  case Stage::Cancel: return "cancel";
  case Stage::Abort: return "abort";
  case Stage::Leave: return "leave";
  case Stage::Save: return "save";
  case Stage::Setup: return "setup";
  case Stage::Unsetup: return "unsetup";
  case Stage::Undo: return "undo";
  case Stage::Renumber: return "renumber";
  }
  return "?";
}

const List *Driver::list(std::string_view wanted) const noexcept {
  const auto found = std::find_if(lists.begin(), lists.end(), [&](const List &list) { return list.name == wanted; });
  return found == lists.end() ? nullptr : &*found;
}

const List *Driver::list_for(const Prefix &prefix, bool with_service) const noexcept {
  for (const List &list : lists) {
    const bool family = std::find(list.families.begin(), list.families.end(), prefix.family()) != list.families.end();
    const bool kind = prefix.is_host() ? list.hosts : list.nets;
    if (family && kind && (list.services || !with_service))
      return &list;
  }
  return nullptr;
}

std::int64_t DeadMan::taken(std::int64_t confirm) const noexcept {
  const std::int64_t length = unit == Unit::Minute ? 60 : 1;
  return std::clamp<std::int64_t>((confirm + length - 1) / length, least, most) * length;
}

} // namespace banpush
