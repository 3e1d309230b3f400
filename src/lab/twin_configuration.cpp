#include "lab/twin_configuration.hpp"

#include "config/secret.hpp"
#include "lab/network.hpp"
#include "lab/text_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace banpush::lab {

namespace {

Node text(const std::string &words) {
  Node node;
  node.kind = Node::Kind::Text;
  node.text = words;
  return node;
}

Node mapping() {
  Node node;
  node.kind = Node::Kind::Mapping;
  return node;
}

void drop(Node &node, const std::vector<std::string> &keys) {
  for (std::size_t i = node.keys.size(); i-- > 0;)
    if (std::find(keys.begin(), keys.end(), node.keys[i].text) != keys.end()) {
      node.keys.erase(node.keys.begin() + static_cast<std::ptrdiff_t>(i));
      node.items.erase(node.items.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void put(Node &node, const std::string &key, Node value) {
  drop(node, {key});
  node.keys.push_back(text(key));
  node.items.push_back(std::move(value));
}

Node *find(Node &node, const std::string &key) {
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    if (node.keys[i].text == key)
      return &node.items[i];
  return nullptr;
}

Node &made(Node &node, const std::string &key) {
  if (Node *there = find(node, key); there != nullptr && there->kind == Node::Kind::Mapping)
    return *there;
  put(node, key, mapping());
  return node.items.back();
}

Node file_of(const std::string &path) {
  Node node = mapping();
  put(node, "file", text(path));
  return node;
}

// Allowlists in files beside the configuration are read from there.
void make_paths_whole(Node &node, const std::string &folder) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    Node &item = node.items[i];
    if (node.kind == Node::Kind::Mapping && node.keys[i].text == "allow_files") {
      if (item.kind == Node::Kind::Text)
        item = text(resolved_path(item.text, folder));
      for (Node &one : item.items)
        one = text(resolved_path(one.text, folder));
    } else {
      make_paths_whole(item, folder);
    }
  }
}

// What says where the real device is and how one logs in there, and what would reach out from a rehearsal.
void strip(Node &tier, const std::string &secret) {
  if (tier.kind != Node::Kind::Mapping)
    return;
  drop(tier, {"address", "port", "username", "key", "passphrase", "password", "agent", "known_hosts", "legacy_algorithms",
              "password_question", "jump", "enable", "run_with", "probe", "connect_timeout"});
  if (Node *params = find(tier, "params"))
    for (Node &one : params->items)
      if (one.kind == Node::Kind::Mapping)
        one = file_of(secret);
}

// What banpush would find by itself as not to be blocked, were it not for the twin: the routers, ways to them, the tables.
void protect_real_places(Node &top, const Config &config) {
  std::vector<std::string> places;
  for (const Device &device : config.devices) {
    if (!device.is_local())
      places.insert(places.end(), device.addresses.begin(), device.addresses.end());
    if (std::string jump = device.login.jump; !jump.empty()) {
      jump.erase(0, jump.rfind('@') == std::string::npos ? 0 : jump.rfind('@') + 1);
      if (const std::size_t colon = jump.find(':'); colon != std::string::npos && colon == jump.rfind(':'))
        jump.resize(colon);
      places.push_back(jump.front() == '[' ? jump.substr(1, jump.find(']') - 1) : jump);
    }
  }
  for (const TableSource &table : config.tables)
    if (table.kind == TableSource::Kind::Mysql && table.socket.empty())
      places.push_back(table.host);
  Node &policy = made(top, "policy");
  Node list;
  list.kind = Node::Kind::List;
  if (const Node *own = policy.at("protect"))
    list.items = own->kind == Node::Kind::List ? own->items : std::vector<Node>{*own};
  for (const std::string &place : places)
    list.items.push_back(text(place));
  if (!list.items.empty())
    put(policy, "protect", std::move(list));
}

Node tables_of(const Config &config, const std::vector<TableCopied> &copies) {
  const auto texts = [](const std::vector<std::string> &words) {
    Node list;
    list.kind = Node::Kind::List;
    for (const std::string &word : words)
      list.items.push_back(text(word));
    return list;
  };
  Node all;
  all.kind = Node::Kind::List;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const TableSource &source = config.tables[i];
    Node one = mapping();
    if (copies.size() > 1)
      put(one, "name", text(source.name));
    put(one, "url", text("sqlite:" + copies[i].path));
    put(one, "table", text(source.table));
    if (source.trust != 1.0)
      put(one, "trust", text(fmt::format("{}", source.trust)));
    if (!source.only_jails.empty())
      put(one, "only_jails", texts(source.only_jails));
    if (!source.only_hosts.empty())
      put(one, "only_hosts", texts(source.only_hosts));
    all.items.push_back(std::move(one));
  }
  return all.items.size() == 1 ? all.items.front() : all;
}

} // namespace

std::string twin_configuration(Node top, const Config &config, const Device &device, const TwinPlace &twin,
                               const std::vector<TableCopied> &tables, const std::string &folder) {
  const std::string secret = folder + "/secret";
  write_file(secret, "rehearsal\n");
  make_paths_whole(top, std::filesystem::absolute(config.path).parent_path().string());
  if (Node *defaults = find(top, "defaults"))
    strip(*defaults, secret);
  if (Node *groups = find(top, "groups"))
    for (Node &group : groups->items)
      strip(group, secret);
  Node own = mapping();
  if (const Node *devices = top.at("devices"))
    if (const Node *there = devices->at(device.name))
      own = *there;
  strip(own, secret);
  put(own, "address", text("127.0.0.1"));
  put(own, "port", text(std::to_string(twin.port)));
  put(own, "username", text(twin.username));
  put(own, "password", file_of(twin.password_file));
  put(own, "enable", file_of(twin.enable_file));
  put(own, "known_hosts", text(twin.known_hosts));
  put(own, "accept_unproven", text("yes"));
  put(own, "silence", text("10s")); // a twin answers at once
  Node devices = mapping();
  put(devices, device.name, std::move(own));
  put(top, "devices", std::move(devices));
  put(top, "bans", tables_of(config, tables));
  put(top, "state", text(fmt::format("{}/{}.state.db", folder, device.name)));
  put(top, "spool", text(fmt::format("{}/{}.spool.db", folder, device.name)));
  Node serve = mapping();
  put(serve, "socket", text(folder + "/no-service.sock")); // never the real service's
  put(top, "serve", std::move(serve));
  protect_real_places(top, config);
  return flow_yaml(top) + "\n";
}

} // namespace banpush::lab
