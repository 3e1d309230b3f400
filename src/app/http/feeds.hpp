// Feeds: the devices whose lists are files that firewalls fetch, and what may be handed out of them.
#pragma once

#include "app/state/state.hpp"
#include "settings/config.hpp"

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// One part of a list.
struct FeedPart {
  std::string device, list; // by the configuration and by the driver
  std::size_t part = 1, parts = 1;
  std::string path;
  bool is_used = true; // false: of families that the device's policy leaves out

  // Below `/feed/`: `DEVICE`, `DEVICE/LIST` where the device has several lists, and `/N` behind that where a list has several parts.
  std::string name;
};
// The only part of a list is also called by its number: firewalls are told `/1` before anybody knows whether there will be more.
bool is_called(const FeedPart &part, std::string_view name);

// Of one device, or of all; none where no list of a device is a file.
std::vector<FeedPart> feed_parts(const Config &config, const Device &device);
std::vector<FeedPart> feed_parts(const Config &config);
// Without those that are not used and never were.
std::vector<FeedPart> feed_parts(const Config &config, State &state);

struct FeedText {
  std::shared_ptr<const std::string> text;
  std::size_t entries = 0;
  std::string sha256; // of the text
  std::time_t changed = 0;
};

// What a push has read back of the part last; nothing: none has.
std::optional<State::PartRead> read_back(State &state, const FeedPart &part);

// The part as it is. Throws Error (Device) where it may not be handed out: it is not there, or is not byte for byte what a push has
// read back of it. Whoever fetches it then keeps what it has.
FeedText feed_text(State &state, const FeedPart &part);

} // namespace banpush
