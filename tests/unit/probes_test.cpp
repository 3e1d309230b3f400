// What answered before a change has to answer behind it, and what did not is not judged.
#include "app/probes.hpp"
#include "core/error.hpp"
#include "transport/descriptor.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <unistd.h>

using namespace banpush;

namespace {

// A place that takes connections as long as it lives.
class Listener {
public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr *>(&address), length) == 0);
    REQUIRE(::listen(socket_.get(), 8) == 0);
    REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr *>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const { return port_; }
  void end() { socket_.reset(); }

private:
  Descriptor socket_;
  std::uint16_t port_ = 0;
};

Device with(std::vector<Probe> probe) {
  Device device;
  device.name = "r1";
  device.confirm = 3; // asked again for a third of it
  device.probe = std::move(probe);
  return device;
}

std::string complaint_of(Probes &probes) {
  try {
    probes.look_after();
  } catch (const Error &error) {
    CHECK(error.kind() == ErrorKind::Connect);
    return error.what();
  }
  return {};
}

} // namespace

TEST_CASE("probes: a place that answered and does not any more is named") {
  Listener one, other;
  const std::string name = "probe 127.0.0.1 port " + std::to_string(one.port());
  Probes probes(Config(), with({{"127.0.0.1", one.port(), {}}, {"127.0.0.1", other.port(), {}}}));
  probes.look_before();
  CHECK(complaint_of(probes).empty());
  CHECK(probes.reached().size() == 2);
  one.end();
  const std::string complaint = complaint_of(probes);
  CHECK(complaint.rfind(name + " answered before the change and does not now (", 0) == 0);
  CHECK(complaint.find(std::to_string(other.port())) == std::string::npos);
  CHECK(probes.not_judged().empty());
}

TEST_CASE("probes: of what was not asked nothing is told") {
  Listener one;
  const Probes probes(Config(), with({{"127.0.0.1", one.port(), {}}}));
  CHECK(probes.not_judged().empty());
  CHECK(probes.reached().empty());
}

TEST_CASE("probes: what did not answer before is told, and not judged") {
  Listener gone;
  const std::uint16_t port = gone.port();
  gone.end();
  Probes probes(Config(), with({{"127.0.0.1", port, {}}}));
  probes.look_before();
  CHECK(complaint_of(probes).empty());
  CHECK(probes.reached().empty());
  REQUIRE(probes.not_judged().size() == 1);
  CHECK(probes.not_judged().front().find("it did not answer before the change") != std::string::npos);
}

TEST_CASE("probes: a program answers by its status, and is asked again until it does") {
  char folder[] = "/tmp/banpush-probes-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string file = std::string(folder) + "/there";
  std::ofstream(file).put('x');
  Probes probes(Config(), with({{{}, 0, {"test", "-e", file}}}));
  probes.look_before();
  std::filesystem::remove(file);
  CHECK(complaint_of(probes) == "probe `test -e " + file + "` answered before the change and does not now (status 1: )");
  std::ofstream(file).put('x');
  CHECK(complaint_of(probes).empty());
  std::filesystem::remove_all(folder);
}

TEST_CASE("probes: the ban table counts where it is reached over TCP") {
  Listener table;
  Config config;
  config.tables.resize(3);
  config.tables[0].kind = TableSource::Kind::Mysql;
  config.tables[0].host = "127.0.0.1";
  config.tables[0].port = table.port();
  config.tables[1].kind = TableSource::Kind::Mysql;
  config.tables[1].socket = "/run/mysqld/mysqld.sock";
  Probes probes(config, with({}));
  probes.look_before();
  CHECK(probes.reached() == std::vector<std::string>{"table bans (127.0.0.1 port " + std::to_string(table.port()) + ")"});
  table.end();
  CHECK(complaint_of(probes).find("table bans") == 0);
}
