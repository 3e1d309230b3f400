// The entries of an XML reply, by the XPaths of a driver's read; element names are local names, so a
// reply may use any prefix for its namespaces.
#pragma once

#include "core/driver/driver.hpp"
#include "core/driver/entry_text.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace banpush {

// What is wrong with an XPath of a driver, in pugixml's words; nothing when it is one.
std::optional<std::string> broken_xpath(const std::string &path);

// Each leaf element of an XML text as a line: `/data/filter/term[2]/then/accept`, a blank and its text where it has one, and each
// attribute as `/data/filter/@inactive`. Names are local, the first of several of a name has no number. Throws Error (Device) where
// the text is not one whole XML document.
std::string leaves_of(const std::string &text);

// What a request that changes something says, for the guard: each element that `path` names, with the
// pieces of the first shape that fits. Elements and attributes are named without prefix. Throws Error
// (Guard) where the text is no XML.
class XmlRequest {
public:
  explicit XmlRequest(const std::string &text);
  ~XmlRequest();
  std::size_t each(const std::string &path, const std::vector<Shape> &shapes,
                   const std::function<void(const Pieces &pieces, std::string_view text)> &found) const;
  // The local name of the request's operation.
  std::string operation() const;
  // Elements with an operation attribute (RFC 6241 7.2); and whether all that is not named would be taken away.
  std::size_t edits() const;
  bool replaces_all() const;

private:
  struct Document;
  std::unique_ptr<Document> document_;
};

class XmlItems {
public:
  // Throws Error (Device) where the text is not one whole XML document. No entities but XML's own five
  // are expanded, no document type is read.
  XmlItems(const Read &read, const std::string &text);
  ~XmlItems();

  // Calls back once for each list (its name, no pieces, no text) and once for each entry in it.
  void each(const std::function<void(std::string_view list, const Pieces &pieces, std::string_view text)> &found) const;
  // Calls back for each list in which an element is that no path of the read names, or an entry of ours with one that its shape
  // does not name: where it is in the list.
  void each_unknown(const std::function<void(std::string_view list, std::string_view element)> &found) const;

private:
  struct Document;
  const Read &read_;
  std::unique_ptr<Document> document_;
};

} // namespace banpush
