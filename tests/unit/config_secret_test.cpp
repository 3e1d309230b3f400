#include "config/secret.hpp"
#include "config_folder.hpp"
#include "files/owner.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace banpush;

namespace {

std::string device(const std::string &keys) { return "devices:\n  e: {address: a, driver: frr, " + keys + "}\n"; }

const RunCommand never = [](const std::vector<std::string> &) -> std::string { throw std::logic_error("nothing is to be run"); };

std::string said_of(const Secret &secret, const RunCommand &run = never) {
  try {
    return "[" + read_secret(secret, run) + "]";
  } catch (const Error &error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
}

} // namespace

TEST_CASE("a secret comes from a file, the environment or a program") {
  const ConfigFolder folder;
  folder.write("pass", "s3cret\n");
  ::setenv("BANPUSH_TEST_SECRET", "from the environment", 1);
  const Config config =
      folder.load(device("password: {file: pass}, passphrase: {env: BANPUSH_TEST_SECRET}, enable: {command: [pass, show, x]}"));
  const Device &e = config.devices.front();
  CHECK(said_of(e.login.password) == "[s3cret]");
  CHECK(said_of(e.login.passphrase) == "[from the environment]");
  CHECK(said_of(e.enable, [](const std::vector<std::string> &argv) { return argv.at(2) + "-secret\nmore\n"; }) == "[x-secret]");
  CHECK(said_of(Secret{}) == "[]");
}

TEST_CASE("a secret that cannot be had is refused where it stands, and never shown") {
  const ConfigFolder folder;
  folder.write("pass", "x\n");
  folder.write("loose", "x\n", 0644);
  folder.write("group", "x\n", 0640);
  ::mkfifo((folder.path() + "/pipe").c_str(), 0600);
  ::unsetenv("BANPUSH_TEST_UNSET");
  ::setenv("BANPUSH_TEST_EMPTY", "", 1);
  const std::string forms = "{file: PATH}, {env: NAME} or {command: [PROGRAM, ARGUMENT]}";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"hunter2", ":42: password: a secret is not written here; use " + forms},
      {"[hunter2]", ":42: password: expected a mapping (key: value), found a list"},
      {"{}", ":42: password: expected one of " + forms},
      {"{file: pass, env: HOME}", ":42: password: expected one of " + forms},
      {"{fiel: pass}", ":43: unknown key \"fiel\"; did you mean \"file\"?"},
      {"{file: loose}", ":49: file: loose may be read by others (mode 0644); chmod 600 loose"},
      {"{file: group}",
       ":49: file: group may be read by the group " + group_name(::getegid()) +
           " (mode 0640), which is not the service's; chmod 600 group, or, for those who record bans: chgrp banpush group && "
           "chmod 640 group"},
      {"{file: nowhere}", ":49: file: cannot read nowhere: No such file or directory"},
      {"{file: .}", ":49: file: . is no regular file"},
      {"{file: pipe}", ":49: file: pipe is no regular file"},
      {"{env: BANPUSH_TEST_UNSET}", ":48: env: the environment variable BANPUSH_TEST_UNSET is not set"},
      {"{env: BANPUSH_TEST_EMPTY}", ":48: env: the environment variable BANPUSH_TEST_EMPTY is empty"},
      {"{env: \"A=B\"}", ":48: env: expected the name of an environment variable, found \"A=B\""},
      {"{command: pass show x}", ":52: command: expected a list: the program and its arguments, found \"pass show x\""},
      {"{command: []}", ":52: command: expected a list: the program and its arguments, found a list"},
  };
  for (const auto &[text, said] : cases) {
    INFO(text);
    const std::string complaint = folder.complaint(device("password: " + text));
    CHECK(complaint == "banpush.yaml:2" + said);
    CHECK(complaint.find("hunter2") == std::string::npos);
  }
  CHECK(folder.complaint(device("key: loose")) == "banpush.yaml:2:37: key: loose may be read by others (mode 0644); chmod 600 loose");
}

TEST_CASE("a secret is looked at again when it is read") {
  const ConfigFolder folder;
  const std::string file = folder.write("pass", "x\n");
  const Secret secret{Secret::From::File, file, {}};
  CHECK(said_of(secret) == "[x]");
  folder.write("pass", "x\r\n");
  CHECK(said_of(secret) == "[x]");
  folder.write("pass", "");
  CHECK(said_of(secret) == "the secret from " + file + " is empty");
  folder.write("pass", "one\ntwo\n");
  CHECK(said_of(secret) == "the secret from " + file + " has more than one line");
  folder.write("pass", "x\n", 0644);
  CHECK(said_of(secret) == "secret: " + file + " may be read by others (mode 0644); chmod 600 " + file);
  CHECK(said_of({Secret::From::Command, {}, {"pass"}}, [](const std::vector<std::string> &) { return "\n"; }) ==
        "the secret from the command pass is empty");
}

TEST_CASE("a secret of a device replaces its group's whole") {
  const ConfigFolder folder;
  folder.write("pass", "x\n");
  ::setenv("BANPUSH_TEST_SECRET", "y", 1);
  const Config config =
      folder.load("groups: {g: {driver: frr, password: {file: pass}}}\n"
                  "devices:\n  e: {address: a, groups: [g], password: {env: BANPUSH_TEST_SECRET}}\n  f: {address: a, groups: [g]}\n");
  CHECK(config.device("e")->login.password.from == Secret::From::Environment);
  CHECK(config.device("f")->login.password.from == Secret::From::File);
}
