// The program that people call records bans and nothing else: fail2ban waits for it. The libraries that speak to devices
// cost a process more to load than the ban does, so all other verbs are banpush-devices', which goes on with the same
// command line. Both are made of the same main.cpp.
#include "app/commands/commands.hpp"
#include "app/commands/table/spool.hpp"
#include "files/own_files.hpp"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace banpush {

namespace {

// Throws Error (Usage).
int go_on(const Settings &settings) {
  std::vector<char *> argv;
  std::vector<std::string> words = settings.words;
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string program = devices_program();
  ::execv(program.c_str(), argv.data());
  throw Error(ErrorKind::Usage,
              fmt::format("the program that speaks to devices, {}, cannot be started: {}", program, std::strerror(errno)));
}

} // namespace

int init(const Settings &settings, const InitOptions & /*options*/) { return go_on(settings); }
int check(const Settings &settings, const CheckOptions & /*options*/) { return go_on(settings); }
int plan(const Settings &settings, const PlanOptions & /*options*/) { return go_on(settings); }
int push(const Settings &settings, const PushOptions & /*options*/) { return go_on(settings); }
int serve(const Settings &settings) { return go_on(settings); }
int allow(const Settings &settings, const AllowOptions & /*options*/) { return go_on(settings); }
int spool(const Settings &settings, const SpoolOptions & /*options*/) { return go_on(settings); }
int list(const Settings &settings, const ListOptions & /*options*/) { return go_on(settings); }
int show(const Settings &settings, const std::string & /*device*/) { return go_on(settings); }
int setup(const Settings &settings, const SetupOptions & /*options*/) { return go_on(settings); }
int save(const Settings &settings, const Names & /*devices*/) { return go_on(settings); }
int flush(const Settings &settings, const FlushOptions & /*options*/) { return go_on(settings); }
int pause(const Settings &settings, const PauseOptions & /*options*/) { return go_on(settings); }
int resume(const Settings &settings, const PauseOptions & /*options*/) { return go_on(settings); }
int trust(const Settings &settings, const TrustOptions & /*options*/) { return go_on(settings); }
int drivers_list(const Settings &settings) { return go_on(settings); }
int drivers_show(const Settings &settings, const std::string & /*driver*/) { return go_on(settings); }
int drivers_parse(const Settings &settings, const ParseOptions & /*options*/) { return go_on(settings); }
int drivers_render(const Settings &settings, const RenderOptions & /*options*/) { return go_on(settings); }
int explain(const Settings &settings, const std::string & /*ip*/) { return go_on(settings); }
int stats(const Settings &settings, const StatsOptions & /*options*/) { return go_on(settings); }
int status(const Settings &settings, const StatusOptions & /*options*/) { return go_on(settings); }
int feed(const Settings &settings, const FeedOptions & /*options*/) { return go_on(settings); }
int audit(const Settings &settings, const AuditOptions & /*options*/) { return go_on(settings); }
int prune(const Settings &settings, const std::string & /*older_than*/) { return go_on(settings); }

} // namespace banpush
