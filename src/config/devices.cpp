#include "config/devices.hpp"

#include "config/allow.hpp"
#include "config/document/mapping.hpp"
#include "config/document/text_file.hpp"
#include "config/document/values.hpp"
#include "config/secret.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace banpush {

namespace {

constexpr std::size_t most_addresses = 16;

std::vector<std::string> addresses_of(const Node &node, Problems &problems) {
  std::vector<std::string> addresses;
  for (const Node *item : items_of(node)) {
    const auto text = text_of(*item, problems);
    if (!text)
      continue;
    const auto prefix = Prefix::parse(*text);
    const bool is_address = prefix && text->find('/') == std::string::npos;
    if (!is_address && !is_host_name(*text))
      add_mismatch(*item, problems, "an IP address, the name of a host, or local");
    else
      addresses.push_back(*text);
  }
  const bool has_local = std::find(addresses.begin(), addresses.end(), "local") != addresses.end();
  if (has_local && addresses.size() > 1)
    problems.add(node.place, "address: local cannot be combined with other addresses");
  if (addresses.size() > most_addresses)
    problems.add(node.place, fmt::format("address: at most {}", most_addresses));
  if (node.kind == Node::Kind::List && node.items.empty())
    add_mismatch(node, problems, "at least one address");
  return addresses;
}

// USER@HOST:PORT, of which only the host must be there.
std::optional<std::string> jump_of(const Node &node, Problems &problems) {
  const auto text = text_of(node, problems);
  if (!text)
    return std::nullopt;
  const std::size_t at = text->rfind('@');
  std::string host = at == std::string::npos ? *text : text->substr(at + 1);
  std::string port;
  if (!host.empty() && host.front() == '[') {
    const std::size_t end = host.find(']');
    port = end == std::string::npos ? "x" : host.substr(end + 1);
    host = host.substr(1, end == std::string::npos ? end : end - 1);
  } else if (const std::size_t colon = host.find(':'); colon != std::string::npos) {
    port = host.substr(colon);
    host.resize(colon);
  }
  const bool good_port =
      port.empty() || (port.size() > 1 && port.size() <= 6 && port[0] == ':' && port[1] != '0' &&
                       port.find_first_not_of("0123456789", 1) == std::string::npos && std::stoi(port.substr(1)) <= 65535);
  const bool good_host = (Prefix::parse(host) && host.find('/') == std::string::npos) || is_host_name(host);
  if (at != 0 && good_host && good_port)
    return text;
  add_mismatch(node, problems, "USER@HOST:PORT");
  return std::nullopt;
}

Login login_of(Mapping &mapping, Problems &problems, const std::string &folder) {
  Login login;
  login.username = mapping.get("username", text_of).value_or("");
  if (const auto key = mapping.get("key", text_of)) {
    login.key = resolved_path(*key, folder);
    if (const auto objection = unfit_as_secret(login.key, *mapping.find("key")->place.file))
      problems.add(mapping.find("key")->place, "key: " + *objection);
  }
  login.passphrase = mapping.get("passphrase", secret_of, folder);
  login.password = mapping.get("password", secret_of, folder);
  login.agent = mapping.get("agent", yes_no_of).value_or(false);
  if (const auto known_hosts = mapping.get("known_hosts", text_of)) // `trust` makes it
    login.known_hosts = resolved_path(*known_hosts, folder);
  login.legacy_algorithms = mapping.get("legacy_algorithms", yes_no_of).value_or(false);
  if (const Node *question = mapping.find("password_question"))
    login.password_question = pattern_of(*question, problems);
  login.jump = mapping.get("jump", jump_of).value_or("");
  return login;
}

// What goes into lines of `setup`: one blank inside at most, as in `ethernet 1/1/1`.
bool is_interface(const std::string &name) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._:/@-+* ").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= 64 && name.front() != ' ' && name.front() != '-' && name.back() != ' ' &&
         name.find("  ") == std::string::npos && std::all_of(name.begin(), name.end(), fits);
}

std::vector<Attach> attach_of(const Node &node, Problems &problems) {
  std::vector<Attach> places;
  for (const Node *item : items_of(node)) {
    Mapping mapping(*item, problems);
    Attach place;
    place.interface = mapping.need("interface", text_of).value_or("");
    if (const Node *interface = mapping.find("interface");
        interface != nullptr && !place.interface.empty() && !is_interface(place.interface))
      add_mismatch(*interface, problems, "the name of an interface (letters, digits, . _ : / @ + * -, single blanks inside)");
    place.direction =
        mapping.get("direction", word_of<std::string>, Words<std::string>{{"in", "in"}, {"out", "out"}}).value_or(place.direction);
    mapping.done();
    places.push_back(std::move(place));
  }
  return places;
}

Device::Save save_of(const Node &node, Problems &problems) {
  using When = Device::Save::When;
  const std::string &text = node.text;
  if (node.kind == Node::Kind::Text && text == "never")
    return {When::Never, 0};
  if (node.kind == Node::Kind::Text && text == "each")
    return {When::Each, 0};
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 99; };
  if (node.kind == Node::Kind::Text && text.size() == 5 && text[2] == ':') {
    const int hours = digit(0) * 10 + digit(1), minutes = digit(3) * 10 + digit(4);
    if (hours < 24 && minutes < 60)
      return {When::Daily, hours * 60 + minutes};
  }
  add_mismatch(node, problems, "never, each, or a time of day such as \"03:30\"");
  return {};
}

// HOST:PORT, an IPv6 address in brackets.
std::optional<Probe> place_of(const std::string &text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos)
    return std::nullopt;
  std::string host = text.substr(0, colon);
  const std::string port = text.substr(colon + 1);
  const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (in_brackets)
    host = host.substr(1, host.size() - 2);
  const bool good_port = !port.empty() && port.size() <= 5 && port[0] != '0' && port.find_first_not_of("0123456789") == std::string::npos &&
                         std::stoi(port) <= 65535;
  const auto address = Prefix::parse(host);
  const bool is_address = address && host.find('/') == std::string::npos;
  const bool good_host = is_address ? in_brackets == (address->family() == Family::IPv6) : !in_brackets && is_host_name(host);
  if (!good_host || !good_port)
    return std::nullopt;
  return Probe{host, static_cast<std::uint16_t>(std::stoi(port)), {}};
}

std::vector<Probe> probes_of(const Node &node, Problems &problems) {
  std::vector<Probe> probes;
  for (const Node *item : items_of(node)) {
    if (item->kind == Node::Kind::Mapping) {
      Mapping mapping(*item, problems);
      probes.push_back({{}, 0, mapping.need("command", argv_of)});
      mapping.done();
      continue;
    }
    const auto text = text_of(*item, problems);
    const auto place = text ? place_of(*text) : std::nullopt;
    if (place)
      probes.push_back(*place);
    else if (text)
      add_mismatch(*item, problems, "HOST:PORT (an IPv6 address in brackets), or {command: [PROGRAM, …]}");
  }
  return probes;
}

std::map<std::string, std::string> params_of(const Node &node, Problems &problems) {
  std::map<std::string, std::string> params;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const Node &item = node.items[i];
    if (item.kind == Node::Kind::Mapping)
      continue;                                        // a secret: read where the driver's type of it is known
    if (const auto text = any_text_of(item, problems)) // what it may be, the driver's param says
      params[node.keys[i].text] = *text;
  }
  return params;
}

void read_budget(Device &device, const Node &node, Problems &problems) {
  Mapping mapping(node, problems);
  const auto size = [](std::optional<std::int64_t> number) {
    return number ? std::optional(static_cast<std::size_t>(*number)) : std::nullopt;
  };
  device.budget4 = size(mapping.get("ipv4", whole_of, 0, 100'000'000));
  device.budget6 = size(mapping.get("ipv6", whole_of, 0, 100'000'000));
  mapping.done();
}

} // namespace

Device device_of(const Node &merged, const std::string &name, Standing standing, DeviceProblems problems, const std::string &folder) {
  Device device;
  device.name = name;
  device.file = merged.place.text();
  Mapping mapping(merged, problems.essential);
  if (standing == Standing::Device) {
    device.addresses = mapping.need("address", addresses_of);
    device.groups = mapping.get("groups", texts_of);
    device.driver = mapping.need("driver", text_of).value_or("");
  } else {
    device.driver = mapping.get("driver", text_of).value_or("");
  }
  device.port = static_cast<std::uint16_t>(mapping.get("port", whole_of, 1, 65535).value_or(0));
  using Kind = TransportKind;
  device.transport = mapping.get(
      "transport", word_of<Kind>,
      Words<Kind>{
          {"cli", Kind::Cli}, {"exec", Kind::Exec}, {"netconf", Kind::Netconf}, {"nftables", Kind::Nftables}, {"file", Kind::File}});
  Problems unused; // this host needs no login: a key meant for the others is no trouble here
  Mapping login(merged, device.is_local() ? unused : problems.essential);
  device.login = login_of(login, device.is_local() ? unused : problems.essential, folder);
  for (const char *key :
       {"username", "key", "passphrase", "password", "agent", "known_hosts", "legacy_algorithms", "password_question", "jump"})
    mapping.find_even_empty(key);
  if (device.is_local())
    mapping.find_even_empty("enable");
  else
    device.enable = mapping.get("enable", secret_of, folder);
  device.run_with = mapping.get("run_with", argv_of);
  device.params = mapping.get("params", params_of);
  device.connect_timeout = mapping.get("connect_timeout", duration_of).value_or(device.connect_timeout);
  device.silence = mapping.get("silence", duration_of).value_or(device.silence);
  for (const char *key : {"policy", "limits"}) // read elsewhere
    mapping.find_even_empty(key);

  Mapping other(merged, problems.other);
  device.attach = other.get("attach", attach_of);
  if (const Node *budget = other.find("budget"))
    read_budget(device, *budget, problems.other);
  device.save = other.get("save", save_of);
  device.confirm = other.get("confirm", duration_of).value_or(device.confirm);
  using ConfirmWhen = Device::ConfirmWhen;
  device.confirm_when =
      other
          .get("confirm_when", word_of<ConfirmWhen>,
               Words<ConfirmWhen>{{"always", ConfirmWhen::Always}, {"risky", ConfirmWhen::Risky}, {"never", ConfirmWhen::Never}})
          .value_or(device.confirm_when);
  device.probe = other.get("probe", probes_of);
  device.keep_setup = other.get("keep_setup", yes_no_of).value_or(true);
  device.accept_unproven = other.get("accept_unproven", yes_no_of).value_or(false);
  for (const char *key : {"attach", "budget", "save", "confirm", "confirm_when", "probe", "accept_unproven", "keep_setup"})
    mapping.find_even_empty(key);
  mapping.done();
  return device;
}

} // namespace banpush
