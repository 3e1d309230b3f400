// The entries of a JSON reply, by the pointers of a driver's read (RFC 6901, with `*` for every member).
#pragma once

#include "core/driver/driver.hpp"
#include "core/driver/entry_text.hpp"

#include <functional>
#include <memory>

namespace banpush {

class JsonItems {
public:
  // Throws Error (Device) where the text is not one whole JSON document.
  JsonItems(const Read &read, const std::string &text);
  ~JsonItems();

  // Calls back once for each list (its name, no pieces, no text) and once for each entry in it.
  void each(const std::function<void(std::string_view list, const Pieces &pieces, std::string_view text)> &found) const;

  // Calls back for each list with a member that no pointer of the read names, or an entry of ours with one that its shape does not
  // name: where it is in the list.
  void each_unknown(const std::function<void(std::string_view list, std::string_view member)> &found) const;

private:
  struct Document;
  const Read &read_;
  std::unique_ptr<Document> document_;
};

} // namespace banpush
