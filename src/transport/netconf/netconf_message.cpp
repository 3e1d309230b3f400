#include "transport/netconf/netconf_message.hpp"

#include "core/error.hpp"
#include "transport/judgement.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <pugixml.hpp>
#include <sstream>

namespace banpush {

namespace {

// What the short names of RFC 6241 stand behind, and as older devices write it.
constexpr std::string_view own_uris[] = {"urn:ietf:params:netconf", "urn:ietf:params:xml:ns:netconf"};

constexpr std::string_view base_uri = "urn:ietf:params:xml:ns:netconf:base:";

std::string_view local_name(pugi::xml_node node) {
  const std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos)
    return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::string printed(pugi::xml_node node, unsigned format) {
  std::ostringstream out;
  node.print(out, "", format | pugi::format_no_declaration, pugi::encoding_utf8);
  return std::move(out).str();
}

[[noreturn]] void refuse(std::string_view message, const std::string &what) {
  throw Error(ErrorKind::Device, fmt::format("{}; the message begins \"{}\"", what, in_one_line(message.substr(0, 200), 120)));
}

pugi::xml_node load(pugi::xml_document &document, std::string_view message) {
  // Before the first element some devices print a line or two.
  const std::size_t from = message.find('<');
  if (from == std::string_view::npos)
    refuse(message, "a message without XML came");
  const std::string_view text = message.substr(from);
  const pugi::xml_parse_result result =
      document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_doctype, pugi::encoding_utf8);
  if (!result)
    refuse(text, fmt::format("a message came that is not whole XML ({} at byte {})", result.description(), result.offset));
  for (const pugi::xml_node node : document.children())
    if (node.type() == pugi::node_doctype)
      refuse(text, "a message came with a document type, which could make one entity a million; it is not read");
  return document.document_element();
}

// The namespace that a root element says it is in; empty where it says none, as some old devices do.
std::string_view namespace_of(pugi::xml_node root, std::string_view message) {
  const std::string_view name = root.name();
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos)
    return root.attribute("xmlns").value();
  const pugi::xml_attribute declared = root.attribute(("xmlns:" + std::string(name.substr(0, colon))).c_str());
  if (!declared)
    refuse(message, fmt::format("a message came whose <{}> has a prefix that stands for nothing", name));
  return declared.value();
}

// What a message is must be said in NETCONF's own namespace, if in any.
void check_namespace(pugi::xml_node root, std::string_view message) {
  const std::string_view uri = namespace_of(root, message);
  if (!uri.empty() && uri.substr(0, base_uri.size()) != base_uri)
    refuse(message, fmt::format("a message came whose <{}> is in the unknown namespace {}", root.name(), in_one_line(uri)));
}

std::string value_of(pugi::xml_node node) { return trimmed(node.text().get()); }

NetconfError error_of(pugi::xml_node node) {
  NetconfError error;
  for (const pugi::xml_node child : node.children()) {
    const std::string_view name = local_name(child);
    if (name == "error-type")
      error.type = value_of(child);
    else if (name == "error-tag")
      error.tag = value_of(child);
    else if (name == "error-severity")
      error.severity = value_of(child);
    else if (name == "error-app-tag")
      error.app_tag = value_of(child);
    else if (name == "error-path" || name == "path")
      error.path = value_of(child);
    else if (name == "error-message" || name == "message")
      error.message = value_of(child);
    else if (child.type() == pugi::node_element) {
      for (const pugi::xml_node one : child.children())
        if (local_name(one) == "session-id")
          error.session = value_of(one);
      error.info += in_one_line(printed(child, pugi::format_raw), 1000);
    }
  }
  return error;
}

// Errors stand in the answer itself, or on some devices one element deeper; never in data.
void collect(pugi::xml_node node, int depth, NetconfReply &reply) {
  for (const pugi::xml_node child : node.children()) {
    if (child.type() != pugi::node_element)
      continue;
    const std::string_view name = local_name(child);
    if (name == "ok")
      reply.ok = true;
    else if (name == "rpc-error" || std::string_view(child.name()) == "xnm:error" || std::string_view(child.name()) == "xnm:warning") {
      reply.errors.push_back(error_of(child));
      if (reply.errors.back().severity.empty())
        reply.errors.back().severity = name == "warning" ? "warning" : "error";
    } else if (name == "data" && depth == 0)
      reply.data = printed(child, pugi::format_indent);
    else if (depth < 2 && child.first_child().type() == pugi::node_element)
      collect(child, depth + 1, reply);
    else
      reply.rest += in_one_line(printed(child, pugi::format_raw), 1000);
  }
}

} // namespace

namespace {

// `:candidate` of urn:ietf:params:netconf:capability:candidate:1.0, `:base:1.1`; the URI itself where it is none of RFC 6241's.
std::string_view short_name(std::string_view uri) {
  uri = uri.substr(0, uri.find('?'));
  for (const std::string_view own : own_uris)
    if (uri.substr(0, own.size()) == own) {
      const std::string_view rest = uri.substr(own.size());
      if (rest.substr(0, 12) == ":capability:")
        return rest.substr(11);
      if (rest.substr(0, 6) == ":base:")
        return rest;
    }
  return uri;
}

} // namespace

bool NetconfHello::has(std::string_view capability) const {
  return std::any_of(capabilities.begin(), capabilities.end(), [&](const std::string &uri) {
    const std::string_view name = short_name(uri);
    // `:validate` stands for any version of it.
    return name == capability || (capability.substr(0, 1) == ":" && name.size() > capability.size() &&
                                  name.substr(0, capability.size()) == capability && name[capability.size()] == ':');
  });
}

std::string NetconfHello::text() const {
  std::string text;
  for (const std::string &capability : capabilities)
    text += capability + "\n";
  return text;
}

bool NetconfError::is_busy() const noexcept { return tag == "lock-denied" || tag == "in-use" || tag == "resource-denied"; }

std::string NetconfError::text() const {
  std::string text = fmt::format("{} {}", type.empty() ? "rpc" : type, tag.empty() ? "error" : tag);
  if (!app_tag.empty())
    text += fmt::format(" ({})", app_tag);
  if (!message.empty())
    text += fmt::format(": {}", in_one_line(message, 600));
  if (!path.empty())
    text += fmt::format(", at {}", in_one_line(path));
  if (tag == "lock-denied" && !session.empty())
    text += session == "0" ? ", held by somebody outside of NETCONF, or the candidate has changes of somebody's that were not committed"
                           : fmt::format(", held by session {}", session);
  if (!info.empty())
    text += fmt::format(", {}", info);
  return text;
}

std::string root_of(std::string_view message) {
  pugi::xml_document document;
  return std::string(local_name(load(document, message)));
}

NetconfHello read_hello(std::string_view message) {
  pugi::xml_document document;
  const pugi::xml_node root = load(document, message);
  if (local_name(root) != "hello")
    refuse(message, fmt::format("a hello was due, a <{}> came", root.name()));
  check_namespace(root, message);
  NetconfHello hello;
  for (const pugi::xml_node child : root.children()) {
    if (local_name(child) == "session-id")
      hello.session_id = value_of(child);
    if (local_name(child) != "capabilities")
      continue;
    for (const pugi::xml_node capability : child.children())
      if (auto text = value_of(capability); local_name(capability) == "capability" && !text.empty())
        hello.capabilities.push_back(std::move(text));
  }
  if (!hello.has(":base:1.0") && !hello.has(":base:1.1"))
    refuse(message, "the device's hello names neither base:1.0 nor base:1.1: it speaks no NETCONF that is known here");
  return hello;
}

NetconfReply read_reply(std::string_view message) {
  pugi::xml_document document;
  const pugi::xml_node root = load(document, message);
  if (local_name(root) != "rpc-reply")
    refuse(message, fmt::format("an rpc-reply was due, a <{}> came", root.name()));
  check_namespace(root, message);
  NetconfReply reply;
  if (const pugi::xml_attribute id = root.attribute("message-id"))
    reply.message_id = id.value();
  collect(root, 0, reply);
  return reply;
}

} // namespace banpush
