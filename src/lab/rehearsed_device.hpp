// One device of a rehearsal: its twin comes up, banpush is let loose on it, and what came of it is gathered.
#pragma once

#include "lab/network.hpp"
#include "lab/platforms.hpp"
#include "lab/product.hpp"
#include "lab/table_copy.hpp"
#include "settings/config.hpp"

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <sys/types.h>

namespace banpush::lab {

// Where a packet in question comes from; without an interface it comes in where banpush's list is bound.
struct Asked {
  std::string address, interface;
};

struct TwinWanted {
  Twin twin;
  std::string train;
  std::string saved;  // file with its running configuration; empty: what the platform comes with
  std::string folder; // of the rehearsal
  std::vector<std::string> platforms;
};

class RehearsedDevice {
public:
  // Brings the twin up. Throws Error where there can be none.
  RehearsedDevice(const Config &config, const Device &device, const TwinWanted &wanted, const std::vector<Asked> &asked,
                  const std::vector<TableCopied> &tables);
  RehearsedDevice(const RehearsedDevice &) = delete;
  RehearsedDevice &operator=(const RehearsedDevice &) = delete;
  ~RehearsedDevice();

  // Goes through all of it once.
  nlohmann::json result();

private:
  NetworkFile network_file() const;
  void serve();
  nlohmann::json told(const std::vector<std::string> &words) const;
  std::string text() const;
  // One verb of banpush: what it says in JSON, with `status` and `took`; `said` is what it says beside that.
  nlohmann::json banpush(const std::vector<std::string> &words);
  void push_and_push_again();
  void ask_packets();
  void ask(const Asked &from, const std::string &interface, const std::string &whose);
  void compare(const std::string &before, const std::string &after);
  void weigh(const std::string &step, const nlohmann::json &said);

  const Device &device_;
  const TwinWanted &wanted_;
  const std::vector<Asked> &asked_;
  std::string folder_, configuration_;
  std::unique_ptr<Network> network_; // this process's copy of it: as it came up
  pid_t child_ = -1;
  int stop_ = -1;
  std::map<std::string, std::string> banned_; // one of each family, by the sign in its addresses
  nlohmann::json found_;
};

} // namespace banpush::lab
