// Feeds: the devices whose lists are files that firewalls fetch, and what may be handed out of them.
#pragma once

#include "app/state/state.hpp"
#include "settings/config.hpp"
#include "transport/file/list_file.hpp"

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

// One part of a list.
struct FeedPart {
  std::string device, list; // by the configuration and by the driver
  std::size_t part = 1, parts = 1;
  std::string path;
  ListFile::Head head = ListFile::Head::None;

  // Below `/feed/`: `DEVICE`, `DEVICE/LIST` where the device has several lists, and `/N` behind that where a list has several parts.
  std::string name;
};

// Of one device, or of all; none where no list of a device is a file.
std::vector<FeedPart> feed_parts(const Config &config, const Device &device);
std::vector<FeedPart> feed_parts(const Config &config);

struct FeedText {
  std::shared_ptr<const std::string> text;
  std::size_t entries = 0;
  std::string sha256; // of the text
  std::time_t changed = 0;
};

// The part as it is, whole. Throws Error (Device) where it may not be handed out: it is not there, was never read back, was cut,
// or is empty though nothing is known that emptied it. Whoever fetches it then keeps what it has.
FeedText feed_text(State &state, const FeedPart &part);

} // namespace banpush
