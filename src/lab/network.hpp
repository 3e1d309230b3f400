// A whole small network of emulated devices: its file, its devices on the loopback interface, and a banpush
// configuration that fits it.
#pragma once

#include "config/document/document.hpp"
#include "lab/ssh/ssh_server.hpp"

namespace banpush::lab {

// One device of a network file, after `count` made several of it.
struct Member {
  std::string name;
  std::string device; // name of a folder, or path of a device.yaml
  std::string train;
  std::string driver; // what banpush drives it with; empty: the device's name
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  Variant variant;
  std::vector<Fault> faults;
  std::string banpush; // keys of its own in banpush's configuration, as YAML in one line
};

struct NetworkFile {
  std::vector<Member> members;
  std::string banpush; // top-level keys of banpush's configuration, as YAML
};

// `extra.seconds` and the like are resolved; `folders` are where a device's name is looked up as
// NAME/device.yaml. Throws Error (Config) with everything that is wrong.
NetworkFile read_network(const std::string &file);

// A node as YAML in one line.
std::string flow_yaml(const Node &node);

// The device.yaml a member speaks of. Throws Error (Config) when there is none.
std::string description_file(const std::string &device, const std::vector<std::string> &folders);

class Network {
public:
  // Makes keys and files in `folder`, which is there and empty, and listens.
  Network(const NetworkFile &file, const std::vector<std::string> &folders, const std::string &folder);
  ~Network();

  // Serves until `stop` is readable, or somebody says `down` at the control socket (`folder`/lab.sock).
  void serve(int stop);
  const std::string &configuration() const noexcept { return configuration_; }
  // As it came up, and where it listens. Throws std::out_of_range for a device that is none of its own.
  const Emulated &device(const std::string &name) const { return *devices_.at(name).emulated; }
  std::uint16_t port(const std::string &name) const { return devices_.at(name).ssh->port(); }

private:
  struct Running {
    Member member;
    std::unique_ptr<Emulated> emulated;
    std::unique_ptr<SshDevice> ssh;
  };
  void write_files(const NetworkFile &file);
  void converse(Clock::time_point now);
  std::string command(const std::string &line);

  std::string folder_, configuration_;
  std::map<std::string, Running> devices_;
  std::vector<std::string> order_;
  int control_ = -1;
  bool down_ = false;
};

// What a command to one device gives back, as JSON. docs/lab.md lists the commands. Throws Error (Usage).
std::string tell(Emulated &device, const std::vector<std::string> &words);

// The words of a control line: blanks part them, JSON strings hold any text.
std::vector<std::string> words_of(const std::string &line);

} // namespace banpush::lab
