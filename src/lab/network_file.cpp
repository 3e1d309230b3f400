#include "lab/network.hpp"

#include "config/document/mapping.hpp"
#include "config/document/values.hpp"

#include <filesystem>
#include <fmt/format.h>

namespace banpush::lab {

namespace {

std::string quoted(const std::string &text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += c;
  }
  return out + "\"";
}

// In one line some characters mean something that a text of several lines may hold as they are.
bool is_plain_in_flow(const std::string &text) {
  return !text.empty() && text.find_first_of("[]{},\n\t\\\"'`#&*!|>%@") == std::string::npos && text.find(": ") == std::string::npos &&
         text.front() != '-' && text.front() != '?' && text.front() != ':' && text.back() != ':';
}

// `lose after 120 lines`, `refuse after 14 entries TEXT`
std::optional<Fault> fault_of(const Node &node, Problems &problems) {
  static const Pattern form(
      R"(\A(?P<kind>lose|hang|refuse|swallow) after (?P<after>\d{1,9}) (?P<counts>line|entrie|entry)s?(?: (?P<words>.*))?\z)");
  const auto match = form.match(node.text);
  if (!match) {
    add_mismatch(node, problems, "lose, hang, refuse or swallow, `after N lines` or `after N entries`");
    return std::nullopt;
  }
  static const std::map<std::string_view, Fault::Kind> kinds{
      {"lose", Fault::Kind::Lose}, {"hang", Fault::Kind::Hang}, {"refuse", Fault::Kind::Refuse}, {"swallow", Fault::Kind::Swallow}};
  Fault fault;
  fault.kind = kinds.at(*match->group("kind"));
  fault.after = std::stoull(std::string(*match->group("after")));
  fault.counts = *match->group("counts") == "line" ? Fault::Counts::Lines : Fault::Counts::Entries;
  fault.words = std::string(match->group("words").value_or(""));
  return fault;
}

void take(std::string &into, Mapping &mapping, const char *key) {
  if (const Node *node = mapping.find_even_empty(key))
    into = node->text;
}

template <class Size>
void take_size(Size &into, Mapping &mapping, const char *key) {
  if (const auto found = mapping.get(key, whole_of, 0, 1'000'000'000))
    into = static_cast<std::size_t>(*found);
}

void read_variant(Variant &variant, Mapping &mapping) {
  take(variant.hostname, mapping, "hostname");
  take(variant.username, mapping, "username");
  take(variant.password, mapping, "password");
  take(variant.enable, mapping, "enable");
  take(variant.noise, mapping, "noise");
  take(variant.banner, mapping, "banner");
  take(variant.motd, mapping, "motd");
  take(variant.host_key, mapping, "host_key");
  take(variant.config, mapping, "config");
  variant.connect_delay = mapping.get("connect_delay", milliseconds_of).value_or(variant.connect_delay);
  variant.delay = mapping.get("delay", milliseconds_of).value_or(variant.delay);
  variant.minute = mapping.get("minute", milliseconds_of).value_or(variant.minute);
  take_size(variant.chunk, mapping, "chunk");
  take_size(variant.noise_every, mapping, "noise_every");
  take_size(variant.nul_every, mapping, "nul_every");
  take_size(variant.rows, mapping, "rows");
  take_size(variant.columns, mapping, "columns");
  take_size(variant.sessions, mapping, "sessions");
  take_size(variant.full_at, mapping, "full_at");
  take_size(variant.type_ahead, mapping, "type_ahead");
  if (variant.rows)
    variant.values["length"] = std::to_string(*variant.rows);
  if (variant.columns)
    variant.values["width"] = std::to_string(*variant.columns);
  if (const Node *values = mapping.find("values"))
    for (std::size_t i = 0; i < values->keys.size(); ++i)
      variant.values[values->keys[i].text] = values->items[i].text;
}

void read_member(NetworkFile &file, const std::string &name, const Node &node, Problems &problems) {
  Mapping mapping(node, problems);
  Member member;
  member.device = mapping.need("device", text_of).value_or("");
  take(member.train, mapping, "train");
  take(member.driver, mapping, "driver");
  take(member.address, mapping, "address");
  member.port = static_cast<std::uint16_t>(mapping.get("port", whole_of, 0, 65535).value_or(0));
  read_variant(member.variant, mapping);
  if (const Node *faults = mapping.find("faults"))
    for (const Node *item : items_of(*faults))
      if (const auto fault = fault_of(*item, problems))
        member.faults.push_back(*fault);
  if (const Node *own = mapping.find("banpush"); own != nullptr && own->kind == Node::Kind::Mapping)
    member.banpush = flow_yaml(*own);
  const auto count = mapping.get("count", whole_of, 1, 10'000).value_or(1);
  mapping.done();
  for (std::int64_t i = 1; i <= count; ++i) {
    Member one = member;
    one.name = count == 1 ? name : fmt::format("{}-{}", name, i);
    one.port = static_cast<std::uint16_t>(member.port == 0 ? 0 : member.port + i - 1);
    if (one.variant.hostname.empty())
      one.variant.hostname = one.name;
    file.members.push_back(std::move(one));
  }
}

} // namespace

std::string flow_yaml(const Node &node) {
  std::string out;
  switch (node.kind) {
  case Node::Kind::Nothing: return "";
  case Node::Kind::Text: return node.plain && is_plain_in_flow(node.text) ? node.text : quoted(node.text);
  case Node::Kind::List:
    for (const Node &item : node.items)
      out += (out.empty() ? "" : ", ") + flow_yaml(item);
    return "[" + out + "]";
  case Node::Kind::Mapping:
    for (std::size_t i = 0; i < node.keys.size(); ++i)
      out += (out.empty() ? "" : ", ") + quoted(node.keys[i].text) + ": " + flow_yaml(node.items[i]);
    return "{" + out + "}";
  }
  return out;
}

NetworkFile read_network(const std::string &file) {
  const Node top = read_document(file);
  Problems problems;
  report_flaws(top, problems);
  NetworkFile network;
  Mapping mapping(top, problems);
  if (const Node *own = mapping.find("banpush"))
    for (std::size_t i = 0; i < own->keys.size(); ++i)
      network.banpush += own->keys[i].text + ": " + flow_yaml(own->items[i]) + "\n";
  const Node *devices = mapping.find("devices");
  if (devices == nullptr || devices->keys.empty())
    problems.add(top.place, "devices: a mapping of at least one device");
  else
    for (std::size_t i = 0; i < devices->keys.size(); ++i)
      read_member(network, devices->keys[i].text, devices->items[i], problems);
  mapping.done();
  problems.raise();
  return network;
}

std::string description_file(const std::string &device, const std::vector<std::string> &folders) {
  namespace fs = std::filesystem;
  if (device.find('/') != std::string::npos)
    return device;
  std::string tried;
  for (const std::string &folder : folders) {
    const std::string file = folder + "/" + device + "/device.yaml";
    std::error_code ignored;
    if (fs::exists(file, ignored))
      return file;
    tried += (tried.empty() ? "" : ", ") + file;
  }
  throw Error(ErrorKind::Config, fmt::format("no device is called \"{}\" (looked for {})", device, tried));
}

} // namespace banpush::lab
